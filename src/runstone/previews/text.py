"""Text, code and logs: a window of the file, decoded, highlighted, with nothing in it that is not seen."""

from __future__ import annotations

import codecs
import re

from markupsafe import escape
from pygments import highlight
from pygments.formatters import HtmlFormatter
from pygments.lexer import Lexer
from pygments.lexers import get_lexer_by_name, get_lexer_for_filename
from pygments.util import ClassNotFound

from runstone.previews import binary
from runstone.previews.looks import Asked, Bytes, Text
from runstone.previews.source import Source

WINDOW = 100_000
LINE_LIMIT = 5_000  # characters; longer lines are data, and colouring them is slow
_ANSI = re.compile(r"\x1b(?:\[[0-9;?]*[A-Za-z]|\][^\x07\x1b]*(?:\x07|\x1b\\))")
# Control characters, and those that turn the direction of what follows or have no width.
_HIDDEN = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u061c\u200b\u200e\u200f\u202a-\u202e\u2060-\u2069\ufeff]")
_FORMATTER: HtmlFormatter[str] = HtmlFormatter(nowrap=True, classprefix="hl-")


def look(source: Source, asked: Asked) -> Text | Bytes:
    at = asked.at
    if at is None:
        at = -1 if asked.reader == "log" and source.size > WINDOW else 0
    start, data = _window(source, at)
    text, encoding = decoded(data)
    if text is None:
        return binary.look(source, asked)
    lexer = lexer_of(asked)
    whole = start == 0
    return Text(
        html=coloured(text, lexer),
        start=start,
        end=start + len(data),
        size=source.size,
        line=1 if whole else 0,
        language=lexer.name if lexer is not None else "",
        encoding=encoding,
    )


def _window(source: Source, at: int) -> tuple[int, bytes]:
    """About `WINDOW` bytes from `at`, or up to the end for -1, cut where lines end."""
    start = max(0, source.size - WINDOW) if at < 0 else min(at, source.size)
    data = source.read(start, WINDOW)
    if at < 0 and start:
        begin = data.find(b"\n", 0, WINDOW // 2) + 1
        start, data = start + begin, data[begin:]
    if start + len(data) < source.size:
        end = data.rfind(b"\n", WINDOW // 2) + 1
        data = data[:end] if end else data
    skipped = _continuation(data) if start else 0
    return start + skipped, data[skipped:]


def _continuation(data: bytes) -> int:
    """How many bytes at the beginning are the rest of a character."""
    return next((i for i in range(min(4, len(data))) if data[i] & 0xC0 != 0x80), 0)


def decoded(data: bytes) -> tuple[str | None, str]:
    """The text and the name of its encoding when it is not UTF-8; None for bytes that are no text."""
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return data[: len(data) // 2 * 2].decode("utf-16", "replace"), "UTF-16"
    if b"\0" in data:
        return None, ""
    for left_out in range(4):
        try:
            return data[: len(data) - left_out].decode("utf-8-sig"), ""
        except UnicodeDecodeError:
            continue
    text = data.decode("cp1252", "replace")
    odd = len(_HIDDEN.findall(text)) + text.count("\ufffd")
    return (None, "") if odd * 50 > len(text) else (text, "Windows-1252")


def sound(found: str) -> str:
    """The text without halves of surrogate pairs, which JSON can spell and nothing can write."""
    return str(found) if found.isascii() else found.encode("utf-8", "replace").decode("utf-8")


def lexer_of(asked: Asked) -> Lexer | None:
    if asked.reader in ("log", "text"):
        return None
    try:
        if asked.reader in ("json", "notebook"):
            return get_lexer_by_name("json")
        if asked.reader == "mlmodel":
            return get_lexer_by_name("yaml")
        return get_lexer_for_filename(asked.name)
    except ClassNotFound:
        return None


def coloured(text: str, lexer: Lexer | None) -> str:
    """HTML lines with spans of class `hl-...`; what is not seen is spelled."""
    text = _ANSI.sub("", text.replace("\r\n", "\n").replace("\r", "\n"))
    if lexer is None or max(map(len, text.split("\n"))) > LINE_LIMIT:
        html = str(escape(text))
    else:
        lexer.stripnl = lexer.ensurenl = False
        html = highlight(text, lexer, _FORMATTER)
    html = _HIDDEN.sub(lambda found: f'<span class="hl-hidden">U+{ord(found.group()):04X}</span>', html)
    return "\n".join(f'<span class="line">{line}</span>' for line in html.removesuffix("\n").split("\n"))
