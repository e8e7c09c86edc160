"""/search: one search over experiments, runs and models. The command palette asks it while one types; it is a page too."""

from __future__ import annotations

import re
from typing import Any

from fastapi import Request, Response
from sqlalchemy import Connection

from runstone.core import wire
from runstone.core.jsonbody import refuse_unstorable_text
from runstone.core.scope import Context, Ctx
from runstone.experiments import queries as experiment_queries
from runstone.experiments.guards import ReadableWorkspace
from runstone.logged_models import queries as model_queries
from runstone.registry import queries as registry_queries
from runstone.runs import finding
from runstone.web.templating import page, wants_part

router = wire.ApiRouter()

TEXT_LIMIT, WORDS_LIMIT = 200, 8
IN_PALETTE, ON_PAGE = 6, 50
_MODEL_ID = re.compile(r"m-[0-9a-f]{4,32}\Z")


@router.get("/search")
async def search(request: Request, ctx: Ctx, _: ReadableWorkspace) -> Response:
    """Costs at most six statements, each bounded (runs/finding.py); 10 000 experiments or models are walked through."""
    text = " ".join(request.query_params.get("q", "")[:TEXT_LIMIT].split()[:WORDS_LIMIT])
    refuse_unstorable_text(text)
    part = wants_part(request)
    found = await ctx.db.read(lambda c: load(c, ctx, text, IN_PALETTE if part else ON_PAGE))
    return page(request, "search/_found.html" if part else "search/page.html", area="search", text=text, part=part, **found)


def load(connection: Connection, ctx: Context, text: str, limit: int) -> dict[str, Any]:
    words = text.split()
    return {
        "experiments": experiment_queries.find_named(connection, ctx.scope, words, limit),
        "runs": finding.find_named(connection, ctx.scope, text, limit),
        "models": registry_queries.find_named(connection, ctx.scope, words, limit),
        "logged_models": model_queries.find_by_id(connection, ctx.scope, text, limit) if _MODEL_ID.match(text) else [],
    }
