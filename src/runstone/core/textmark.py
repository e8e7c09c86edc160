"""A number for a text that is another one when the text is: for seeing that something changed without reading it."""

from __future__ import annotations

import sqlite3
import zlib
from typing import Any

from sqlalchemy import BigInteger
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.functions import FunctionElement


def register(connection: sqlite3.Connection) -> None:
    def mark(text: str | None) -> int | None:
        return None if text is None else zlib.crc32(text.encode("utf-8", "surrogatepass"))

    connection.create_function("text_mark", 1, mark, deterministic=True)


class TextMark(FunctionElement[int]):
    name = "text_mark"
    type = BigInteger()
    inherit_cache = True


@compiles(TextMark, "sqlite")
def _on_sqlite(element: TextMark, compiler: Any, **kw: Any) -> str:
    return f"text_mark({compiler.process(element.clauses, **kw)})"


@compiles(TextMark)
def _elsewhere(element: TextMark, compiler: Any, **kw: Any) -> str:
    return f"CAST(hashtext({compiler.process(element.clauses, **kw)}) AS BIGINT)"
