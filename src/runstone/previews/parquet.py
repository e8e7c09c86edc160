"""Parquet as a table: the row group that holds the page is decoded as far as the page, by a reader written in Rust.

Only the ranges that it asks for are fetched. What unpacks to more than the process may hold ends the process, not the server.
"""

from __future__ import annotations

import json
from typing import Any

from runstone.previews import tables, thrift
from runstone.previews.looks import Asked, Column, Table
from runstone.previews.source import Source, SourceFile, Unreadable

MAGIC = b"PAR1"
FOOTER_LIMIT = 16_000_000
COLUMNS_READ = 2_000
SKIPPED_LIMIT = 2_000_000  # rows of the same group before the page, which have to be decoded


def look(source: Source, asked: Asked) -> Table:
    footer = thrift.footer(_footer_bytes(source))
    start = max(0, asked.at or 0)
    before, group = _group_of(footer, start)
    if group is None:
        return Table([], [], 0, 1, 0, None, _facts(footer))
    if start - before > SKIPPED_LIMIT:
        raise Unreadable("This row stands too far inside of a row group to be shown here. Download the file to read it.")
    batch = _batch(source, footer.only(group), start - before)
    names, shown = batch.schema.names, min(batch.num_columns, tables.COLUMNS)
    columns = [_column(names[i], batch.column(i)) for i in range(shown)]
    by_column = [[_cell(value) for value in _values(batch.column(i))] for i in range(shown)]
    rows: list[list[str | None]] = [list(row) for row in zip(*by_column, strict=True)]
    following = start + len(rows)
    after = following if rows and following < footer.rows else None
    return Table(columns, rows, batch.num_columns, start + 1, footer.rows, after, _facts(footer))


def _footer_bytes(source: Source) -> bytes:
    ending = source.read(source.size - 8, 8) if source.size >= 12 else b""
    if ending[4:] == b"PARE":
        raise Unreadable("This Parquet file is encrypted.")
    if ending[4:] != MAGIC or source.read(0, 4) != MAGIC:
        raise Unreadable("This is not a Parquet file, or a part of it is missing.")
    length = int.from_bytes(ending[:4], "little")
    if length > source.size - 12:
        raise Unreadable("The footer of this Parquet file is broken.")
    if length > FOOTER_LIMIT:
        raise Unreadable("This Parquet file has too many columns or row groups to be shown.")
    return source.read(source.size - 8 - length, length)


def _group_of(footer: thrift.Footer, row: int) -> tuple[int, thrift.RowGroup | None]:
    """The number of the first row of a group, and the group that holds `row`."""
    before = 0
    for group in footer.groups:
        if before <= row < before + group.rows:
            return before, group
        before += max(0, group.rows)
    return before, None


def _batch(source: Source, footer: bytes, skipped: int) -> Any:
    """The rows behind the first `skipped` of the file's only row group."""
    import arro3.io  # noqa: PLC0415  (a tenth of a second, for those who look at such files)

    file = SourceFile(source, source.size - 8, footer + len(footer).to_bytes(4, "little") + MAGIC)
    try:
        # A whole number of batches before the page, so that it begins with one.
        reader = arro3.io.read_parquet(file, batch_size=tables.ROWS)
        if len(reader.schema.names) > COLUMNS_READ:
            raise Unreadable(f"This Parquet file has more than {COLUMNS_READ} columns, too many to be shown.")
        batch = reader.read_next_batch()
        while skipped >= batch.num_rows:
            skipped -= batch.num_rows
            batch = reader.read_next_batch()
        return batch.slice(skipped)
    except Unreadable:
        raise
    except BaseException as error:  # a panic of the reader is no Exception
        if isinstance(error, KeyboardInterrupt | SystemExit | MemoryError):
            raise
        raise Unreadable("This Parquet file is broken, or made with something that cannot be read here.") from error


def _values(column: Any) -> list[Any]:
    try:
        return list(column.to_pylist())
    except Exception:
        return ["(not shown)"] * len(column)


def _column(name: str, column: Any) -> Column:
    kind = str(column.type).strip().removeprefix("arro3.core.DataType<").removesuffix(">")
    return Column(
        tables.cut(name), kind if len(kind) <= 60 else f"{kind[:60]}…", kind.startswith(("Int", "UInt", "Float", "Decimal"))
    )


def _cell(value: Any) -> str | None:
    if value is None:
        return None
    if isinstance(value, str):
        return tables.cut(value)
    if isinstance(value, bytes):
        return tables.cut(value[: tables.CELL].hex())
    if isinstance(value, list | dict | tuple):
        return tables.cut(json.dumps(value, default=str, ensure_ascii=False))
    return tables.cut(str(value))


def _facts(footer: thrift.Footer) -> list[tuple[str, str]]:
    groups = len(footer.groups)
    return [("row groups", str(groups)), *([("made by", tables.cut(footer.made_by))] if footer.made_by else [])]
