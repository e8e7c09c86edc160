"""Static files under a name that changes with their content, so that browsers keep them for a year."""

from __future__ import annotations

import gzip
import hashlib
import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from fastapi import Request, Response

from runstone.artifacts.download import is_unchanged
from runstone.core import wire
from runstone.core.resources import static_dir
from runstone.errors import EndpointNotFound
from runstone.storage import paths
from runstone.web.bundles import KINDS, NAMES, bundle

router = wire.ApiRouter()

# One request instead of many; tokens first, what overrides last.
BUNDLE = "css/all.css"
SHEETS = (
    "vendor/uplot.min.css", "css/tokens.css", "css/elements.css", "css/frame.css", "css/buttons.css", "css/fields.css",
    "css/table.css", "css/chips.css", "css/menu.css", "css/runs.css", "css/facts.css", "css/toast.css", "css/artifacts.css",
    "css/code.css", "css/chart.css", "css/panels.css", "css/compare.css", "css/palette.css", "css/entries.css",
    "css/tree.css", "css/timeline.css", "css/print.css",
)  # fmt: skip
_TYPES = {".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml", ".txt": "text/plain"}
_ONE_YEAR = "public, max-age=31536000, immutable"


@dataclass(frozen=True)
class Content:
    body: bytes
    zipped: bytes
    etag: str
    media_type: str


@cache
def static_digest() -> str:
    """One name for the whole set of static files: it changes when any of them does."""
    digest = hashlib.sha256(repr((SHEETS, KINDS)).encode())
    for path in sorted(static_dir().rglob("*")):
        if path.is_file():
            digest.update(path.relative_to(static_dir()).as_posix().encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()[:12]


def static_path(path: str) -> str:
    return f"/static/{static_digest()}/{path}"


@router.get("/static/{digest}/{path:path}", name="open")
async def static_file(request: Request, digest: str, path: str) -> Response:
    content = _content(paths.canonical(path))
    if content is None:
        raise EndpointNotFound(f"There is no {request.url.path[:200]} here.")
    # A page of another release asks by another digest: it gets today's file, and may not keep it.
    kept = _ONE_YEAR if digest == static_digest() else "no-cache"
    headers = {"Cache-Control": kept, "ETag": content.etag, "Vary": "Accept-Encoding"}
    if is_unchanged(request.headers.get("if-none-match", ""), content.etag):
        return Response(status_code=304, headers=headers)
    if "gzip" in request.headers.get("accept-encoding", ""):
        return Response(content.zipped, headers=headers | {"Content-Encoding": "gzip"}, media_type=content.media_type)
    return Response(content.body, headers=headers, media_type=content.media_type)


@cache
def _known() -> dict[str, Path]:
    """The files that may be asked for: nothing else is ever opened."""
    found = {path.relative_to(static_dir()).as_posix(): path for path in static_dir().rglob("*")}
    return {name: path for name, path in found.items() if path.suffix in _TYPES and path.is_file()}


@cache
def _modules() -> dict[str, str]:
    return {path.stem: path.read_text("utf-8") for name, path in _known().items() if re.fullmatch(r"js/[\w-]+\.js", name)}


@cache
def _content(name: str) -> Content | None:
    """Read and compressed once: all of them together are a third of a megabyte."""
    if name == BUNDLE:
        body = b"\n".join(_known()[sheet].read_bytes() for sheet in SHEETS)
    elif name in NAMES:
        body = bundle(NAMES[name], _modules()).encode()
    elif name in _known():
        body = _known()[name].read_bytes()
    else:
        return None
    etag = f'"{hashlib.sha256(body).hexdigest()[:16]}"'
    return Content(body, gzip.compress(body, 9, mtime=0), etag, _TYPES[Path(name).suffix])
