"""/runs/bulk: the form around a table of runs, for who has no scripts: compares, tags, moves, deletes, restores what is ticked."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from fastapi import Request, Response
from sqlalchemy import Connection
from starlette.datastructures import QueryParams

from runstone.core import names, wire
from runstone.core.scope import Context, Ctx
from runstone.errors import InvalidParameter, RunstoneError
from runstone.experiments import queries as experiment_queries
from runstone.experiments.guards import WritableWorkspace
from runstone.runs import changes
from runstone.runs.changes import Change
from runstone.web.forms import form_pairs, state_of
from runstone.web.runs_asked import Asked
from runstone.web.runs_changes import as_json, change_of, said_of
from runstone.web.templating import go, link, page
from runstone.web.toasts import told

router = wire.ApiRouter()

FIELDS_LIMIT = 1100
# Each becomes a part of the address that follows, which proxies and browsers take up to 64 KB of: room for 1 000 runs.
ADDRESS_LIMIT = 40_000
_FORGOTTEN = ("told", "done", "id")


@dataclass(frozen=True)
class _Sent:
    runs: list[str]
    fields: dict[str, str]

    @classmethod
    def of(cls, pairs: Sequence[tuple[str, str]]) -> _Sent:
        ids = [run_id for name, value in pairs if name == "run" for run_id in value.split(",") if run_id]
        return cls(list(dict.fromkeys(ids)), dict(pairs))

    def __getitem__(self, name: str) -> str:
        return self.fields.get(name, "").strip()

    @property
    def here(self) -> str:
        return Asked.of(QueryParams(self["state"]), self["experiment"]).here


@router.post("/runs/bulk")
async def bulk(request: Request, ctx: Ctx, _: WritableWorkspace) -> Response:
    """`do` says what: compare, tag, untag, move, delete, restore, or undo, which the toast sends. Back to the table afterwards."""
    sent = _Sent.of(await form_pairs(request, FIELDS_LIMIT))
    names.check_length(",".join(sent.runs), ADDRESS_LIMIT, "run")
    state, here = state_of(sent["state"], ADDRESS_LIMIT, _FORGOTTEN), sent.here
    if sent["do"] == "compare" and sent.runs:
        return go(request, "/compare", runs=",".join(sent.runs))

    def apply(connection: Connection) -> tuple[list[Change], str]:
        wanted = _wanted(connection, ctx, sent)
        inverse = changes.apply(connection, ctx.scope, wanted)
        return inverse, "Taken back." if sent["do"] == "undo" else said_of(connection, ctx.scope, wanted)

    try:
        inverse, said = await ctx.db.write(apply)
    except RunstoneError as error:
        return page(
            request, "experiments/refused.html", error.status, area="experiments", problem=error.message, sent=sent,
            back=here, state=state, address=link(ctx.settings.static_prefix, here, **state),
        )  # fmt: skip
    undo = {} if sent["do"] == "undo" else {"undo": "/runs/bulk", **_undo(inverse, sent)}
    return go(request, here, **state | told(ctx, said, **undo))


def _wanted(connection: Connection, ctx: Context, sent: _Sent) -> list[Change]:
    if not sent.runs and sent["do"] != "undo":
        raise InvalidParameter("Tick at least one run first.")
    do = sent["do"]
    if do == "undo":
        return _taken_back(sent)
    if do in ("delete", "restore"):
        return [Change(run_id, stage="deleted" if do == "delete" else "active") for run_id in sent.runs]
    if do in ("tag", "untag"):
        if not sent["tag"]:
            raise InvalidParameter("Give the tag a name.")
        return [Change(run_id, tags={sent["tag"]: sent["value"] if do == "tag" else None}) for run_id in sent.runs]
    if do == "move":
        to = _experiment(connection, ctx, sent["to"])
        moved = [Change(run_id, experiment_id=to) for run_id in sent.runs]
        return changes.with_nested(connection, ctx.scope, moved) if sent["nested"] else moved
    raise InvalidParameter("Say what to do with the runs: compare, tag, move, delete or restore.")


def _experiment(connection: Connection, ctx: Context, typed: str) -> str:
    """By its name, else by its id."""
    if not typed:
        raise InvalidParameter("Name the experiment to move the runs to.")
    row = experiment_queries.find_by_name(connection, ctx.scope, typed)
    if row is None and typed.isascii() and typed.isdigit() and len(typed) < 19:
        row = experiment_queries.find(connection, ctx.scope, int(typed))
    if row is None:
        raise InvalidParameter("There is no experiment of this name or id.")
    return str(row.id)


def _undo(inverse: list[Change], sent: _Sent) -> dict[str, str]:
    """Short where one change does for all: what a toast holds has to fit into a URL."""
    place = {"do": "undo", "state": sent["state"], "experiment": sent["experiment"]}
    same = {json.dumps(as_json(replace(change, run_id="each"))) for change in inverse}
    if len(same) == 1:
        return place | {"run": ",".join(change.run_id for change in inverse), "change": same.pop()}
    return place | {"changes": json.dumps([as_json(change) for change in inverse])}


def _taken_back(sent: _Sent) -> list[Change]:
    try:
        items: Any = json.loads(sent["changes"] or "[]")
        one: Any = json.loads(sent["change"] or "{}")
    except ValueError as error:
        raise InvalidParameter("What to take back cannot be read.") from error
    if not isinstance(items, list) or not isinstance(one, dict):
        raise InvalidParameter("What to take back cannot be read.")
    return [change_of(item) for item in items or [one | {"run_id": run_id} for run_id in sent.runs]]
