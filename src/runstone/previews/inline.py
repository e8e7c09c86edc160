"""Files that a browser draws or plays itself, from inside a page. None of them may run anything.

Images, sound and films are served as what they are under a sandbox; HTML and SVG as documents that a sandbox keeps from running
scripts, from loading anything and from the server's origin, whoever opens their address. Everything else stays a download.
"""

from __future__ import annotations

from fastapi import Request, Response

from runstone.artifacts.download import answer_file
from runstone.errors import InvalidParameter
from runstone.previews.kinds import kind_of, media_type_of
from runstone.storage.roots import Place

# No plugin and no script runs in a sandbox; `frame-ancestors` lets the pages of this server frame it, and nobody else.
_STILL = "default-src 'none'; sandbox; frame-ancestors 'self'"
_DOCUMENT = "default-src 'none'; img-src data:; style-src 'unsafe-inline'; font-src data:; sandbox; frame-ancestors 'self'"
# Browsers refuse to show a PDF in a sandbox. Their viewers keep what is in it from the page and from this server.
_PDF = "default-src 'none'; style-src 'unsafe-inline'; object-src 'self'; frame-ancestors 'self'"
_PDF_BEGINNING = b"%PDF-"


async def answer_inline(request: Request, place: Place, path: str) -> Response:
    """The file, with ranges. Raises `InvalidParameter` for a kind that is not shown inline."""
    name = path.rpartition("/")[2]
    kind = kind_of(name)
    if kind == "pdf":
        await _refuse_disguised(place, path)
        return _shown(await answer_file(request, place, path), "application/pdf", _PDF)
    if kind == "html":
        return _shown(await answer_file(request, place, path), "text/html; charset=utf-8", _DOCUMENT)
    if kind == "svg":
        return _shown(await answer_file(request, place, path), "image/svg+xml", _DOCUMENT)
    if kind in ("image", "audio", "video"):
        return _shown(await answer_file(request, place, path), media_type_of(name), _STILL)
    raise InvalidParameter("This kind of file is not shown in the browser. Download it instead.")


async def _refuse_disguised(place: Place, path: str) -> None:
    """What is called a PDF and is none is not handed to a viewer outside of a sandbox."""
    file = await place.store.open(place.below(path))
    try:
        start = b"".join([piece async for piece in file.pieces(0, min(file.stat.size, len(_PDF_BEGINNING)))])
    finally:
        file.close()
    if start != _PDF_BEGINNING:
        raise InvalidParameter("This file is called a PDF and is none. Download it to look inside.")


def _shown(answer: Response, kind: str, policy: str) -> Response:
    headers = answer.headers
    headers["Content-Type"] = kind
    headers["Content-Security-Policy"] = policy
    headers["Content-Disposition"] = headers["Content-Disposition"].replace("attachment", "inline", 1)
    headers["X-DNS-Prefetch-Control"] = "off"
    return answer
