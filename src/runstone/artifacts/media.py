"""What a file is said to be, by its name."""

from __future__ import annotations

import mimetypes
import re

# Python's own table, without what the machine's files add to it.
_TYPES = mimetypes.MimeTypes()
_TEXT_NAMES = re.compile(r"MLmodel|MLproject|.*\.(?:ya?ml|toml|cfg|ini|log|md|jsonl)", re.IGNORECASE)
_ACTIVE = re.compile(r"text/(?!csv|tab-separated)|.*(?:html|xml|xsl|script|sh\b|postscript|flash)")
_COMPRESSED = {"gzip": "application/gzip", "bzip2": "application/x-bzip2", "xz": "application/x-xz"}


def media_type(name: str) -> str:
    """By the name's ending. What a browser would run is said to be text, and what is packed is not said to be what is in it."""
    if _TEXT_NAMES.fullmatch(name):
        return "text/plain"
    kind, packing = _TYPES.guess_type(f"/{name}")  # the slash: names are not URLs, and may begin with "data:"
    if packing:
        return _COMPRESSED.get(packing, "application/octet-stream")
    if kind is None:
        return "application/octet-stream"
    return "text/plain" if _ACTIVE.match(kind) else kind
