"""One canonical form for the path of an artifact. Everything that could name another place is refused, not repaired."""

from __future__ import annotations

import re
import unicodedata
from urllib.parse import unquote_to_bytes

from runstone.errors import InvalidParameter

PATH_LIMIT = 4096
SEGMENT_LIMIT = 255
DEPTH_LIMIT = 100
# Names that begin so are the store's own: uploads in progress.
RESERVED_PREFIX = ".runstone-"

_ENCODED_DANGER = re.compile(r"%(?:25)*(?:2e|2f|5c|00|3a|23|3f)", re.IGNORECASE)
# Characters that make a name look like another one: direction overrides and what has no width.
_DECEIVING = frozenset("\u061c\u200b\u200c\u200d\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2060\u2066\u2067\u2068\u2069\ufeff")


def decoded(raw: bytes, field: str = "path") -> str:
    """Percent-decode a URL's bytes once, strictly."""
    try:
        return unquote_to_bytes(raw).decode("utf-8")
    except UnicodeDecodeError as error:
        raise InvalidParameter(f"Invalid {field}: it is not UTF-8 once its percent signs are decoded.") from error


def canonical(path: str, field: str = "path") -> str:
    """`path` itself when it is relative, plain and bounded: `model/MLmodel`. Raises `InvalidParameter`."""
    if not path:
        raise InvalidParameter(f"Invalid {field}: it is empty. Name an artifact, such as model/MLmodel.")
    if len(path.encode("utf-8", "surrogatepass")) > PATH_LIMIT:
        raise InvalidParameter(f"Invalid {field}: it is longer than {PATH_LIMIT} bytes.")
    segments = path.split("/")
    if len(segments) > DEPTH_LIMIT:
        raise InvalidParameter(f"Invalid {field}: it is more than {DEPTH_LIMIT} folders deep.")
    if any(segment in (".", "..") for segment in segments) or path.startswith("/"):
        raise InvalidParameter(f"Invalid {field}")  # the whole message is what clients compare with
    reason = next((reason for reason in map(_refusal, segments) if reason), None) or _whole_refusal(path)
    if reason:
        raise InvalidParameter(f"Invalid {field}: {reason}.")
    return path


def canonical_or_root(path: str | None, field: str = "path") -> str:
    """For listings: nothing at all means the root, and '.' the folder where it stands, which clients put before names."""
    kept = [part for part in (path or "").removesuffix("/").split("/") if part != "."]
    if not path or not kept:
        return ""
    return canonical("/".join(kept) or path, field)


def _whole_refusal(path: str) -> str | None:
    if _ENCODED_DANGER.search(path):
        return "it holds percent-encoded separators or dots; write it decoded"
    if re.match(r"[A-Za-z]:", path):
        return "it begins like a Windows drive; use a relative path"
    return None


def _refusal(segment: str) -> str | None:
    if segment in ("", ".", ".."):
        return "each part between slashes must be a name, not empty, '.' or '..'"
    if not segment.strip():
        return "a part of it is only spaces"
    if segment.startswith(RESERVED_PREFIX):
        return f"names that begin with {RESERVED_PREFIX} are reserved"
    try:
        size = len(segment.encode("utf-8"))
    except UnicodeEncodeError:
        return "it holds half of a surrogate pair"
    if size > SEGMENT_LIMIT:
        return f"a part of it is longer than {SEGMENT_LIMIT} bytes"
    for character in segment:
        if character == "\\" or character == "#":
            return f"the character {character!r} is not allowed in names"
    found = invisible(segment)
    return f"it holds the invisible character U+{ord(found):04X}" if found else None


def invisible(text: str) -> str | None:
    """The first control character, or character that makes a text look like another one."""
    if text.isascii() and text.isprintable():
        return None
    return next((c for c in text if unicodedata.category(c) in ("Cc", "Zl", "Zp") or c in _DECEIVING), None)


def above(key: str) -> list[str]:
    """The folders that it is in, as keys, the outermost first."""
    parts = key.split("/")
    return ["/".join(parts[:depth]) for depth in range(1, len(parts))]
