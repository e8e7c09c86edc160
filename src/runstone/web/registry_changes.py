"""Aliases of versions, and two versions beside each other."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from fastapi import Request, Response
from sqlalchemy import Connection

from runstone.core import wire
from runstone.core.scope import Context, Ctx
from runstone.errors import InvalidParameter, RunstoneError
from runstone.experiments.guards import ReadableWorkspace, WritableWorkspace
from runstone.logged_models import queries as model_queries
from runstone.registry import changes, naming, queries
from runstone.registry.guards import EditRegisteredModel, RegisteredModelGuard, VersionGuard, version_number
from runstone.runs import queries as run_queries
from runstone.runs import table
from runstone.web.formats import exact, number, segment
from runstone.web.forms import Refused, form_fields
from runstone.web.model_files import SIDES, ModelFiles, columns, model_files, packages
from runstone.web.registry import show_version
from runstone.web.registry_live import mark_of
from runstone.web.templating import go, link, page
from runstone.web.toasts import named, told

router = wire.ApiRouter()

ROWS_LIMIT = 200  # of a comparison, in each of its tables


@router.post("/models/{name}/aliases")
async def alias(request: Request, name: str, ctx: Ctx, _: WritableWorkspace) -> Response:
    """Gives `alias` to `version`, whichever version had it before, or takes it away when `remove` is sent."""
    model, fields = EditRegisteredModel(name, ctx.scope), await form_fields(request)
    typed, version, remove = (
        fields.get("alias", "").strip().removeprefix("@"),
        fields.get("version", ""),
        bool(fields.get("remove")),
    )

    def change(connection: Connection) -> int | None:
        row = model.load(connection)
        if remove:
            return changes.delete_alias(connection, ctx.scope, row, typed)
        if not typed:
            raise InvalidParameter("Give the alias a name.")
        naming.check_new_alias(typed)
        found = model.load_version(connection, version_number(version))
        return changes.set_alias(connection, ctx.scope, row, typed, found.version)

    base = f"/models/{segment(name)}"
    back = f"{base}/versions/{version_number(version)}"
    try:
        before = await ctx.db.write(change)
    except RunstoneError as error:
        if error.status == 404:
            raise
        guard = VersionGuard(name, version, ctx.scope)
        return await show_version(request, ctx, guard, error.status, Refused("alias", typed, error.message))
    said = f"Alias {named('@' + typed)} {'removed' if remove else f'now means version {version}'}."
    undo = {"alias": typed, "version": str(before or version)} | ({} if before else {"remove": "yes"})
    return go(request, back, **told(ctx, said, undo=f"{base}/aliases", **undo))


@router.get("/models/{name}/compare")
async def compare(request: Request, name: str, ctx: Ctx, _: ReadableWorkspace) -> Response:
    """Two versions beside each other, what differs first. Costs fifteen statements and four small files."""
    guard, query = RegisteredModelGuard(name, ctx.scope), request.query_params
    numbers = [version_number(query[side]) for side in ("a", "b") if query.get(side)]

    def load(connection: Connection) -> dict[str, Any]:
        mark, row = mark_of(connection, ctx), guard.load(connection)
        listed = queries.all_versions(connection, ctx.scope, row.id, 500)
        chosen = (numbers + [found.version for found in listed if found.version not in numbers])[:2]
        if len(chosen) < 2:
            raise InvalidParameter("Two versions are needed to compare, and this model has fewer.")
        sides = [_side(connection, ctx, name, chosen[i]) for i in (0, 1)]
        return {"model": row, "mark": mark, "listed": [found.version for found in listed], "sides": sides}

    found = await ctx.db.read(load)
    places = [side["row"].storage_location or side["row"].source for side in found["sides"]]
    files = [await model_files(request, place, to_compare=True) for place in places]
    text = query.get("find", "").strip()[:500]
    words = [word.lower() for word in text.split()]
    groups = []
    for label, rows in _groups(*found["sides"], *files):
        some = [row for row in rows if all(word in row[0].lower() for word in words)]
        if some:
            groups.append((label, some[:ROWS_LIMIT], len(some), sum(row[3] for row in some)))
    a, b = (side["row"].version for side in found["sides"])
    # Which two it shows stays, whatever comes later.
    here = link(ctx.settings.static_prefix, f"/models/{segment(name)}/compare", a=a, b=b, find=text)
    return page(request, "models/compare.html", area="models", groups=groups, find=text, address=here, **found)


def _groups(a: dict[str, Any], b: dict[str, Any], in_a: ModelFiles, in_b: ModelFiles) -> list[tuple[str, Sequence[Any]]]:
    """(heading, rows) of everything that two versions may differ in."""
    return [
        ("Metrics of the source run", _rows(a["metrics"], b["metrics"])),
        ("Params of the source run", _rows(a["params"], b["params"])),
        *((f"Signature: {side}", _rows(columns(in_a, side), columns(in_b, side))) for side in SIDES),
        ("Requirements", _rows(packages(in_a), packages(in_b))),
        ("Files", _rows(dict(in_a.entries), dict(in_b.entries))),
        ("Tags", _rows(a["tags"], b["tags"])),
    ]


def _side(connection: Connection, ctx: Context, name: str, version: int) -> dict[str, Any]:
    row = VersionGuard(name, str(version), ctx.scope).load(connection)
    made = model_queries.find(connection, ctx.scope, row.model_id) if row.model_id else None
    run_id = row.run_id or (made.source_run_id if made is not None else None)
    run = run_queries.find(connection, ctx.scope, run_id) if run_id else None
    measured = table.series_of(connection, ctx.scope, run.id) if run is not None else []
    return {
        "row": row,
        "run": run,
        "metrics": {metric["key"]: metric["value"] for metric in measured},
        "params": dict(run_queries.params_of(connection, ctx.scope, [run.id])[run.id]) if run is not None else {},
        "tags": dict(queries.version_tags(connection, ctx.scope, [row.id])[row.id]),
    }


def _cell(value: Any) -> Any:
    return value if isinstance(value, float) else "" if value is None else str(value)


def _rows(before: dict[str, Any], after: dict[str, Any]) -> Sequence[tuple[str, Any, Any, bool, str]]:
    """(name, in a, in b, differs, change) of every name, those that differ first."""
    rows = []
    for key in sorted(before.keys() | after.keys()):
        one, two = before.get(key), after.get(key)
        change = ""
        if (
            isinstance(one, float)
            and isinstance(two, float)
            and one != two
            and abs(one) < float("inf")
            and abs(two) < float("inf")
        ):
            change = f"{'+' if two > one else '-'}{number(abs(two - one))}"
        rows.append((key, _cell(one), _cell(two), exact(one) != exact(two), change))
    return sorted(rows, key=lambda row: not row[3])
