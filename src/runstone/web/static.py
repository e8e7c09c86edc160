"""Static files under a name that changes with their content, so that browsers keep them for a year."""

from __future__ import annotations

from fastapi import Request, Response
from fastapi.responses import FileResponse

from runstone.core import wire
from runstone.core.resources import static_dir
from runstone.errors import EndpointNotFound
from runstone.storage import paths

router = wire.ApiRouter()

_TYPES = {".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml", ".txt": "text/plain"}


@router.get("/static/{digest}/{path:path}", name="open")
async def static_file(request: Request, path: str) -> Response:
    file = static_dir() / paths.canonical(path)
    kind = _TYPES.get(file.suffix)
    if kind is None or not file.is_file():
        raise EndpointNotFound(f"There is no {request.url.path[:200]} here.")
    return FileResponse(file, media_type=kind, headers={"Cache-Control": "public, max-age=31536000, immutable"})
