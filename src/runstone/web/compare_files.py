"""/compare/files?runs=a,b,...: the files of compared runs side by side: which have which, images, and texts with what changed."""

from __future__ import annotations

import asyncio
import difflib
from dataclasses import dataclass
from typing import Any

from fastapi import Request, Response

from runstone.core import wire
from runstone.core.scope import Ctx
from runstone.errors import DataLoss, InvalidParameter, NotFound, Unavailable
from runstone.experiments.guards import ReadableWorkspace
from runstone.runs import queries
from runstone.storage import paths
from runstone.storage.roots import Roots
from runstone.storage.store import Entry
from runstone.web import formats
from runstone.web.listed import listed
from runstone.web.templating import page

router = wire.ApiRouter()

RUNS_LIMIT = 12
ENTRIES_LIMIT = 500
TEXT_LIMIT, LINES_LIMIT, CONTEXT = 200_000, 2_000, 3
# What every browser draws by itself and cannot run: no SVG.
IMAGES = (".png", ".jpg", ".jpeg", ".gif", ".webp", ".bmp")


@dataclass(frozen=True)
class Side:
    """What one run has at the path: the entries of a folder, or a text; `problem` when it cannot be shown."""

    entries: dict[str, Entry] | None = None
    text: str | None = None
    problem: str = ""


@router.get("/compare/files")
async def compare_files(request: Request, ctx: Ctx, _: ReadableWorkspace) -> Response:
    """Costs one statement, and for each run the listing of one folder or the beginning of one file."""
    query = request.query_params
    asked = listed(query, "runs")
    rows = await ctx.db.read(lambda c: queries.find_all(c, ctx.scope, asked[:RUNS_LIMIT]))
    runs = [rows[run_id] for run_id in asked[:RUNS_LIMIT] if run_id in rows]
    file, folder = query.get("file", ""), query.get("folder", "")
    image = file.lower().endswith(IMAGES)
    sides = [Side() if image else await _side(request, run.artifact_uri, folder, file) for run in runs]
    found: dict[str, Any] = {"names": [], "diffs": []}
    if not file:
        names = {name: entry.is_dir for side in sides for name, entry in (side.entries or {}).items()}
        found["names"] = sorted(names.items(), key=lambda item: (not item[1], item[0]))
    elif not image and sides:
        found["diffs"] = [await asyncio.to_thread(changes, sides[0].text, side.text) for side in sides[1:]]
    return page(
        request, "compare/files.html", area="experiments", runs=runs, left_out=len(asked) - len(runs), sides=sides, file=file,
        folder=folder.strip("/"), image=image, cut=formats.shared_prefix([run.name for run in runs]), lines_limit=LINES_LIMIT, **found,
    )  # fmt: skip


async def _side(request: Request, uri: str, folder: str, file: str) -> Side:
    roots: Roots = request.app.state.roots
    try:
        place = roots.place(uri)
        if not file:
            entries = await place.store.entries(place.below(paths.canonical_or_root(folder)), "", ENTRIES_LIMIT)
            return Side(entries={entry.name: entry for entry in entries})
        opened = await place.store.open(place.below(paths.canonical(file)))
    except (InvalidParameter, NotFound, Unavailable, DataLoss) as error:
        return Side(problem=error.message)
    try:
        start = b"".join([piece async for piece in opened.pieces(0, min(opened.stat.size, TEXT_LIMIT))])
    finally:
        opened.close()
    if b"\0" in start:
        return Side(problem="This file is no text.")
    return Side(text=start.decode("utf-8", "replace"))


def changes(before: str | None, after: str | None) -> list[tuple[str, str]] | None:
    """(kind, line) of what changed with some lines around it; kind is "add", "remove", "place" or "". None without two texts."""
    if before is None or after is None:
        return None
    old, new = (text.splitlines()[:LINES_LIMIT] for text in (before, after))
    kinds = {"+": "add", "-": "remove", "@": "place"}
    listed = list(difflib.unified_diff(old, new, n=CONTEXT, lineterm=""))[2:]
    return [(kinds.get(line[:1], ""), line if line[:1] == "@" else line[1:]) for line in listed]
