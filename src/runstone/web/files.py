"""The files of a run, a logged model or a version on their page: one folder, or one file with a look inside."""

from __future__ import annotations

from dataclasses import dataclass, field

from fastapi import Request

from runstone.errors import InvalidParameter, NotFound
from runstone.storage import paths
from runstone.storage.roots import Roots
from runstone.storage.store import ArtifactStore, Entry

ENTRIES_LIMIT = 1000
TEXT_LIMIT = 100_000
IMAGE_LIMIT = 20_000_000
# What every browser draws by itself and cannot run: no SVG.
IMAGES = (".png", ".jpg", ".jpeg", ".gif", ".webp", ".bmp")


@dataclass(frozen=True)
class Look:
    """A file: `text` is its beginning when it is text, `kind` "text", "image" or "none"."""

    path: str
    size: int
    kind: str
    text: str = ""
    cut: bool = False


@dataclass(frozen=True)
class Files:
    """`problem` says why nothing can be shown; `after` is the last name shown when the folder holds more behind it."""

    folder: str = ""
    entries: list[Entry] = field(default_factory=list)
    after: str = ""
    look: Look | None = None
    problem: str = ""

    @property
    def trail(self) -> list[tuple[str, str]]:
        """(name, path) of the folders from the root to the shown folder or file."""
        parts = (self.look.path if self.look else self.folder).split("/")
        return [(part, "/".join(parts[: i + 1])) for i, part in enumerate(parts) if part]


async def files_at(request: Request, uri: str) -> Files:
    """What `?path=folder&from=name` or `?file=path` of the URL asks for, among the artifacts at `uri`."""
    roots: Roots = request.app.state.roots
    try:
        folder = paths.canonical_or_root(request.query_params.get("path"))
        file = paths.canonical_or_root(request.query_params.get("file"))
        place = roots.place(uri)
        if file:
            return Files(look=await _look(place.store, place.below(file), file))
        start = request.query_params.get("from", "")
        entries = await place.store.entries(place.below(folder), start, ENTRIES_LIMIT + 1)
    except (InvalidParameter, NotFound) as error:
        return Files(problem=error.message)
    if len(entries) > ENTRIES_LIMIT:
        return Files(folder, entries[:ENTRIES_LIMIT], entries[ENTRIES_LIMIT - 1].name)
    return Files(folder, entries if start else sorted(entries, key=lambda entry: (not entry.is_dir, entry.name)))


async def _look(store: ArtifactStore, key: str, path: str) -> Look:
    file = await store.open(key)
    try:
        size = file.stat.size
        if path.lower().endswith(IMAGES):
            return Look(path, size, "image" if size <= IMAGE_LIMIT else "none")
        start = b"".join([part async for part in file.pieces(0, min(size, TEXT_LIMIT))])
    finally:
        file.close()
    text = as_text(start, cut=size > TEXT_LIMIT)
    return Look(path, size, "none" if text is None else "text", text or "", size > TEXT_LIMIT)


def as_text(start: bytes, *, cut: bool) -> str | None:
    """The text, or None for bytes that are none. A character that was cut in two at the end is left out."""
    if b"\0" in start:
        return None
    for left_out in range(4 if cut else 1):
        try:
            return start[: len(start) - left_out].decode("utf-8-sig")
        except UnicodeDecodeError:
            continue
    return None
