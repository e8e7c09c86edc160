"""What runs logged into their folders of images: each folder is listed once for a page and all the steps it then goes to."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from time import monotonic

from runstone.errors import DataLoss, InvalidParameter, NotFound, Unavailable
from runstone.storage.roots import Roots
from runstone.web import logged_steps
from runstone.web.logged_steps import Logged

NAMES_LIMIT = 10_000  # in the folder of one run
AT_ONCE = 8
KEPT_NAMES, KEPT_SECONDS = 100_000, 600.0


@dataclass(frozen=True)
class Folder:
    """The images by key, and why not all of them are known."""

    images: dict[str, Logged]
    problem: str = ""
    names: int = 0
    listed_at: float = 0.0


class ImageFolders:
    """Lists folders, and keeps what it found for those who go from step to step. Whoever asks must be allowed to read the runs."""

    def __init__(self) -> None:
        self._kept: OrderedDict[str, Folder] = OrderedDict()

    async def listed(self, roots: Roots, uris: Sequence[str], *, again: bool) -> list[Folder]:
        """By the artifact roots of runs. `again`: as they are now, and not as they were when the page was loaded."""
        turn = asyncio.Semaphore(AT_ONCE)

        async def one(uri: str) -> Folder:
            kept = None if again else self._kept.get(uri)
            if kept is not None and monotonic() - kept.listed_at < KEPT_SECONDS:
                return kept
            async with turn:
                found = await _list(roots, uri)
            self._keep(uri, found)
            return found

        return await asyncio.gather(*(one(uri) for uri in uris))

    def _keep(self, uri: str, folder: Folder) -> None:
        self._kept.pop(uri, None)
        self._kept[uri] = folder
        names = sum(kept.names for kept in self._kept.values())
        while names > KEPT_NAMES and len(self._kept) > 1:
            names -= self._kept.popitem(last=False)[1].names


async def _list(roots: Roots, uri: str) -> Folder:
    try:
        place = roots.place(uri)
        entries = await place.store.entries(place.below(logged_steps.IMAGES), "", NAMES_LIMIT)
    except (InvalidParameter, NotFound, Unavailable, DataLoss) as error:
        return Folder({}, error.message)
    whole = len(entries) < NAMES_LIMIT
    problem = "" if whole else f"Only the first {NAMES_LIMIT} files in the folder of images of a run are looked at."
    images = logged_steps.images(entry.name for entry in entries if not entry.is_dir)
    return Folder(images, problem, 1 + len(entries), monotonic())
