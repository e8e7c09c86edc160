"""Which files this process has hashed from end to end: one that has not changed since needs no second hashing.

A file is known by marks that change with its bytes and that nobody can set back. Hashing again takes place when a mark
differs, when the server was started anew, and an hour later, so that a disk that rots is noticed as well.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import NamedTuple

FILES_KNOWN = 4096
TRUSTED_SECONDS = 3600.0


@dataclass(frozen=True, slots=True)
class Identity:
    """The marks of a file when it was opened. Not `settled`: bytes that change from now on may leave the same marks."""

    marks: tuple[int | float | str, ...]
    settled: bool = True


class _Known(NamedTuple):
    marks: tuple[int | float | str, ...]
    sha256: str
    since: float


class Checked:
    """Used from the event loop. With `seconds` 0 nothing is trusted."""

    def __init__(self, seconds: float = TRUSTED_SECONDS, limit: int = FILES_KNOWN) -> None:
        self._seconds, self._limit = seconds, limit
        self._known: dict[tuple[str, str], _Known] = {}

    def note(self, key: str, etag: str, identity: Identity | None, sha256: str) -> None:
        """All bytes of this version were hashed; its marks were read before the first of them."""
        if identity is None or not identity.settled or not self._seconds:
            return
        self._known.pop((key, etag), None)
        self._known[key, etag] = _Known(identity.marks, sha256, time.monotonic())
        while len(self._known) > self._limit:
            self._known.pop(next(iter(self._known)))

    def sha256(self, key: str, etag: str, identity: Identity | None) -> str:
        """What the file hashed to; '' when nobody knows."""
        known = self._known.get((key, etag))
        if known is None or identity is None or known.marks != identity.marks:
            return ""
        return known.sha256 if time.monotonic() - known.since < self._seconds else ""

    def has_changed(self, key: str, etag: str, identity: Identity | None) -> bool:
        """Whether something was done to it since it was hashed, though the store calls it the same version."""
        known = self._known.get((key, etag))
        return known is not None and identity is not None and known.marks != identity.marks
