"""The files of a run, a logged model or a version on their page: one folder, or one file with a look inside."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from urllib.parse import quote, urlencode

from fastapi import Request
from markupsafe import Markup
from msgspec import structs

from runstone.artifacts import integrity
from runstone.artifacts.records import Records
from runstone.errors import DataLoss, InvalidParameter, NotFound, Unavailable
from runstone.previews.kinds import kind_of
from runstone.previews.looks import Asked, Cell, Look, Notebook
from runstone.previews.readers import Readers
from runstone.previews.source import Unreadable
from runstone.storage import paths
from runstone.storage.roots import Roots
from runstone.storage.store import ArtifactStore, Entry, OpenFile
from runstone.web import notes
from runstone.web.templating import environment

ENTRIES_LIMIT = 200
POSITION_LIMIT = 2**53
# The browser draws these itself; nothing is read here.
_FRAMED = ("html", "svg", "pdf", "audio", "video")
# What has both a look and a text behind it.
_WITH_SOURCE = ("html", "svg", "markdown", "json", "yaml", "delimited", "notebook", "mlmodel")
_PLAIN = ("text", "log", "unknown", "binary", "packed", "image")
_BINARY = ("parquet", "safetensors", "onnx")
NOTES_LIMIT = 60_000  # characters of a notebook
_SHOWN_LIMIT = {"image": 50_000_000, "html": 20_000_000, "svg": 5_000_000, "pdf": 200_000_000}


@dataclass(frozen=True)
class Preview:
    """A file and what is shown of it. `kind` is of `previews/kinds.py`, `html` what the look became."""

    path: str
    size: int
    kind: str
    html: Markup
    plain: bool = False

    @property
    def name(self) -> str:
        return self.path.rpartition("/")[2]

    @property
    def has_source(self) -> bool:
        return self.kind in _WITH_SOURCE

    @property
    def opens(self) -> bool:
        """Whether it can be opened in a tab of its own."""
        return self.kind in ("image", *_FRAMED)


@dataclass(frozen=True)
class Files:
    """`problem` says why nothing can be shown; `after` is the last name shown when the folder holds more behind it, `reached` that up
    to which `find` was looked for.
    """

    folder: str = ""
    entries: list[Entry] = field(default_factory=list)
    after: str = ""
    start: str = ""
    find: str = ""
    reached: str = ""
    look: Preview | None = None
    problem: str = ""

    @property
    def trail(self) -> list[tuple[str, str]]:
        """(name, path) of the folders from the root to the shown folder or file."""
        parts = (self.look.path if self.look else self.folder).split("/")
        return [(part, "/".join(parts[: i + 1])) for i, part in enumerate(parts) if part]


async def files_at(request: Request, uri: str) -> Files:
    """What `?path=folder&from=name&find=text` or `?file=path&at=position` of the URL asks for, among the artifacts at `uri`."""
    roots: Roots = request.app.state.roots
    query = request.query_params
    folder = ""
    try:
        folder = paths.canonical_or_root(query.get("path"))
        file = paths.canonical_or_root(query.get("file"))
        place = roots.place(uri)
        if file:
            return Files(look=await _preview(request, place.store, place.below(file), file))
        return await _folder(place.store, place.below(folder), folder, query.get("from", ""), query.get("find", "").strip()[:255])
    except (InvalidParameter, NotFound, Unavailable, DataLoss) as error:
        return Files(folder, problem=error.message)


async def _folder(store: ArtifactStore, key: str, folder: str, start: str, find: str) -> Files:
    if find:
        found = await store.find(key, find, start, ENTRIES_LIMIT)
        return Files(folder, found.entries, start=start, find=find, reached=found.reached)
    entries = await store.entries(key, start, ENTRIES_LIMIT + 1)
    if len(entries) > ENTRIES_LIMIT:
        return Files(folder, entries[:ENTRIES_LIMIT], entries[ENTRIES_LIMIT - 1].name, start)
    if not start:  # all of it fits: folders stand first
        entries.sort(key=lambda entry: (not entry.is_dir, entry.name))
    return Files(folder, entries, start=start)


async def _preview(request: Request, store: ArtifactStore, key: str, path: str) -> Preview:
    query = request.query_params
    kind, plain = kind_of(path.rpartition("/")[2]), query.get("view") == "source"
    file = (await integrity.opened(store, key, Records.of(request))).file
    try:
        size = file.stat.size
        if plain and kind not in _WITH_SOURCE:
            plain = False
        values: dict[str, object] = {}
        if size > _SHOWN_LIMIT.get(kind, size):
            values["problem"] = "It is too large to be shown here. Download it to look inside."
        elif kind not in _FRAMED or plain:
            asked = Asked(kind, path.rpartition("/")[2], size, _number(query.get("at")), _number(query.get("row")) or 0, plain)
            values = await _looked(request, file, asked)
    finally:
        file.close()
    here = quote(request.app.state.settings.static_prefix + request.scope["path"])
    context = {
        "kind": kind, "plain": plain, "path": path, "size": size, "shown": f"{here}/files/shown?{urlencode({'path': path})}",
        "zoomed": query.get("zoom") == "1", "link": _Link(path, plain=plain), "text": None, "look": None, "cells": [], "problem": "",
    }  # fmt: skip
    html = await asyncio.to_thread(environment().get_template("previews/look.html").render, context | values)
    return Preview(path, size, kind, Markup(html), plain)  # noqa: S704 (a template with escaping made it)


async def _looked(request: Request, file: OpenFile, asked: Asked) -> dict[str, object]:
    """What the template is to show of it."""
    if asked.reader == "markdown" and not asked.plain and asked.size <= notes.LENGTH_LIMIT:
        text = b"".join([piece async for piece in file.pieces(0, asked.size)]).decode("utf-8-sig", "replace")
        return {"text": await notes.rendered(text)}
    readers: Readers = request.app.state.readers
    try:
        look: Look = await readers.look(file, asked)
    except Unreadable as error:
        return await _plainly(readers, file, asked, str(error))
    return {"look": look, "cells": await _notes(look.cells) if isinstance(look, Notebook) else []}


async def _plainly(readers: Readers, file: OpenFile, asked: Asked, why: str) -> dict[str, object]:
    """What cannot be taken apart, as its text or its bytes, with the reason above."""
    if asked.reader in _PLAIN:
        return {"problem": why}
    reader = "binary" if asked.reader in _BINARY else "text"
    try:
        look = await readers.look(file, structs.replace(asked, reader=reader, at=None, plain=True))
    except Unreadable as error:
        return {"problem": str(error)}
    look.note = why
    return {"look": look}


async def _notes(cells: list[Cell]) -> list[Markup]:
    """The Markdown of a notebook as HTML; what is too much of it, as it was typed."""
    made, left = list[Markup](), NOTES_LIMIT
    for cell in cells:
        left -= len(cell.text)
        made.append(await notes.rendered(cell.text) if left >= 0 else Markup("<pre>{}</pre>").format(cell.text))
    return made


def _number(text: str | None) -> int | None:
    """A position of a link; what is no number, or too large for one, is none."""
    if not text or not text.removeprefix("-").isascii() or not text.removeprefix("-").isdigit() or len(text) > 17:
        return None
    return max(-1, min(int(text), POSITION_LIMIT))


class _Link:
    """To another part of the same file, on the same page."""

    def __init__(self, path: str, *, plain: bool) -> None:
        self._kept = {"file": path} | ({"view": "source"} if plain else {})

    def __call__(self, **query: object) -> str:
        return "?" + urlencode(
            self._kept | {name: str(value) for name, value in query.items() if value is not None}, quote_via=quote
        )
