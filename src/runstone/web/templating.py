"""Jinja for the pages: one environment, the filters, URLs with the static prefix, content-hashed static files."""

from __future__ import annotations

import hashlib
import math
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from typing import Any
from urllib.parse import quote, urlencode

import nh3
from fastapi import Request, Response
from fastapi.responses import HTMLResponse, RedirectResponse
from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape
from markdown_it import MarkdownIt
from markupsafe import Markup

from runstone import __version__
from runstone.core.resources import static_dir, templates_dir

# Nothing from another host, nothing inline; `data:` images are uPlot's and the icon's.
PAGE_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; font-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'; object-src 'none'"
)
_NOTE_TAGS = {
    "a", "p", "br", "hr", "em", "strong", "del", "code", "pre", "blockquote", "ul", "ol", "li", "h3", "h4", "h5", "h6",
    "table", "thead", "tbody", "tr", "th", "td",
}  # fmt: skip


@dataclass(frozen=True)
class Undo:
    """Offered after something was deleted: what was done, and where the form goes that takes it back."""

    said: str
    action: str


@cache
def static_digest() -> str:
    """One name for the whole set of static files: it changes when any of them does, so they are cached for good."""
    digest = hashlib.sha256()
    for path in sorted(static_dir().rglob("*")):
        if path.is_file():
            digest.update(path.relative_to(static_dir()).as_posix().encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()[:12]


@cache
def environment() -> Environment:
    made = Environment(
        loader=FileSystemLoader(templates_dir()),
        autoescape=select_autoescape(default=True, default_for_string=True),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters |= {
        "number": number, "exact": exact, "iso": iso, "minute": minute, "duration": duration, "size": size, "segment": segment,
        "note": note, "thousands": thousands,
    }  # fmt: skip
    return made


def page(request: Request, template: str, status: int = 200, **values: Any) -> Response:
    """The page as HTML; `values` are the template's context."""
    prefix = request.app.state.settings.static_prefix
    context = {
        "prefix": prefix,
        "url": lambda path, **query: prefix + path + (f"?{urlencode(clean, doseq=True)}" if (clean := _given(query)) else ""),
        "static": lambda path: f"{prefix}/static/{static_digest()}/{path}",
        "server": str(request.base_url).rstrip("/") + prefix,
        "version": __version__,
        "area": "",
        "undo": None,
        **values,
    }
    html = environment().get_template(template).render(context)
    return HTMLResponse(html, status, headers={"Content-Security-Policy": PAGE_POLICY, "Cache-Control": "no-store"})


def go(request: Request, path: str, **query: Any) -> Response:
    """After a form: the page to look at, so that a reload repeats nothing."""
    clean = _given(query)
    target = request.app.state.settings.static_prefix + path + (f"?{urlencode(clean)}" if clean else "")
    return RedirectResponse(target, 303)


def _given(query: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in query.items() if value not in (None, "", [])}


def segment(text: str) -> str:
    """A name as one part of a URL's path."""
    return quote(text, safe="")


def number(value: Any) -> str:
    """4 significant digits, thousands apart: what a table of figures shows."""
    if isinstance(value, float):
        if math.isnan(value):
            return "NaN"
        if math.isinf(value):
            return "∞" if value > 0 else "-∞"
        if value != 0 and (abs(value) >= 1e7 or abs(value) < 1e-4):
            return f"{value:.3e}".replace("e+0", "e").replace("e-0", "e-").replace("e+", "e")
        if abs(value) >= 1000 or value == int(value):
            return thousands(round(value))
        return f"{value:.4g}"
    return thousands(value) if isinstance(value, int) else str(value)


def exact(value: Any) -> str:
    return repr(value) if isinstance(value, float) else str(value)


def thousands(value: int) -> str:
    return f"{value:,}".replace(",", "\u202f")


def iso(ms: int) -> str:
    try:
        return datetime.fromtimestamp(ms / 1000, UTC).isoformat(timespec="milliseconds")
    except (OverflowError, ValueError, OSError):
        return ""


def minute(ms: int) -> str:
    """For readers without JavaScript."""
    text = iso(ms)
    return f"{text[:10]} {text[11:16]} UTC" if text else str(ms)


def duration(ms: int | None) -> str:
    if ms is None or ms < 0:
        return "–"
    seconds = ms / 1000
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(int(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest:02d} s"
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes:02d} m" if hours < 48 else f"{hours // 24} d {hours % 24} h"


def size(count: int | None) -> str:
    if count is None:
        return ""
    amount = float(count)
    for unit in ("B", "kB", "MB", "GB"):
        if amount < 1000:
            return f"{amount:.0f} {unit}" if unit == "B" or amount >= 100 else f"{amount:.1f} {unit}"
        amount /= 1000
    return f"{amount:.1f} TB"


def note(text: str) -> Markup:
    """Markdown that somebody wrote: no HTML of theirs, no images, links that tell the other side nothing."""
    parser = MarkdownIt("commonmark", {"html": False}).enable("table").enable("strikethrough")
    tokens = parser.parse(text[:100_000])
    for token in tokens:
        if token.type in ("heading_open", "heading_close"):  # the page has its own h1 and h2 above a note
            token.tag = f"h{min(6, int(token.tag[1]) + 2)}"
    html = parser.renderer.render(tokens, parser.options, {})
    cleaned = nh3.clean(html, tags=_NOTE_TAGS, attributes={"a": {"href", "title"}}, url_schemes={"http", "https", "mailto"})
    return Markup(cleaned)  # noqa: S704 (cleaned in the line above)
