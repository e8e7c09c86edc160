"""Texts whatever the case of their letters, the same on both databases: `Lowered` and what is found with it."""

from __future__ import annotations

import sqlite3
from typing import Any

from sqlalchemy import ColumnElement, Text, literal
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.functions import FunctionElement


def register_sqlite_functions(connection: sqlite3.Connection) -> None:
    """Give a SQLite connection what Postgres has: a case-sensitive LIKE and a lower() beyond ASCII."""
    connection.execute("PRAGMA case_sensitive_like=ON")
    connection.create_function("unicode_lower", 1, lambda text: None if text is None else folded(text), deterministic=True)


def folded(text: str) -> str:
    """Lower case letter by letter, as Postgres does it: str.lower() makes two characters of one, and knows a final sigma."""
    return text.lower() if text.isascii() else text.replace("\u0130", "i").replace("\u03a3", "\u03c3").lower()


class Lowered(FunctionElement[str]):
    """lower(text), beyond ASCII on SQLite too."""

    name = "lowered"
    type = Text()
    inherit_cache = True


@compiles(Lowered, "sqlite")
def _on_sqlite(element: Lowered, compiler: Any, **kw: Any) -> str:
    text = compiler.process(element.clauses, **kw)
    # SQLite's own lower() knows ASCII only, and is many times faster than a call into Python.
    return f"CASE WHEN length({text}) = length(CAST({text} AS BLOB)) THEN lower({text}) ELSE unicode_lower({text}) END"


@compiles(Lowered)
def _elsewhere(element: Lowered, compiler: Any, **kw: Any) -> str:
    return f"lower({compiler.process(element.clauses, **kw)})"


def holds(column: ColumnElement[Any], word: str) -> ColumnElement[bool]:
    return Lowered(column).like(Lowered(literal(f"%{_escaped(word)}%")), escape="\\")


def begins(column: ColumnElement[Any], word: str) -> ColumnElement[bool]:
    return Lowered(column).like(Lowered(literal(f"{_escaped(word)}%")), escape="\\")


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
