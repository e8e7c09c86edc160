"""Notes and descriptions: Markdown that somebody wrote, as HTML that can do nothing."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache

import nh3
from markdown_it import MarkdownIt
from markdown_it.token import Token
from markupsafe import Markup

# Reading Markdown can cost the square of its length, and short rows of a wide table are filled up with empty cells:
# a hostile note of 8 kB took a second. What is beyond these bounds is shown as it was typed.
LENGTH_LIMIT = 20_000
CELLS_LIMIT = 5_000
_TAGS = {
    "a", "p", "br", "hr", "em", "strong", "s", "del", "code", "pre", "blockquote", "ul", "ol", "li", "h3", "h4", "h5", "h6",
    "table", "thead", "tbody", "tr", "th", "td",
}  # fmt: skip


# One thread, so that hostile notes wait for each other and for nobody else.
_thread = ThreadPoolExecutor(1, thread_name_prefix="note")


async def rendered(text: str | None) -> Markup:
    """`text` as HTML, made outside the event loop; what was shown lately is remembered."""
    if not text:
        return Markup()
    return await asyncio.get_running_loop().run_in_executor(_thread, note, text)


@lru_cache(128)
def note(text: str) -> Markup:
    """No HTML of theirs, no images, links that tell the other side nothing."""
    if len(text) > LENGTH_LIMIT:
        return Markup("<pre>{}</pre>").format(text)
    parser = MarkdownIt("commonmark", {"html": False}).enable("strikethrough")
    lines = text.splitlines()
    if max((line.count("|") for line in lines), default=0) * len(lines) <= CELLS_LIMIT:
        parser.enable("table")
    tokens = parser.parse(text)
    _put_in_order([token for token in tokens if token.type in ("heading_open", "heading_close")])
    html = parser.renderer.render(tokens, parser.options, {})
    cleaned = nh3.clean(html, tags=_TAGS, attributes={"a": {"href", "title"}}, url_schemes={"http", "https", "mailto"})
    return Markup(cleaned)  # noqa: S704 (cleaned in the line above)


def _put_in_order(headings: Sequence[Token]) -> None:
    """The page has its own h1 and h2 above a note: its first heading is an h3 whatever it was, and none skips a level."""
    above: list[str] = []
    for token in headings:
        if token.type == "heading_open":
            while above and above[-1] >= token.tag:
                above.pop()
            above.append(token.tag)
        token.tag = f"h{min(6, 2 + len(above))}"


@lru_cache(2048)
def plain(text: str | None, length: int = 120) -> str:
    """The beginning of what a note says, without its Markdown: for one line of a table."""
    words: list[str] = []
    for token in MarkdownIt("commonmark", {"html": False}).parse((text or "")[: 4 * length]):
        words += [" " if piece.type.endswith("break") else piece.content for piece in token.children or [token]]
        words.append(" ")
    said = " ".join("".join(words).split())
    return said if len(said) <= length and len(text or "") <= 4 * length else said[: length - 1] + "…"
