"""The header of a safetensors file: names, types and shapes. No weight is read."""

from __future__ import annotations

import math
from collections import Counter
from typing import Any

from runstone.previews import tables
from runstone.previews.looks import Asked, Column, Table
from runstone.previews.source import Source, Unreadable
from runstone.previews.trees import members, parse_json

HEADER_LIMIT = 16_000_000
ROWS = 200
_COLUMNS = [Column("name"), Column("type"), Column("shape"), Column("params", number=True), Column("bytes", number=True)]


def look(source: Source, asked: Asked) -> Table:
    header = _header(source)
    tensors = {name: members(value) for name, value in header.items() if name != "__metadata__"}
    rows = [_row(name, tensor, source.size) for name, tensor in tensors.items()]
    start = max(0, asked.at or 0)
    shown = rows[start : start + ROWS]
    following = start + len(shown)
    cells: list[list[str | None]] = [
        [tables.cut(name), kind, shape, _count(params), _count(size)] for name, kind, shape, params, size in shown
    ]
    after = following if following < len(rows) else None
    return Table(_COLUMNS, cells, len(_COLUMNS), start + 1, len(rows), after, _facts(header, rows))


def _header(source: Source) -> dict[str, Any]:
    length = int.from_bytes(source.read(0, 8), "little")
    if source.size < 10 or length > source.size - 8:
        raise Unreadable("This is not a safetensors file, or a part of it is missing.")
    if length > HEADER_LIMIT:
        raise Unreadable("The header of this safetensors file is too large to be shown.")
    try:
        header = members(parse_json(source.read(8, length)))
    except (ValueError, RecursionError) as error:
        raise Unreadable("The header of this safetensors file is broken.") from error
    if not header:
        raise Unreadable("The header of this safetensors file names no tensors.")
    return header


def _row(name: str, tensor: dict[str, Any], size: int) -> tuple[str, str, str, int | None, int | None]:
    """None for counts that the header does not give, or that cannot be true of this file."""
    shape, offsets = _numbers(tensor.get("shape")), _numbers(tensor.get("data_offsets"))
    params = math.prod(shape) if shape is not None else None
    told = offsets[1] - offsets[0] if offsets is not None and len(offsets) == 2 and offsets[0] <= offsets[1] <= size else None
    kind = tensor.get("dtype")
    written = " × ".join(map(str, shape)) or "scalar" if shape is not None else "?"
    return (
        name,
        tables.cut(kind[:20]) if isinstance(kind, str) else "?",
        written,
        params if params is None or params <= size * 8 else None,
        told,
    )


def _numbers(value: Any) -> list[int] | None:
    if not isinstance(value, list) or len(value) > 16:
        return None
    if not all(isinstance(item, str) and item.isascii() and item.isdigit() and len(item) < 16 for item in value):
        return None
    return [int(item) for item in value]


def _facts(header: dict[str, Any], rows: list[tuple[str, str, str, int | None, int | None]]) -> list[tuple[str, str]]:
    by_type = Counter[str]()
    for _, kind, _, params, _ in rows:
        by_type[kind] += params or 0
    found = [("tensors", _count(len(rows)) or "0"), ("params", _count(sum(by_type.values())) or "0")]
    found += [(f"params in {kind}", _count(count) or "0") for kind, count in by_type.most_common(8)] if len(by_type) > 1 else []
    metadata = members(header.get("__metadata__"))
    return found + [(tables.cut(key), tables.cut(value)) for key, value in list(metadata.items())[:20] if isinstance(value, str)]


def _count(value: int | None) -> str | None:
    return None if value is None else f"{value:,}".replace(",", "\u202f")
