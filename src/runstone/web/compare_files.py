"""/compare/files?runs=a,b,...: the files of compared runs side by side: which have which, images, and texts with what changed."""

from __future__ import annotations

import asyncio
import difflib
from dataclasses import dataclass, field
from typing import Any

from fastapi import Request, Response

from runstone.core import wire
from runstone.core.scope import Ctx
from runstone.errors import DataLoss, InvalidParameter, NotFound, Unavailable
from runstone.experiments.guards import ReadableWorkspace
from runstone.storage import paths
from runstone.storage.roots import Roots
from runstone.storage.store import Entry
from runstone.web import compared, formats
from runstone.web.listed import listed
from runstone.web.recorded import digests
from runstone.web.templating import page

router = wire.ApiRouter()

RUNS_LIMIT = 12
ENTRIES_LIMIT = 500
TEXT_LIMIT, LINES_LIMIT, CONTEXT = 200_000, 2_000, 3
# What is said of a file, what differs first. "same size": no record tells whether the bytes are the same.
ORDER = ("", "differs", "same size", "same")
# What every browser draws by itself and cannot run: no SVG.
IMAGES = (".png", ".jpg", ".jpeg", ".gif", ".webp", ".bmp")


@dataclass(frozen=True)
class Side:
    """What one run has at the path: the entries of a folder with the SHA-256 of those that are known, or a text; `problem` when it
    cannot be shown.
    """

    entries: dict[str, Entry] | None = None
    known: dict[str, str] = field(default_factory=dict)
    text: str | None = None
    problem: str = ""


@router.get("/compare/files")
async def compare_files(request: Request, ctx: Ctx, _: ReadableWorkspace) -> Response:
    """Costs two statements, and for each run the listing of one folder and a statement, or the beginning of one file."""
    query = request.query_params
    asked = listed(query, "runs")
    runs, looks, _cells = await ctx.db.read(lambda c: compared.load(c, ctx, asked[:RUNS_LIMIT]))
    file, folder = query.get("file", ""), query.get("folder", "")
    image = file.lower().endswith(IMAGES)
    sides = [Side() if image else await _side(request, run.artifact_uri, folder, file) for run in runs]
    found: dict[str, Any] = {"names": [], "diffs": []}
    if not file:
        names = {name: entry.is_dir for side in sides for name, entry in (side.entries or {}).items()}
        rated = [(name, is_dir, "" if is_dir else _sameness(name, sides)) for name, is_dir in names.items()]
        found["names"] = sorted(rated, key=lambda item: (not item[1], ORDER.index(item[2]), item[0]))
    elif not image and sides:
        found["cut_short"] = any(
            len(side.text or "") >= TEXT_LIMIT or (side.text or "").count("\n") > LINES_LIMIT for side in sides
        )
        found["diffs"] = [await asyncio.to_thread(changes, sides[0].text, side.text) for side in sides[1:]]
    return page(
        request, "compare/files.html", area="experiments", runs=runs, looks=looks, left_out=len(asked) - len(runs), sides=sides, file=file,
        folder=folder.strip("/"), image=image, cut=formats.shared_prefix([run.name for run in runs]), lines_limit=LINES_LIMIT, **found,
    )  # fmt: skip


async def _side(request: Request, uri: str, folder: str, file: str) -> Side:
    roots: Roots = request.app.state.roots
    try:
        place = roots.place(uri)
        if not file:
            entries = await place.store.entries(place.below(paths.canonical_or_root(folder)), "", ENTRIES_LIMIT)
            keys = {
                place.below(f"{folder.strip('/')}/{entry.name}".lstrip("/")): entry.name for entry in entries if not entry.is_dir
            }
            found = await digests(request, place.store, keys)
            known = {keys[key]: digest for key, digest in found.items()}
            return Side(entries={entry.name: entry for entry in entries}, known=known)
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


def _sameness(name: str, sides: list[Side]) -> str:
    """One of `ORDER`: equal sizes alone say nothing."""
    entries = [side.entries.get(name) for side in sides if side.entries is not None]
    if len({entry.size if entry else None for entry in entries}) > 1:
        return "differs"
    found = {side.known.get(name) for side in sides if side.entries is not None}
    if len(found - {None}) > 1:
        return "differs"
    return "same size" if None in found else "same"


def changes(before: str | None, after: str | None) -> list[tuple[str, str]] | None:
    """(kind, line) of what changed with some lines around it; kind is "add", "remove", "place" or "". None without two texts."""
    if before is None or after is None:
        return None
    old, new = (text.splitlines()[:LINES_LIMIT] for text in (before, after))
    kinds = {"+": "add", "-": "remove", "@": "place"}
    listed = list(difflib.unified_diff(old, new, n=CONTEXT, lineterm=""))[2:]
    return [(kinds.get(line[:1], ""), line if line[:1] == "@" else line[1:]) for line in listed]
