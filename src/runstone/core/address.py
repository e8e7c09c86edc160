"""What `--backend-store-uri` names: a SQLite file or a Postgres database."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError

POSTGRES_SCHEMES = {"postgres", "postgresql", "postgresql+psycopg", "postgresql+psycopg2"}


class DatabaseRefused(Exception):
    """The database cannot be used; the text is a sentence for the operator and holds no password."""


@dataclass(frozen=True)
class Address:
    dialect: Literal["sqlite", "postgresql"]
    url: URL
    file: Path = Path()

    @property
    def shown(self) -> str:
        """For people: without the password."""
        return str(self.file) if self.dialect == "sqlite" else self.url.render_as_string(hide_password=True)


def parse(uri: str) -> Address:
    """Raises `DatabaseRefused` for anything but SQLite and Postgres."""
    try:
        url = make_url(uri)
    except (ArgumentError, ValueError) as error:  # ValueError: a port or an IPv6 address that is none
        raise DatabaseRefused(
            "The backend store is not a database URL. Use sqlite:///FILE or postgresql://USER:PASSWORD@HOST:PORT/NAME, with other "
            "characters than letters and digits of a password as percent signs (%40 for @)."
        ) from error
    if url.drivername in ("sqlite", "sqlite+pysqlite"):
        if not url.database or url.database == ":memory:":
            raise DatabaseRefused("An in-memory SQLite database would lose every run. Name a file: sqlite:///runstone.db.")
        file = Path(url.database).absolute()
        return Address("sqlite", URL.create("sqlite+pysqlite", database=str(file)), file)
    if url.drivername in POSTGRES_SCHEMES:
        return Address("postgresql", url.set(drivername="postgresql+psycopg"))
    raise DatabaseRefused(
        f"The backend store scheme {url.drivername!r} is not supported. "
        "Use sqlite:///FILE or postgresql://USER:PASSWORD@HOST/NAME."
    )
