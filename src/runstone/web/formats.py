"""Numbers, times, sizes and names as pages show them. Each has its full value elsewhere: in a tooltip, in a copy."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

# Names that begin alike are only cut when that saves much, and only the part that all of them share.
LONG_NAME, SHARED_PART = 28, 12


def number(value: Any) -> str:
    """4 significant digits, thousands apart: what a table of figures shows."""
    if not isinstance(value, float):
        return thousands(value) if isinstance(value, int) else str(value)
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "∞" if value > 0 else "-∞"
    if value != 0 and (abs(value) >= 1e7 or abs(value) < 1e-4):
        digits, _, power = f"{value:.3e}".partition("e")
        return f"{digits}e{int(power)}"
    if abs(value) >= 1000 or value == int(value):
        return thousands(round(value))
    return f"{value:.4g}"


def exact(value: Any) -> str:
    return repr(value) if isinstance(value, float) else str(value)


def thousands(value: int) -> str:
    return f"{value:,}".replace(",", "\u202f")


def plainly(message: str) -> str:
    """What is wrong with a filter, without the words that clients of the API look for in it."""
    text = message.removeprefix("Invalid clause(s) in filter string: ").removesuffix(" Invalid clause(s) in filter string.")
    return text[:1].upper() + text[1:]


def counted(value: int, noun: str, plural: str = "") -> str:
    """`1 run`, `1 284 runs`."""
    return f"{thousands(value)} {noun if value == 1 else plural or noun + 's'}"


def iso(ms: int) -> str:
    """Empty for what no calendar has."""
    try:
        return datetime.fromtimestamp(ms / 1000, UTC).isoformat(timespec="milliseconds")
    except (OverflowError, ValueError, OSError):
        return ""


def minute(ms: int) -> str:
    """For readers without JavaScript."""
    text = iso(ms)
    return f"{text[:10]} {text[11:16]} UTC" if text else str(ms)


def duration(ms: int | None) -> str:
    if ms is None or ms < 0:
        return "–"
    seconds = ms / 1000
    if seconds < 10:
        return f"{seconds:.1f} s"
    if seconds < 60:
        return f"{seconds:.0f} s"
    minutes, rest = divmod(int(seconds), 60)
    if minutes < 60:
        return f"{minutes} m {rest:02d} s"
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes:02d} m" if hours < 48 else f"{thousands(hours // 24)} d {hours % 24:02d} h"


def size(count: int | None) -> str:
    if count is None:
        return ""
    amount = float(count)
    for unit in ("B", "kB", "MB", "GB"):
        if amount < 1000:
            return f"{amount:.0f} {unit}" if unit == "B" or amount >= 100 else f"{amount:.1f} {unit}"
        amount /= 1000
    return f"{amount:.1f} TB"


def mark(text: str) -> str:
    """Another text has another one: a form that was opened before somebody else saved is told by it."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:16]


def segment(text: str) -> str:
    """A name as one part of a URL's path."""
    return quote(text, safe="")


def shared_prefix(names: Sequence[str]) -> int:
    """How many characters may be left out at the start of each name: what all share, up to a separator."""
    if len(names) < 2 or max(map(len, names)) <= LONG_NAME:
        return 0
    low, high = min(names), max(names)  # what these two share, all between them share
    length = next((i for i, sign in enumerate(low) if high[i : i + 1] != sign), len(low))
    shared = low[:length]
    end = max(shared.rfind(sign) for sign in "/-_. :") + 1
    return end if end >= SHARED_PART else 0
