"""A notebook as static cells: text, coloured code, and of each output its text or its picture. HTML and scripts are left out."""

from __future__ import annotations

import base64
import re
from typing import Any

from pygments.lexers import get_lexer_by_name
from pygments.util import ClassNotFound

from runstone.previews import text
from runstone.previews.looks import Asked, Bytes, Cell, Notebook, Output, Text
from runstone.previews.source import Source
from runstone.previews.trees import members, parse_json

SIZE_LIMIT = 16_000_000
CELLS_LIMIT, OUTPUTS_LIMIT, TEXT_LIMIT = 200, 20, 20_000
PICTURES_LIMIT = 4_000_000  # characters of all of them, as they stand in the page
_PICTURES = ("image/png", "image/jpeg", "image/gif", "image/webp")
_ANSI = re.compile(r"\x1b\[[0-9;]*m")


def look(source: Source, asked: Asked) -> Notebook | Text | Bytes:
    if asked.plain or source.size > SIZE_LIMIT:
        return text.look(source, asked)
    try:
        found = members(parse_json(source.read(0, source.size)))
    except (ValueError, RecursionError):
        found = {}
    cells = found.get("cells")
    if not isinstance(cells, list):
        shown = text.look(source, asked)
        shown.note = "It is not a notebook that can be shown (version 4), so this is its text."
        return shown
    language = _language(members(found.get("metadata")))
    budget = [PICTURES_LIMIT]
    made = [_cell(members(cell), language, budget) for cell in cells[:CELLS_LIMIT]]
    note = f"The first {CELLS_LIMIT} of {len(cells)} cells are shown." if len(cells) > CELLS_LIMIT else ""
    return Notebook(made, language, note)


def _language(metadata: dict[str, Any]) -> str:
    for part, name in (("language_info", "name"), ("kernelspec", "language")):
        found = members(metadata.get(part)).get(name)
        if isinstance(found, str) and found:
            return _cut(found, 40)
    return "python"


def _cell(cell: dict[str, Any], language: str, budget: list[int]) -> Cell:
    sort, content = cell.get("cell_type"), _joined(cell.get("source"))
    if sort != "code":
        return Cell("markdown" if sort == "markdown" else "raw", content)
    outputs = cell.get("outputs")
    listed = outputs[:OUTPUTS_LIMIT] if isinstance(outputs, list) else []
    made = [output for item in listed if (output := _output(members(item), budget)) is not None]
    count = cell.get("execution_count")
    return Cell("code", "", _coloured(content, language), _cut(count, 12) if isinstance(count, str) else "", made)


def _coloured(code: str, language: str) -> str:
    try:
        lexer = get_lexer_by_name("python" if language in ("python3", "ipython") else language)
    except ClassNotFound:
        lexer = None
    return text.coloured(code, lexer)


def _output(output: dict[str, Any], budget: list[int]) -> Output | None:
    sort = output.get("output_type")
    if sort == "stream":
        return Output("text", _ANSI.sub("", _joined(output.get("text"))))
    if sort == "error":
        trace = "\n".join(line for line in _list(output.get("traceback")) if isinstance(line, str))
        return Output(
            "error", _cut(_ANSI.sub("", trace)) or f"{output.get('ename', '')}: {output.get('evalue', '')}"[:TEXT_LIMIT]
        )
    data = members(output.get("data"))
    for kind in _PICTURES:
        if kind in data:
            return _picture(kind, _joined(data[kind], PICTURES_LIMIT), budget)
    if "text/plain" in data:
        return Output("text", _joined(data["text/plain"]))
    if "text/html" in data:
        return Output("text", "(HTML output, not shown)")
    return None


def _picture(kind: str, encoded: str, budget: list[int]) -> Output:
    encoded = "".join(encoded.split())
    try:
        base64.b64decode(encoded, validate=True)
    except ValueError:
        return Output("text", "(a picture that cannot be read)")
    if len(encoded) > budget[0]:
        return Output("text", "(a picture, left out: the notebook holds too many to be shown at once)")
    budget[0] -= len(encoded)
    return Output("image", f"data:{kind};base64,{encoded}")


def _joined(value: Any, limit: int = TEXT_LIMIT) -> str:
    """Texts stand in notebooks whole or as lists of lines."""
    found = value if isinstance(value, str) else "".join(line for line in _list(value) if isinstance(line, str))
    return _cut(found, limit)


def _cut(found: str, limit: int = TEXT_LIMIT) -> str:
    found = text.sound(found[: limit + 1])
    return found if len(found) <= limit else f"{found[:limit]}…"


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []
