"""Jinja for the pages: one environment, URLs with the static prefix, the policy that every page is sent with."""

from __future__ import annotations

import gzip
import sys
from collections.abc import Iterator, Mapping
from functools import cache, partial
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from fastapi import Request, Response
from fastapi.responses import HTMLResponse, RedirectResponse
from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape

from runstone import __version__
from runstone.core.resources import templates_dir
from runstone.previews.kinds import icon_of
from runstone.web import colours, formats
from runstone.web.bundles import KINDS
from runstone.web.compiled import Compiled
from runstone.web.notes import plain
from runstone.web.standing import standing
from runstone.web.static import static_path
from runstone.web.toasts import toast_of

# Nothing from another host, nothing inline; `data:` images are uPlot's.
PAGE_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; font-src 'self'; "
    "media-src 'self'; frame-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'; object-src 'none'"
)
PAGE_HEADERS = {"Content-Security-Policy": PAGE_POLICY, "Cache-Control": "no-store"}
# Markup shrinks to a sixth in a millisecond; there is no secret in a page that its length could tell.
ZIPPED, ZIP_LEVEL, SMALL = {"Content-Encoding": "gzip", "Vary": "Accept-Encoding"}, 1, 1400
BEGUN = "runstone.begun"  # in the scope of a request whose answer has begun
_FILTERS = (
    formats.number, formats.exact, formats.iso, formats.minute, formats.duration, formats.size, formats.mark, formats.segment,
    formats.thousands, formats.counted, colours.run_colour, colours.look_classes,
)  # fmt: skip


@cache
def environment() -> Environment:
    made = Environment(
        loader=FileSystemLoader(templates_dir()),
        autoescape=select_autoescape(default=True, default_for_string=True),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        bytecode_cache=Compiled(_sources()),
    )
    made.filters |= {filter_.__name__: filter_ for filter_ in _FILTERS} | {"file_icon": icon_of, "python": repr, "plain": plain}
    made.globals["bundles"] = KINDS
    return made


def _sources() -> list[Path]:
    """Of the filters, and of the environment."""
    modules = {getattr(filter_, "__module__", "") for filter_ in (*_FILTERS, icon_of, plain)} | {__name__}
    return [Path(str(sys.modules[module].__file__)) for module in sorted(modules)]


def page(request: Request, template: str, status: int = 200, **values: Any) -> Response:
    """The page as HTML; `values` are the template's context. What answers a refused form says its own `address`, or is that of the
    page above the form's.
    """
    if request.method == "POST" and status >= 400 and not wants_part(request):
        query = f"?{request.url.query}" if request.url.query else ""
        values.setdefault("address", link(request.app.state.settings.static_prefix, standing(request)) + query)
    body, headers = "".join(texts(request, template, values)).encode(), PAGE_HEADERS
    if len(body) > SMALL and takes_gzip(request):
        body, headers = gzip.compress(body, ZIP_LEVEL, mtime=0), PAGE_HEADERS | ZIPPED
    return HTMLResponse(body, status, headers=headers)


def takes_gzip(request: Request) -> bool:
    """Whether the answer may be zipped; what follows a beginning is zipped with it, if at all."""
    return BEGUN not in request.scope and "gzip" in request.headers.get("accept-encoding", "")


def texts(request: Request, template: str, values: Mapping[str, Any]) -> Iterator[str]:
    """The page piece by piece, without its beginning where that was sent (web/early.py)."""
    prefix: str = request.app.state.settings.static_prefix
    context = {
        "prefix": prefix,
        "url": partial(link, prefix),
        "static": lambda path: prefix + static_path(path),
        "server": str(request.base_url).rstrip("/") + prefix,
        "version": __version__,
        "area": "",
        "address": "",
        "toast": toast_of(request),
        "begun": BEGUN in request.scope,
        **values,
    }
    return environment().get_template(template).generate(context)


def wants_part(request: Request) -> bool:
    """Whether htmx asks for a part of the page. Going back in the history asks for all of it."""
    headers = request.headers
    return "hx-request" in headers and "hx-history-restore-request" not in headers


def go(request: Request, path: str, **query: Any) -> Response:
    """After a form: the page to look at, so that a reload repeats nothing."""
    return go_to(request, link(request.app.state.settings.static_prefix, path, **query))


def go_to(request: Request, url: str) -> Response:
    """The same of a whole URL. A script that sent the form (forms-sent.js) leaves the page itself."""
    if request.headers.get("runstone-form"):
        return Response(status_code=204, headers={"Runstone-Go": url, "Cache-Control": "no-store"})
    return RedirectResponse(url, 303)


def link(prefix: str, path: str, **query: Any) -> str:
    """The URL of a path of this server; what is empty is left out of its query."""
    given = {name: value for name, value in query.items() if value not in (None, "", [])}
    return prefix + path + (f"?{urlencode(given, doseq=True)}" if given else "")
