"""Open to everybody: health, version, and what this server offers."""

from __future__ import annotations

from fastapi import Request, Response
from fastapi.responses import PlainTextResponse
from sqlalchemy import text

from runstone.artifacts.direct import offered
from runstone.core import wire
from runstone.core.failures import json_answer
from runstone.core.scope import Ctx
from runstone.core.wire import answer
from runstone.errors import RunstoneError, Unavailable

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
async def ready(ctx: Ctx) -> Response:
    """Whether this process can do its work now: the database answers."""
    try:
        await ctx.db.read(lambda c: c.execute(text("SELECT 1")).scalar())
    except RunstoneError:
        return json_answer(Unavailable("The database does not answer."))
    return answer({"status": "ready"})


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
