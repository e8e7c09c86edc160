"""What people do with logged models: into the trash and back, one or those that are ticked, and the end of an upload that nobody told."""

from __future__ import annotations

from typing import Any

from fastapi import Request, Response
from sqlalchemy import Connection

from runstone.core import wire
from runstone.core.scope import Context, Ctx
from runstone.errors import InvalidParameter
from runstone.experiments.guards import WritableWorkspace, experiment_number
from runstone.logged_models import lifecycle, queries
from runstone.logged_models.guards import EditModel
from runstone.web.formats import counted, segment
from runstone.web.forms import form_fields, form_pairs, state_of
from runstone.web.models_table import PAGE
from runstone.web.templating import go
from runstone.web.toasts import named, told

router = wire.ApiRouter()

ADDRESS_LIMIT = 8_000
STAGES = {"delete": "deleted", "restore": "active"}
# By what a form sends: the status, and how a toast says it.
STATUSES = {
    "ready": ("LOGGED_MODEL_READY", "is ready now"),
    "failed": ("LOGGED_MODEL_UPLOAD_FAILED", "is marked as failed"),
    "pending": ("LOGGED_MODEL_PENDING", "is pending again"),
}
_FORGOTTEN = ("told", "before", "after")


@router.post("/experiments/{experiment_id}/models/change")
async def change_models(request: Request, experiment_id: str, ctx: Ctx, _: WritableWorkspace) -> Response:
    """`do` is delete or restore, `models` the ids, in one field or several. The table follows, in the state that the query of the
    address says, or the field `state`.
    """
    pairs = await form_pairs(request, PAGE + 20)
    fields = dict(pairs)
    ids = list(dict.fromkeys(one for name, text in pairs if name == "models" for one in text.split(",") if one))
    do, state = fields.get("do", ""), fields.get("state", request.url.query)
    if do not in STAGES:
        raise InvalidParameter("Say what to do with the logged models: delete or restore.")
    if not ids:
        raise InvalidParameter("Tick at least one logged model first.")
    if len(ids) > PAGE:
        raise InvalidParameter(f"At most {PAGE} logged models can be changed at once, got {len(ids)}.")
    kept = state_of(state, ADDRESS_LIMIT, _FORGOTTEN)
    place = f"/experiments/{experiment_number(experiment_id)}/models"
    await ctx.db.write(lambda c: lifecycle.move(c, ctx.scope, ids, STAGES[do]))
    said = counted(len(ids), "logged model") + (" moved to the trash." if do == "delete" else " restored.")
    back = {"do": "restore" if do == "delete" else "delete", "models": ",".join(ids), "state": state}
    return go(request, place, **kept | told(ctx, said, undo=f"{place}/change", **back))


@router.post("/logged-models/{model_id}/delete")
async def delete(request: Request, model_id: str, ctx: Ctx, _: WritableWorkspace) -> Response:
    row = await _moved(ctx, model_id, "deleted")
    undo = f"/logged-models/{segment(model_id)}/restore"
    said = f"Logged model {named(row.name)} moved to the trash."
    return go(request, f"/experiments/{row.experiment_id}/models", **told(ctx, said, undo=undo))


@router.post("/logged-models/{model_id}/restore")
async def restore(request: Request, model_id: str, ctx: Ctx, _: WritableWorkspace) -> Response:
    row = await _moved(ctx, model_id, "active")
    place = f"/logged-models/{segment(model_id)}"
    return go(request, place, **told(ctx, f"Logged model {named(row.name)} restored.", undo=f"{place}/delete"))


async def _moved(ctx: Context, model_id: str, stage: str) -> Any:
    guard = EditModel(model_id, ctx.scope)

    def act(connection: Connection) -> Any:
        row = guard.load(connection)
        lifecycle.move(connection, ctx.scope, [row.model_id], stage)
        return row

    return await ctx.db.write(act)


@router.post("/logged-models/{model_id}/status")
async def finish(request: Request, model_id: str, ctx: Ctx, _: WritableWorkspace) -> Response:
    """`to` is ready, failed or pending: what a script says itself, unless it died before."""
    guard, fields = EditModel(model_id, ctx.scope), await form_fields(request)
    status, becomes = STATUSES.get(fields.get("to", ""), ("", ""))
    if not status:
        raise InvalidParameter("Say what the logged model is: ready, failed or pending.")

    def act(connection: Connection) -> Any:
        row = guard.load_active(connection)
        queries.change(connection, row.id, status=status)
        return row

    before = await ctx.db.write(act)
    place = f"/logged-models/{segment(model_id)}"
    to = next((word for word, (known, _) in STATUSES.items() if known == before.status), "pending")
    return go(request, place, **told(ctx, f"Logged model {named(before.name)} {becomes}.", undo=f"{place}/status", to=to))
