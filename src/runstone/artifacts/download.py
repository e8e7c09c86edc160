"""Answering with a stored file: streamed, resumable, and never as something that a browser would run."""

from __future__ import annotations

import mimetypes
import re
from email.utils import formatdate
from urllib.parse import quote

from fastapi import Request, Response
from fastapi.responses import StreamingResponse
from starlette.types import Receive, Scope, Send

from runstone.errors import PermissionDenied, RangeNotSatisfiable
from runstone.storage.roots import Place
from runstone.storage.store import OpenFile, Stat

_RANGE = re.compile(r"bytes=(?:(?P<first>[0-9]{1,18})-(?P<last>[0-9]{0,18})|-(?P<suffix>[0-9]{1,18}))\Z")
# Nothing here may be rendered by the server's own origin, whatever its name says.
_POLICY = "default-src 'none'; sandbox"
# Python's own table, without what the machine's files add to it.
_TYPES = mimetypes.MimeTypes()
_TEXT_NAMES = re.compile(r"MLmodel|.*\.(?:ya?ml|toml|cfg|ini|log|md|jsonl)", re.IGNORECASE)
_ACTIVE = re.compile(r"text/(?!csv|tab-separated)|.*(?:html|xml|xsl|script|sh\b|postscript|flash)")
_COMPRESSED = {"gzip": "application/gzip", "bzip2": "application/x-bzip2", "xz": "application/x-xz"}


class FileAnswer(StreamingResponse):
    """Streams a part of a file, and closes it however the answer ends."""

    def __init__(self, file: OpenFile, start: int, length: int, status: int, headers: dict[str, str], kind: str) -> None:
        super().__init__(file.pieces(start, length), status, headers, kind)
        self._file = file

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await super().__call__(scope, receive, send)
        finally:
            self._file.close()


async def answer_file(request: Request, place: Place, path: str, etag: str = "") -> Response:
    """The file, a part of it (206), or that it has not changed (304). HEAD gets the same headers without a body.

    Raises `PermissionDenied` when an `etag` is given and the file is another version by now.
    """
    file = await place.store.open(place.below(path))
    try:
        if etag and file.stat.etag != etag:
            raise PermissionDenied("The artifact was replaced since this URL was signed. Ask for a new one.")
        answer = _answer(request, file, path.rpartition("/")[2])
    except BaseException:
        file.close()
        raise
    if not isinstance(answer, FileAnswer):
        file.close()
    return answer


def _answer(request: Request, file: OpenFile, name: str) -> Response:
    headers = _headers(file.stat, name)
    if is_unchanged(request.headers.get("if-none-match", ""), file.stat.etag):
        return Response(status_code=304, headers=headers)
    start, length, status = 0, file.stat.size, 200
    wanted = request.headers.get("range")
    if wanted and request.headers.get("if-range", file.stat.etag) == file.stat.etag:
        part = parse_range(wanted, file.stat.size)
        if part is not None:
            start, length, status = part[0], part[1], 206
            headers["Content-Range"] = f"bytes {start}-{start + length - 1}/{file.stat.size}"
    headers["Content-Length"] = str(length)
    kind = media_type(name)
    if request.method == "HEAD" or length == 0:
        return Response(status_code=status, headers=headers, media_type=kind)
    return FileAnswer(file, start, length, status, headers, kind)


def _headers(found: Stat, name: str) -> dict[str, str]:
    return {
        "ETag": found.etag,
        "Last-Modified": formatdate(found.modified, usegmt=True),
        "Accept-Ranges": "bytes",
        "Content-Disposition": disposition(name),
        "X-Content-Type-Options": "nosniff",
        "Content-Security-Policy": _POLICY,
        "Cache-Control": "private, no-cache",
    }


def is_unchanged(header: str, etag: str) -> bool:
    """Whether If-None-Match names the file as it is."""
    return header.strip() == "*" or etag in [tag.strip().removeprefix("W/") for tag in header.split(",")]


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


def disposition(name: str) -> str:
    """RFC 6266: always a download, the exact name in UTF-8 and an ASCII stand-in for old clients."""
    plain = re.sub(r"[^A-Za-z0-9._\- ]", "_", name)
    exact = "" if plain == name else f"; filename*=UTF-8''{quote(name, safe='')}"
    return f'attachment; filename="{plain}"{exact}'
