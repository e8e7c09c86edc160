"""Answering with a stored file: streamed, resumable, and never as something that a browser would run."""

from __future__ import annotations

import hashlib
import re
from email.utils import formatdate
from urllib.parse import quote

from fastapi import Request, Response
from fastapi.responses import StreamingResponse
from starlette.types import Receive, Scope, Send

from runstone.artifacts import integrity
from runstone.artifacts.integrity import Opened
from runstone.artifacts.media import media_type
from runstone.artifacts.records import Records
from runstone.core.outlet import Outlet
from runstone.errors import PermissionDenied, RangeNotSatisfiable
from runstone.storage.roots import Place
from runstone.storage.store import Stat

# Read and compared before the answer begins; a larger file is compared while it is sent.
SMALL = 1024 * 1024
_RANGE = re.compile(r"bytes=(?:(?P<first>[0-9]{1,18})-(?P<last>[0-9]{0,18})|-(?P<suffix>[0-9]{1,18}))\Z")
_PLAIN_NAME = re.compile(r"[A-Za-z0-9._+\-]+")
# Nothing here may be rendered by the server's own origin, whatever its name says.
_POLICY = "default-src 'none'; sandbox"


class FileAnswer(StreamingResponse):
    """Streams `length` bytes of a file from `start` on, and closes it however the answer ends."""

    def __init__(self, found: Opened, start: int, length: int, status: int, headers: dict[str, str]) -> None:
        whole = length == found.file.stat.size
        super().__init__(integrity.whole(found) if whole else integrity.known(found, start, length), status, headers)
        self._found, self._start, self._length = found, start, length
        self._digest = hashlib.sha256() if whole and not found.is_known else None
        self._outlet: Outlet | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self._outlet = scope.get("runstone.outlet")
        try:
            await super().__call__(scope, receive, send)
        finally:
            if self._outlet is not None:
                self._outlet.end()
            self._found.file.close()

    async def stream_response(self, send: Send) -> None:
        if self._outlet is None or self._length <= SMALL:
            await super().stream_response(send)
            return
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
        await send({"type": "http.response.body", "body": b"", "more_body": True})
        if not await integrity.handed_over(self._found, self._outlet, self._start, self._length, self._digest):
            async for piece in self.body_iterator:
                await send({"type": "http.response.body", "body": piece, "more_body": True})
        await send({"type": "http.response.body", "body": b"", "more_body": False})


async def answer_file(request: Request, place: Place, path: str, etag: str = "") -> Response:
    """The file, a part of it (206), or that it has not changed (304). HEAD gets the same headers without a body.

    Raises `DataLoss` for a file that is not as it was recorded; where that shows only at its end, the connection is cut.
    Raises `PermissionDenied` when an `etag` is given and the file is another version by now.
    """
    found = await integrity.opened(place.store, place.below(path), Records.of(request))
    file = found.file
    try:
        if etag and file.stat.etag != etag:
            raise PermissionDenied("The artifact was replaced since this URL was signed. Ask for a new one.")
        answer = await _answer(request, found, path.rpartition("/")[2])
    except BaseException:
        file.close()
        raise
    if not isinstance(answer, FileAnswer):
        file.close()
    return answer


async def _answer(request: Request, found: Opened, name: str) -> Response:
    file = found.file
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
    headers["Content-Type"] = media_type(name)  # no charset: nobody knows the file's
    if request.method == "HEAD" or length == 0:
        return Response(status_code=status, headers=headers)
    if length < file.stat.size:
        await integrity.assure(found)
        return FileAnswer(found, start, length, status, headers)
    if length > SMALL:
        return FileAnswer(found, start, length, status, headers)
    body = b"".join([piece async for piece in integrity.whole(found)])
    return Response(body, status, headers)


def _headers(found: Stat, name: str) -> dict[str, str]:
    return {
        "ETag": found.etag,
        "Last-Modified": formatdate(found.modified, usegmt=True),
        "Accept-Ranges": "bytes",
        "Content-Disposition": disposition(name),
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


def disposition(name: str) -> str:
    """RFC 6266: always a download. A plain name stands there bare, as clients look for it; any other exactly in UTF-8, with an
    ASCII stand-in for old clients.
    """
    if _PLAIN_NAME.fullmatch(name):
        return f"attachment; filename={name}"
    plain = re.sub(r"[^A-Za-z0-9._\- ]", "_", name)
    exact = "" if plain == name else f"; filename*=UTF-8''{quote(name, safe='')}"
    return f'attachment; filename="{plain}"{exact}'
