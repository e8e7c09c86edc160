"""Answering with a stored file: streamed, resumable, and never as something that a browser would run."""

from __future__ import annotations

import mimetypes
import re
from email.utils import formatdate
from urllib.parse import quote

from fastapi import Request, Response
from fastapi.responses import StreamingResponse

from runstone.errors import NotFound, RangeNotSatisfiable
from runstone.storage.store import ArtifactStore

_RANGE = re.compile(r"bytes=(?:(?P<first>[0-9]{1,18})-(?P<last>[0-9]{0,18})|-(?P<suffix>[0-9]{1,18}))\Z")
# Nothing here may be rendered by the server's own origin, whatever its name says.
_POLICY = "default-src 'none'; sandbox"
_ACTIVE = (
    "text/html",
    "application/xhtml+xml",
    "image/svg+xml",
    "text/xml",
    "application/xml",
    "text/javascript",
)


async def answer_file(request: Request, store: ArtifactStore, key: str) -> Response:
    """The file, a part of it (206), or that it has not changed (304). HEAD gets the same headers without a body."""
    found = await store.stat(key)
    if found is None:
        raise NotFound(f"No such artifact: '{key.rpartition('/')[2]}'")
    headers = {
        "ETag": found.etag,
        "Last-Modified": formatdate(found.modified, usegmt=True),
        "Accept-Ranges": "bytes",
        "Content-Disposition": disposition(key.rpartition("/")[2]),
        "X-Content-Type-Options": "nosniff",
        "Content-Security-Policy": _POLICY,
        "Cache-Control": "private, no-cache",
    }
    if found.etag in [tag.strip().removeprefix("W/") for tag in request.headers.get("if-none-match", "").split(",")]:
        return Response(status_code=304, headers=headers)
    start, length, status = 0, found.size, 200
    wanted = request.headers.get("range")
    if wanted and request.headers.get("if-range", found.etag) == found.etag:
        part = parse_range(wanted, found.size)
        if part is not None:
            start, length, status = part[0], part[1], 206
            headers["Content-Range"] = f"bytes {start}-{start + length - 1}/{found.size}"
    headers["Content-Length"] = str(length)
    kind = media_type(key)
    if request.method == "HEAD" or length == 0:
        return Response(status_code=status, headers=headers, media_type=kind)
    return StreamingResponse(store.read(key, start, length), status, headers, kind)


def parse_range(header: str, size: int) -> tuple[int, int] | None:
    """(start, length) of a single range; None when the whole file is the answer: several ranges, or no range at all.

    Raises `RangeNotSatisfiable` for one that lies behind the end.
    """
    match = _RANGE.match(header.strip())
    if match is None:
        return None
    if match.group("suffix"):
        length = min(int(match.group("suffix")), size)
        start = size - length
    else:
        start = int(match.group("first"))
        last = int(match.group("last")) if match.group("last") else size - 1
        if last < start and match.group("last"):
            return None
        length = min(last, size - 1) - start + 1
    if start >= size or length <= 0:
        error = RangeNotSatisfiable(f"The artifact has {size} bytes; the range lies outside of it.")
        error.headers["Content-Range"] = f"bytes */{size}"
        raise error
    return start, length


def media_type(key: str) -> str:
    name = key.rpartition("/")[2]
    if name in ("MLmodel", "python_env.yaml", "conda.yaml", "requirements.txt"):
        return "text/plain"
    kind = mimetypes.guess_type(name)[0] or "application/octet-stream"
    return "text/plain" if kind in _ACTIVE else kind


def disposition(name: str) -> str:
    """RFC 6266: always a download, the exact name in UTF-8 and an ASCII stand-in for old clients."""
    plain = re.sub(r"[^A-Za-z0-9._\- ]", "_", name)
    exact = "" if plain == name else f"; filename*=UTF-8''{quote(name, safe='')}"
    return f'attachment; filename="{plain}"{exact}'
