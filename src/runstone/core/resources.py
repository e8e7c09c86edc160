"""Where the templates, static files and migrations are: in the wheel, or at the top of a source checkout."""

from __future__ import annotations

from functools import cache
from pathlib import Path


@cache
def root() -> Path:
    package = Path(__file__).resolve().parents[1]
    shipped = package / "_data"
    return shipped if shipped.is_dir() else package.parents[1]


def templates_dir() -> Path:
    return root() / "templates"


def static_dir() -> Path:
    return root() / "static"


def migrations_dir() -> Path:
    return root() / "migrations"
