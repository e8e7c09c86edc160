"""/compare/media?runs=a,b,...&step=N: images and tables of compared runs side by side, all at one step."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from fastapi import Request, Response

from runstone.artifacts import integrity
from runstone.artifacts.records import Records
from runstone.core import wire
from runstone.core.scope import Ctx
from runstone.errors import DataLoss, InvalidParameter, NotFound, Unavailable
from runstone.experiments.guards import ReadableWorkspace
from runstone.previews.kinds import kind_of
from runstone.previews.looks import Asked, Table
from runstone.previews.readers import Readers
from runstone.previews.source import Unreadable
from runstone.storage import paths
from runstone.storage.roots import Roots
from runstone.web import compared, formats, logged_steps
from runstone.web.listed import listed
from runstone.web.logged_steps import Logged
from runstone.web.templating import page, wants_part

router = wire.ApiRouter()

RUNS_LIMIT = 100
KEYS_SHOWN = 12
TABLE_ROWS = 20
FEW = 12  # runs, of which each is shown whatever it has, and that every page can hold
WEIGHT, TABLE_WEIGHT = 144, 4  # of a page: images, and how many of them a table stands for
TABLES_AT_ONCE = 8
TABLES = ("tags", logged_steps.TABLES_TAG, "last")

# By kind, images or tables: for each run what it logged by name.
Found = dict[str, list[dict[str, Logged]]]


@dataclass(frozen=True)
class Cell:
    """What a run has of a name at the step, or the last step before it; without `path`, why there is nothing."""

    step: int | None = None
    path: str = ""
    small: str = ""
    look: Table | None = None
    said: str = ""


@dataclass(frozen=True)
class Turned:
    """The runs of one page, of those that have something to show; `without` have nothing, and are too many to say so one by one."""

    runs: list[Any]
    number: int
    pages: int
    first: int
    total: int
    without: int = 0


@router.get("/compare/media")
async def compare_media(request: Request, ctx: Ctx, _: ReadableWorkspace) -> Response:
    """Costs two statements, for each run the listing of one folder when the page is loaded, none when it goes to another step,
    and the beginning of each table that is shown.
    """
    query = request.query_params
    asked = listed(query, "runs")
    every, looks, cells = await ctx.db.read(lambda c: compared.load(c, ctx, asked[:RUNS_LIMIT], {TABLES}))
    uris = [run.artifact_uri for run in every]
    folders = await request.app.state.image_folders.listed(request.app.state.roots, uris, again=not wants_part(request))
    logged = {
        "images": [folder.images for folder in folders],
        "tables": logged_steps.tables([cells.get((run.id, TABLES)) for run in every]),
    }
    names = {kind: _names(found) for kind, found in logged.items()}
    shown = _shown(query.get("show", ""), names)
    ordered = sorted(_steps(logged["images"], shown["images"]) | _steps(logged["tables"], shown["tables"]))
    place = _place(query.get("step"), query.get("place"), ordered)
    step = ordered[place] if ordered else 0
    turned = _turned(every, logged, shown, query.get("page", ""))
    of_run = {run.id: {kind: found[i] for kind, found in logged.items()} for i, run in enumerate(every)}
    pictures = [(name, [_picture(of_run[run.id]["images"].get(name), step) for run in turned.runs]) for name in shown["images"]]
    turn = asyncio.Semaphore(TABLES_AT_ONCE)
    sheets = [
        (name, await asyncio.gather(*(_sheet(request, turn, run.artifact_uri, of_run[run.id]["tables"].get(name), step) for run in turned.runs)))
        for name in shown["tables"]
    ]  # fmt: skip
    return page(
        request, "compare/media.html", area="experiments", every=every, turned=turned, runs=turned.runs, looks=looks,
        left_out=len(asked) - len(every), most=RUNS_LIMIT, names=names, show=query.get("show", ""), steps=ordered, place=place, step=step,
        pictures=pictures, sheets=sheets, cut=formats.shared_prefix([run.name for run in every]),
        problems=[folder.problem for folder in folders if folder.problem], limit=KEYS_SHOWN, rows_limit=TABLE_ROWS,
        image_of=logged_steps.image_of,
    )  # fmt: skip


def _turned(runs: list[Any], logged: Found, shown: dict[str, list[str]], number: str) -> Turned:
    """As many runs on a page as keep it light; few runs stand there even if they have nothing."""
    having = [
        run for i, run in enumerate(runs)
        if len(runs) <= FEW or any(name in found[i] for kind, found in logged.items() for name in shown[kind])
    ]  # fmt: skip
    weight = len(shown["images"]) + TABLE_WEIGHT * len(shown["tables"])
    size = max(FEW, min(RUNS_LIMIT, WEIGHT // max(1, weight)))
    pages = max(1, -(-len(having) // size))
    at = max(1, min(int(number), pages)) if number.isdecimal() and len(number) < 10 else 1
    first = (at - 1) * size
    return Turned(having[first : first + size], at, pages, first + 1, len(having), len(runs) - len(having))


def _names(found: Sequence[dict[str, Logged]]) -> list[str]:
    """Those of most runs first."""
    counted: dict[str, int] = {}
    for of_run in found:
        for name in of_run:
            counted[name] = counted.get(name, 0) + 1
    return sorted(counted, key=lambda name: (-counted[name], name))


def _shown(show: str, names: dict[str, list[str]]) -> dict[str, list[str]]:
    """The names that are shown of each kind: `images:KEY` or `tables:NAME` asks for that one alone."""
    kind, _, name = show.partition(":")
    if kind in names and name in names[kind]:
        return {other: [name] if other == kind else [] for other in names}
    return {kind: found[:KEYS_SHOWN] for kind, found in names.items()}


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


async def _sheet(request: Request, turn: asyncio.Semaphore, uri: str, logged: Logged | None, step: int) -> Cell:
    cell = _picture(logged, step)
    if not cell.path:
        return cell
    async with turn:
        return await _table(request, uri, cell)


async def _table(request: Request, uri: str, cell: Cell) -> Cell:
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
