"""Pages whose beginning is sent while the rest is still read: browsers make a place for it and load styles meanwhile.

A status cannot be taken back: nothing is sent before it is certain, and what fails behind that is told in the page.
"""

from __future__ import annotations

import asyncio
import zlib
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from typing import Any

from fastapi import Request, Response
from fastapi.responses import StreamingResponse

from runstone.web.templating import BEGUN, PAGE_HEADERS, ZIP_LEVEL, ZIPPED, page, takes_gzip, texts

# Says, from any thread, that nothing of the request is wrong.
Certain = Callable[[], object]
# Finds the values of the template, `status` too if it is not 200, and calls what it is given once that is certain.
Load = Callable[[Certain], Awaitable[dict[str, Any]]]

PIECE = 20_000  # characters that are sent at once


def nobody() -> None:
    """Told by whoever sends no beginning."""


async def early_page(request: Request, template: str, load: Load, **known: Any) -> Response:
    """The page of `known` and what `load` finds.

    Raises what `load` raises as long as nothing is sent; to a program that asks for no page nothing is sent early.
    """
    if "text/html" not in request.headers.get("accept", ""):
        return page(request, template, **known, **await load(nobody))
    loop, certain = asyncio.get_running_loop(), asyncio.Event()
    loading = asyncio.ensure_future(load(lambda: loop.call_soon_threadsafe(certain.set)))
    loading.add_done_callback(lambda _: certain.set())
    await certain.wait()
    if loading.done():
        return page(request, template, **known, **loading.result())
    sent, headers = _sent(request, template, known, loading), PAGE_HEADERS
    if takes_gzip(request):
        sent, headers = _zipped(sent), PAGE_HEADERS | ZIPPED
    return StreamingResponse(sent, headers=headers, media_type="text/html")


async def _sent(
    request: Request, template: str, known: Mapping[str, Any], loading: Awaitable[dict[str, Any]]
) -> AsyncIterator[bytes]:
    yield "".join(texts(request, "_beginning.html", {})).encode()
    request.scope[BEGUN] = True
    try:
        pieces = _gathered(texts(request, template, {**known, **await loading}))
        first = next(pieces)
    except Exception as error:
        answer: Response = await request.app.state.answer_error(request, error)
        yield bytes(answer.body)
        return
    yield first
    # What fails here cuts the connection: nobody must take half a page for a whole one.
    for piece in pieces:
        yield piece


async def _zipped(pieces: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """Each piece so that it can be read when it comes."""
    zipping = zlib.compressobj(ZIP_LEVEL, wbits=31)
    async for piece in pieces:
        yield zipping.compress(piece) + zipping.flush(zlib.Z_SYNC_FLUSH)
    yield zipping.flush()


def _gathered(parts: Iterator[str]) -> Iterator[bytes]:
    held: list[str] = []
    length = 0
    for part in parts:
        held.append(part)
        length += len(part)
        if length > PIECE:
            yield "".join(held).encode()
            held, length = [], 0
    yield "".join(held).encode()
