"""What waits in a queue, taken in groups by the one thread that works on it."""

from __future__ import annotations

import queue
from typing import TypeVar

T = TypeVar("T")


def take(waiting: queue.SimpleQueue[T | None], limit: int) -> list[T] | None:
    """The next that comes, and at most `limit` with those behind it; None behind the None that closes the queue."""
    first = waiting.get()
    if first is None:
        return None
    group = [first]
    while len(group) < limit:
        try:
            following = waiting.get_nowait()
        except queue.Empty:
            break
        if following is None:
            waiting.put(None)
            break
        group.append(following)
    return group
