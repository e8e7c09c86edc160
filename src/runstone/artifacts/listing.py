"""A listing on the wire, written down page by page: a folder of a hundred thousand files holds up nobody and fills no memory."""

from __future__ import annotations

from collections.abc import AsyncIterator

import orjson
from fastapi import Response
from fastapi.responses import StreamingResponse

from runstone.artifacts.schemas import files_json
from runstone.core.wire import answer
from runstone.storage.store import Entry


async def answer_listing(pages: AsyncIterator[list[Entry]], folder: str = "", **fields: str) -> Response:
    """`fields`, and `files` unless there are none. What goes wrong with the first page is an error answer, later it cuts the
    connection: nobody takes a part of a listing for the whole.
    """
    pages = _filled(pages)
    first = await anext(pages, list[Entry]())
    second = await anext(pages, None)
    if second is None:
        return answer({**fields, **({"files": files_json(first, folder)} if first else {})})
    return StreamingResponse(_written(first, second, pages, folder, fields), media_type="application/json")


async def _written(
    first: list[Entry], second: list[Entry], pages: AsyncIterator[list[Entry]], folder: str, fields: dict[str, str]
) -> AsyncIterator[bytes]:
    opening = orjson.dumps({**fields, "files": []})
    yield opening[:-2] + _items(first, folder)
    yield b"," + _items(second, folder)
    async for page in pages:
        yield b"," + _items(page, folder)
    yield opening[-2:]


async def _filled(pages: AsyncIterator[list[Entry]]) -> AsyncIterator[list[Entry]]:
    async for page in pages:
        if page:
            yield page


def _items(page: list[Entry], folder: str) -> bytes:
    return orjson.dumps(files_json(page, folder))[1:-1]
