"""The server's clock."""

from __future__ import annotations

import time


def now_ms() -> int:
    """Milliseconds since the epoch, UTC: the unit of every time on the wire."""
    return time.time_ns() // 1_000_000
