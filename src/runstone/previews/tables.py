"""CSV and TSV as a table, page by page: a page begins at a byte, so that none costs more than another."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator

from runstone.previews import text
from runstone.previews.looks import Asked, Bytes, Column, Table, Text
from runstone.previews.source import Source

ROWS, COLUMNS, CELL = 100, 100, 300
WINDOW = 1_000_000
_NUMBER = re.compile(r"[-+]?(?:[0-9][0-9_,]*\.?[0-9]*|\.[0-9]+)(?:[eE][-+]?[0-9]+)?|nan|-?inf", re.IGNORECASE)

csv.field_size_limit(2 * WINDOW)


def look(source: Source, asked: Asked) -> Table | Text | Bytes:
    if asked.plain:
        return text.look(source, asked)
    beginning, encoding = text.decoded(source.read(0, min(WINDOW, source.size)))
    if beginning is None or encoding == "UTF-16":
        return text.look(source, asked)
    code = "cp1252" if encoding else "utf-8"
    delimiter = delimiter_of(beginning, asked.name)
    header, header_end, note = _header(source, beginning, code, delimiter)
    if not header:
        return text.look(source, asked)
    start = max(header_end, asked.at or 0)
    rows, after = _rows(source, start, code, delimiter)
    shown = header[:COLUMNS]
    numeric = [_is_numeric([row[i] for row in rows if i < len(row)]) for i in range(len(shown))]
    columns = [Column(cut(name), "", number) for name, number in zip(shown, numeric, strict=True)]
    cells: list[list[str | None]] = [[cut(cell) for cell in row[:COLUMNS]] for row in rows]
    if after is None and start + WINDOW < source.size and not rows:
        note = f"A row is longer than {WINDOW // 1_000_000} MB; what follows is not shown."
    return Table(columns, cells, len(header), asked.row + 1, None, after, [("encoding", encoding)] if encoding else [], note)


def delimiter_of(beginning: str, name: str) -> str:
    """What stands most often in the first line, outside of quotes."""
    if name.lower().endswith(".tsv"):
        return "\t"
    line = re.sub(r'"[^"]*"', "", beginning[:20_000].split("\n", 1)[0])
    return max(",;\t|", key=line.count) if any(mark in line for mark in ",;\t|") else ","


def _header(source: Source, beginning: str, code: str, delimiter: str) -> tuple[list[str], int, str]:
    """The first row, where the next begins, and what is to be said about it."""
    for row, end in _records(beginning, code, delimiter, 0):
        mark = 3 if source.read(0, 3) == b"\xef\xbb\xbf" else 0
        if source.size <= WINDOW or end < WINDOW - 8:
            return row, end + mark, ""
        return row, source.size, f"The first row is longer than {WINDOW // 1_000_000} MB; its beginning is shown."
    return [], source.size, ""


def _rows(source: Source, start: int, code: str, delimiter: str) -> tuple[list[list[str]], int | None]:
    """Up to `ROWS` rows, and where the next begins. A row that the window cuts is left for the next page."""
    data = source.read(start, WINDOW)
    at_end = start + len(data) >= source.size
    found, after = list[list[str]](), start
    for row, end in _records(data.decode(code, "surrogateescape"), code, delimiter, start):
        if not at_end and end >= start + len(data):
            break
        after = end
        if row:
            found.append(row)
        if len(found) >= ROWS:
            break
    return found, after if found and after < source.size else None


def _records(found: str, code: str, delimiter: str, start: int) -> Iterator[tuple[list[str], int]]:
    """Each record and the byte behind it. Quoted cells may hold line ends."""
    consumed = start

    def lines() -> Iterator[str]:
        nonlocal consumed
        for line in found.splitlines(keepends=True) if "\n" not in found else re.findall(r"[^\n]*\n|[^\n]+\Z", found):
            consumed += len(line.encode(code, "surrogateescape"))
            yield line

    try:
        for row in csv.reader(lines(), delimiter=delimiter):
            yield row, consumed
    except csv.Error:
        return


def _is_numeric(cells: list[str]) -> bool:
    filled = [cell for cell in cells if cell.strip()]
    return bool(filled) and all(_NUMBER.fullmatch(cell.strip()) for cell in filled)


def cut(cell: str) -> str:
    cell = text.sound(cell)
    return cell if len(cell) <= CELL else f"{cell[:CELL]}… ({len(cell)} characters)"
