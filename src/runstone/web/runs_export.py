"""/runs/export: what a table shows as CSV or JSON, streamed: all runs that the filter lets pass, window after window."""

from __future__ import annotations

import csv
import io
import math
import re
from collections.abc import AsyncIterator, Callable, Sequence
from typing import Any

import orjson
from fastapi import Request, Response
from fastapi.responses import StreamingResponse

from runstone.artifacts.download import disposition
from runstone.core import wire
from runstone.core.clock import now_ms
from runstone.core.scope import Context, Ctx
from runstone.errors import InvalidParameter
from runstone.experiments.guards import ReadableWorkspace, ReadExperiments
from runstone.runs import table
from runstone.web import formats
from runstone.web.runs_asked import Asked
from runstone.web.runs_columns import NAME_COLUMN, Column
from runstone.web.runs_rows import only, rows_of, usual_columns

router = wire.ApiRouter()

ROWS_AT_ONCE = 1000
# With four bytes a sign, a day and an ending, within the 255 that file systems take.
NAME_LIMIT = 50
# A spreadsheet takes a text that begins so for a formula.
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")


@router.get("/runs/export")
async def export(request: Request, ctx: Ctx, _: ReadableWorkspace) -> Response:
    """`?format=csv` or `json`, and the state of the table; `only` narrows it to named runs. Holds a thousand rows at a time."""
    query = request.query_params
    asked, kind = Asked.of(query), query.get("format", "csv")
    if kind not in ("csv", "json"):
        raise InvalidParameter("format must be csv or json.")
    within = only(query["only"].split(",")) if query.get("only") else ""
    columns = list(asked.columns) or await ctx.db.read(lambda c: _usual(c, ctx, asked, within))
    columns = [Column.of(NAME_COLUMN), Column.of("attributes.run_id"), *columns]  # type: ignore[list-item]
    columns = list(dict.fromkeys(columns))
    first = await ctx.db.read(lambda c: _window(c, ctx, asked, within, columns, ""))  # errors are answered, not cut off
    rows = _rows(ctx, asked, within, columns, first)
    experiments = await ctx.db.read(lambda c: ReadExperiments(asked.experiments, ctx.scope).load(c))
    name = file_name([row.name for row in experiments.values()], now_ms())
    headers = {"Content-Disposition": disposition(f"{name}.{kind}"), "Cache-Control": "no-store"}
    if kind == "csv":
        return StreamingResponse(_csv(columns, rows), media_type="text/csv; charset=utf-8", headers=headers)
    return StreamingResponse(_json(columns, rows), media_type="application/json", headers=headers)


def file_name(experiments: Sequence[str], now: int) -> str:
    """What the file is called: after its experiments and the day (UTC), in signs that every file system takes."""
    first = "".join(sign if sign.isalnum() or sign in "-_. ()+" else "-" for sign in experiments[0]) if experiments else ""
    short = re.sub(r"-{2,}", "-", first)[:NAME_LIMIT].strip("-. ") or "runs"
    more = f" and {len(experiments) - 1} more" if len(experiments) > 1 else ""
    return f"{short}{more} {(formats.iso(now) or '')[:10]}".strip()


def _usual(connection: Any, ctx: Context, asked: Asked, within: str) -> list[Column]:
    shown = rows_of(connection, ctx, asked, {}, within)
    return usual_columns(connection, ctx, [run.id for run in shown.rows], several=not asked.single)


Found = tuple[list[list[Any]], str]


def _window(connection: Any, ctx: Context, asked: Asked, within: str, columns: Sequence[Column], after: str) -> Found:
    experiments = ReadExperiments(asked.experiments, ctx.scope).load(connection)
    shown = rows_of(connection, ctx, asked, {"after": after}, within, ROWS_AT_ONCE)
    places = {column.place for column in columns if column.kind != "attributes"}
    cells = table.cells(connection, ctx.scope, [run.id for run in shown.rows], places)
    rows = [[_value(run, column, cells, experiments) for column in columns] for run in shown.rows]
    return rows, shown.after or ""


def _value(run: Any, column: Column, cells: table.Cells, experiments: Any) -> Any:
    if column.kind != "attributes":
        return cells.get((run.id, column.place))
    if column.name == "run_name":
        return run.name
    if column.name == "duration":
        return None if run.end_time is None else run.end_time - run.start_time
    if column.name == "experiment_id":
        return experiments[run.experiment_id].name
    value = getattr(run, column.name)
    return formats.iso(value) or value if column.name in ("start_time", "end_time") and value else value


async def _rows(
    ctx: Context, asked: Asked, within: str, columns: Sequence[Column], first: Found
) -> AsyncIterator[list[list[Any]]]:
    rows, after = first
    yield rows
    while after:
        fetch: Callable[[Any], Found] = lambda c, after=after: _window(c, ctx, asked, within, columns, after)  # type: ignore[misc]  # noqa: E731
        rows, after = await ctx.db.read(fetch)
        yield rows


async def _csv(columns: Sequence[Column], windows: AsyncIterator[list[list[Any]]]) -> AsyncIterator[str]:
    buffer = io.StringIO()
    writer = csv.writer(buffer)
    writer.writerow([_cell(_heading(column)) for column in columns])
    async for rows in windows:
        writer.writerows([[_cell(value) for value in row] for row in rows])
        yield buffer.getvalue()
        buffer.seek(0)
        buffer.truncate()


async def _json(columns: Sequence[Column], windows: AsyncIterator[list[list[Any]]]) -> AsyncIterator[bytes]:
    names = [_heading(column) for column in columns]
    start = b"[\n"
    async for rows in windows:
        for row in rows:
            yield start + orjson.dumps(dict(zip(names, map(_plain, row), strict=True)))
            start = b",\n"
    yield b"\n]\n" if start != b"[\n" else b"[]\n"


def _heading(column: Column) -> str:
    return column.name if column.kind == "attributes" else column.id


def _cell(value: Any) -> str:
    """A text that a spreadsheet would run is led by an apostrophe, which it shows as text."""
    if value is None:
        return ""
    if not isinstance(value, str):
        return formats.exact(value)
    return f"'{value}" if value.startswith(_FORMULA) and not _is_number(value) else value


def _is_number(text: str) -> bool:
    try:
        return math.isfinite(float(text)) and text == text.strip() and "_" not in text
    except ValueError:
        return False


def _plain(value: Any) -> Any:
    """JSON knows no NaN and no infinity: the words that the wire uses stand for them."""
    if isinstance(value, float) and not math.isfinite(value):
        return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
    return value
