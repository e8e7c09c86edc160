"""/compare/media?runs=a,b,...&step=N: images and tables of compared runs side by side, all at one step."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from fastapi import Request, Response
from sqlalchemy import Connection

from runstone.artifacts import integrity
from runstone.artifacts.records import Records
from runstone.core import wire
from runstone.core.scope import Context, Ctx
from runstone.errors import DataLoss, InvalidParameter, NotFound, Unavailable
from runstone.experiments.guards import ReadableWorkspace
from runstone.previews.kinds import kind_of
from runstone.previews.looks import Asked, Table
from runstone.previews.readers import Readers
from runstone.previews.source import Unreadable
from runstone.runs import queries
from runstone.storage import paths
from runstone.storage.roots import Roots
from runstone.web import formats, logged_steps
from runstone.web.compare_files import RUNS_LIMIT
from runstone.web.listed import listed
from runstone.web.logged_steps import Logged
from runstone.web.templating import page

router = wire.ApiRouter()

NAMES_LIMIT = 10_000  # in the folder of images of one run
KEYS_SHOWN = 12
TABLE_ROWS = 20


@dataclass(frozen=True)
class Cell:
    """What a run has of a name at the step, or the last step before it; without `path`, why there is nothing."""

    step: int | None = None
    path: str = ""
    small: str = ""
    look: Table | None = None
    said: str = ""


@router.get("/compare/media")
async def compare_media(request: Request, ctx: Ctx, _: ReadableWorkspace) -> Response:
    """Costs two statements, for each run the listing of one folder, and the beginning of each table that is shown."""
    query = request.query_params
    asked = listed(query, "runs")
    runs, tags = await ctx.db.read(lambda c: _load(c, ctx, asked[:RUNS_LIMIT]))
    folders = await asyncio.gather(*(_images(request, run.artifact_uri) for run in runs))
    images, tables = [found for found, _ in folders], logged_steps.tables(tags)
    names = {"images": _names(images), "tables": _names(tables)}
    kind, chosen = _chosen(query.get("show", ""), names)
    shown = {
        "images": chosen if kind != "tables" else [],
        "tables": chosen if kind == "tables" else names["tables"] if not kind else [],
    }
    shown = {kind: found[:KEYS_SHOWN] for kind, found in shown.items()}
    steps = _steps(images, shown["images"]) | _steps(tables, shown["tables"])
    ordered = sorted(steps)
    place = _place(query.get("step"), query.get("place"), ordered)
    step = ordered[place] if ordered else 0
    pictures = [(name, [_picture(of_run.get(name), step) for of_run in images]) for name in shown["images"]]
    sheets = [
        (name, await asyncio.gather(*(_sheet(request, run.artifact_uri, of_run.get(name), step) for run, of_run in zip(runs, tables, strict=True))))
        for name in shown["tables"]
    ]  # fmt: skip
    return page(
        request, "compare/media.html", area="experiments", runs=runs, left_out=len(asked) - len(runs), names=names, show=query.get("show", ""),
        steps=ordered, place=place, step=step, pictures=pictures, sheets=sheets, cut=formats.shared_prefix([run.name for run in runs]),
        problems=[problem for _, problem in folders if problem], limit=KEYS_SHOWN, rows_limit=TABLE_ROWS,
        image_of=logged_steps.image_of,
    )  # fmt: skip


def _load(connection: Connection, ctx: Context, run_ids: list[str]) -> tuple[list[Any], list[str | None]]:
    rows = queries.find_all(connection, ctx.scope, run_ids)
    runs = [rows[run_id] for run_id in run_ids if run_id in rows]
    tags = queries.tags_of(connection, ctx.scope, [run.id for run in runs]) if runs else {}
    return runs, [dict(tags[run.id]).get(logged_steps.TABLES_TAG) for run in runs]


async def _images(request: Request, uri: str) -> tuple[dict[str, Logged], str]:
    """And why not all of them are known."""
    roots: Roots = request.app.state.roots
    try:
        place = roots.place(uri)
        entries = await place.store.entries(place.below(logged_steps.IMAGES), "", NAMES_LIMIT)
    except (InvalidParameter, NotFound, Unavailable, DataLoss) as error:
        return {}, error.message
    whole = len(entries) < NAMES_LIMIT
    problem = "" if whole else f"Only the first {NAMES_LIMIT} files in the folder of images of a run are looked at."
    return logged_steps.images(entry.name for entry in entries if not entry.is_dir), problem


def _names(found: Sequence[dict[str, Logged]]) -> list[str]:
    """Those of most runs first."""
    counted: dict[str, int] = {}
    for of_run in found:
        for name in of_run:
            counted[name] = counted.get(name, 0) + 1
    return sorted(counted, key=lambda name: (-counted[name], name))


def _chosen(show: str, names: dict[str, list[str]]) -> tuple[str, list[str]]:
    """`images:KEY` or `tables:NAME` shows that one alone."""
    kind, _, name = show.partition(":")
    if kind in names and name in names[kind]:
        return kind, [name]
    return "", names["images"]


def _steps(found: Sequence[dict[str, Logged]], names: Sequence[str]) -> set[int]:
    return {step for of_run in found for name in names if name in of_run for step in (*of_run[name].paths, *of_run[name].small)}


def _place(step: str | None, place: str | None, steps: Sequence[int]) -> int:
    """Where the slider stands: at the place that it names, or the last step up to `step`; without either, at the last."""
    last = max(0, len(steps) - 1)
    try:
        if place:
            return max(0, min(int(place), last))
        if step:
            wanted = int(step)
            return max(0, sum(known <= wanted for known in steps) - 1)
    except ValueError:
        pass
    return last


def _picture(logged: Logged | None, step: int) -> Cell:
    if logged is None:
        return Cell(said="This run has none.")
    found = logged.at(step)
    if found is None:
        return Cell(said=f"None up to step {formats.thousands(step)}.")
    return Cell(found, logged.path(found), logged.path(found, small=True))


async def _sheet(request: Request, uri: str, logged: Logged | None, step: int) -> Cell:
    cell = _picture(logged, step)
    if not cell.path:
        return cell
    roots: Roots = request.app.state.roots
    readers: Readers = request.app.state.readers
    try:
        place = roots.place(uri)
        file = (await integrity.opened(place.store, place.below(paths.canonical(cell.path)), Records.of(request))).file
        try:
            name = cell.path.rpartition("/")[2]
            look = await readers.look(file, Asked(kind_of(name), name, file.stat.size))
        finally:
            file.close()
    except (InvalidParameter, NotFound, Unavailable, DataLoss) as error:
        return Cell(cell.step, cell.path, said=error.message)
    except Unreadable as error:
        return Cell(cell.step, cell.path, said=str(error))
    if not isinstance(look, Table):
        return Cell(cell.step, cell.path, said="This file holds no table.")
    return Cell(cell.step, cell.path, look=look)
