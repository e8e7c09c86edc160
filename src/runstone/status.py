"""Open to everybody: health, version, and what this server offers."""

from __future__ import annotations

import asyncio

from fastapi import FastAPI, Request, Response
from fastapi.responses import PlainTextResponse

from runstone.artifacts.direct import offered
from runstone.core import wire
from runstone.core.failures import json_answer
from runstone.core.readiness import Check, database_check
from runstone.core.wire import answer
from runstone.errors import Unavailable
from runstone.storage.store import ArtifactStore

router = wire.ApiRouter()

# Clients parse this to learn which calls they may make; it is the wire's version, not Runstone's.
MLFLOW_VERSION = "3.17.2"


@router.get("/health", name="open")
async def health() -> Response:
    return PlainTextResponse("OK")


@router.get("/livez", name="open")
async def live() -> Response:
    return PlainTextResponse("OK")


@router.get("/readyz", name="open")
async def ready(request: Request) -> Response:
    """Whether this process can do its work now. `?without=store` leaves out a check by its name, for a balancer that must not
    take a server away because of something that all of them share.
    """
    state, skipped = request.app.state, request.query_params.get("without", "").split(",")
    if state.draining:
        return json_answer(Unavailable("Not ready: the server is about to stop."))
    found = await asyncio.gather(*(check.problem() for check in state.checks if check.name not in skipped))
    problems = [problem for problem in found if problem is not None]
    if problems:
        return json_answer(Unavailable(f"Not ready: {' '.join(problems)}"))
    waiting = state.behind.waiting
    return answer({"status": "ready"} | ({"artifacts_waiting": waiting} if waiting is not None else {}))


def store_check(store: ArtifactStore) -> Check:
    """The artifact store takes uploads."""
    return Check("store", store.probe)


def checks(app: FastAPI) -> list[Check]:
    """Of a started application."""
    state = app.state
    return [database_check(state.db), *([store_check(state.roots.served)] if state.settings.serve_artifacts else [])]


@router.get("/version", name="open")
async def version() -> Response:
    return PlainTextResponse(MLFLOW_VERSION)


@router.get("/api/3.0/mlflow/server-info", name="open")
async def server_info(request: Request) -> Response:
    """What clients may count on: they read it before large transfers, and before every download."""
    offer = offered(request.app.state.settings, request.app.state.roots.served)
    return answer(
        {
            "store_type": "SqlStore",
            "workspaces_enabled": False,
            "trace_archival_enabled": False,
            "multipart_uploads_enabled": offer.uploads,
            "multipart_downloads_enabled": offer.downloads,
            "presigned_upload_run_id_supported": offer.uploads,
            "presigned_upload_model_id_supported": offer.uploads,
            "features_enabled": {"gateway": False},
        }
    )


@router.get("/ajax-api/3.0/mlflow/ui-telemetry", name="open")
async def telemetry() -> Response:
    return answer({"disable_ui_telemetry": True, "disable_ui_events": True, "ui_rollout_percentage": 0})


@router.post("/ajax-api/3.0/mlflow/ui-telemetry", name="open")
async def no_telemetry() -> Response:
    return answer({"status": "disabled"})
