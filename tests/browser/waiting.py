"""Waits for what a browser brings about elsewhere: the answer of the server, a width, an event."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

Found = TypeVar("Found")

SECONDS = 20


def becomes(find: Callable[[], Found], wanted: Found) -> None:
    """Asks again until it is so; says what it was at last."""
    deadline = time.monotonic() + SECONDS
    while (found := find()) != wanted and time.monotonic() < deadline:
        time.sleep(0.05)
    assert found == wanted
