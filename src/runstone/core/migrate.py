"""The state of a database's tables: which revision it has, and bringing it to this release's.

Revisions are named by the date that their file name starts with, so the newest file is the head.
"""

from __future__ import annotations

import shutil
import sqlite3
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import Connection, inspect, text

from runstone.core.address import Address, DatabaseRefused
from runstone.core.resources import migrations_dir

if TYPE_CHECKING:
    from alembic.config import Config

    from runstone.core.db import Database

TABLE_MODULES = (
    "runstone.core.tables",
    "runstone.experiments.tables",
    "runstone.logged_models.tables",
    "runstone.runs.tables",
    "runstone.registry.tables",
    "runstone.artifacts.tables",
)
# Any number, the same in every server process: only one of them migrates at a time.
ADVISORY_LOCK = 7_205_119_430


def head() -> str:
    newest = max(path.name.partition("_")[0] for path in (migrations_dir() / "versions").glob("*_*.py"))
    return newest.replace("-", "")


def current(connection: Connection) -> str | None:
    """The database's revision; None when it is empty. Raises `DatabaseRefused` for somebody else's tables."""
    tables = set(inspect(connection).get_table_names())
    if not tables:
        return None
    if "alembic_version" not in tables or "server_state" not in tables:
        raise DatabaseRefused(
            "The database holds tables that are not Runstone's. Give Runstone a database, or a SQLite file, of its own."
        )
    return connection.execute(text("SELECT version_num FROM alembic_version")).scalar()


def upgrade(db: Database) -> tuple[str | None, str]:
    """Bring the tables to this release's revision, all steps in one transaction; (before, after)."""
    before = db.read_now(current)
    refuse_newer(before)
    if before == head():
        return before, before
    if before is not None and db.dialect == "sqlite":
        keep_copy(db.address, before)
    db.write_now(_run)
    return before, head()


def prepare(db: Database) -> None:
    """What a server does at its start: an empty database gets its tables, an older SQLite file is upgraded after a
    copy was made, an older Postgres database is left to the operator, because other servers may be using it.
    """
    before = db.read_now(current)
    refuse_newer(before)
    if before == head():
        return
    if before is not None and db.dialect == "postgresql":
        raise DatabaseRefused(
            f"The database has revision {before} and this release needs {head()}. Back it up, then run: runstone db upgrade"
        )
    upgrade(db)


def refuse_newer(revision: str | None) -> None:
    if revision is not None and revision > head():
        raise DatabaseRefused(
            f"The database has revision {revision}, made by a newer release of Runstone; this one knows {head()}. "
            "Install that release or a later one, or restore the copy from before its upgrade."
        )


def keep_copy(address: Address, revision: str) -> Path:
    """A copy of the SQLite file from before an upgrade, beside it."""
    copy = address.file.with_name(f"{address.file.name}.before-{head()}-from-{revision}")
    source, target = sqlite3.connect(address.file), sqlite3.connect(copy)
    try:
        source.backup(target)
    except sqlite3.Error as error:
        copy.unlink(missing_ok=True)
        free = shutil.disk_usage(address.file.parent).free
        raise DatabaseRefused(f"No copy could be made before the upgrade ({error}; {free} bytes are free).") from error
    finally:
        source.close()
        target.close()
    return copy


def alembic_config() -> Config:
    from alembic.config import Config  # noqa: PLC0415 (a tenth of a second that only an upgrade needs)

    config = Config()
    config.set_main_option("script_location", str(migrations_dir()))
    config.set_main_option("path_separator", "os")
    return config


def _run(connection: Connection) -> None:
    from alembic import command  # noqa: PLC0415 (see above)

    if connection.dialect.name == "postgresql":
        connection.execute(text("SET LOCAL lock_timeout = '30s'"))
        connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": ADVISORY_LOCK})
    config = alembic_config()
    config.attributes["connection"] = connection
    command.upgrade(config, "head")
