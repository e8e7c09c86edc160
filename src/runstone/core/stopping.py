"""Whether this process was told to stop: answers that have no end of their own end then."""

from __future__ import annotations

_told = False


def begin() -> None:
    """Called for each open connection when the HTTP server begins to shut down."""
    global _told  # noqa: PLW0603 (one process, one server)
    _told = True


def begun() -> bool:
    return _told
