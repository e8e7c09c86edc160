"""fewer foreign keys

Each param, tag and series was checked against its run and its key: half of what a new run cost in Postgres. Keys are never
deleted, and a run's rows are written in the transaction that found and locked it. What a foreign key took along when a run
went, a trigger takes along. The previous release runs on it.
"""

from __future__ import annotations

import re

from alembic import op

revision = "202611282030"
down_revision = "202611281945"
branch_labels = None
depends_on = None

TABLES = ("run_params", "run_tags", "series")
KEYS = {"key_id": "REFERENCES keys (id)", "run_pk": "REFERENCES runs (id) ON DELETE CASCADE"}
TAKE_ALONG = " ".join(f"DELETE FROM {table} WHERE run_pk = OLD.id;" for table in TABLES)  # noqa: S608


def upgrade() -> None:
    if op.get_bind().dialect.name == "sqlite":
        for table in TABLES:
            _declare(table, without_keys=True)
        op.execute(f"CREATE TRIGGER runs_removed AFTER DELETE ON runs BEGIN {TAKE_ALONG} END")
        return
    for table in TABLES:
        for column in KEYS:
            op.drop_constraint(f"fk_{table}_{column}", table, type_="foreignkey")
    op.execute(f"CREATE FUNCTION runs_removed() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN {TAKE_ALONG} RETURN NULL; END $$")
    op.execute("CREATE TRIGGER runs_removed AFTER DELETE ON runs FOR EACH ROW EXECUTE FUNCTION runs_removed()")


def downgrade() -> None:
    if op.get_bind().dialect.name == "sqlite":
        op.execute("DROP TRIGGER runs_removed")
        for table in TABLES:
            _declare(table, without_keys=False)
        return
    op.execute("DROP TRIGGER runs_removed ON runs")
    op.execute("DROP FUNCTION runs_removed()")
    for table in TABLES:
        for column, target in KEYS.items():
            op.execute(f"ALTER TABLE {table} ADD CONSTRAINT fk_{table}_{column} FOREIGN KEY ({column}) {target}")


def _declare(table: str, *, without_keys: bool) -> None:
    """SQLite keeps a table as the text that made it, and cannot drop a constraint. The rows stay where they are, so the text
    is all that changes, in the way that SQLite's manual gives for it (ALTER TABLE, "Making Other Kinds Of Schema Changes").
    """
    run = op.get_bind().exec_driver_sql
    text = str(run("SELECT sql FROM sqlite_schema WHERE type = 'table' AND name = ?", (table,)).scalar_one())
    text = re.sub(r",\s*CONSTRAINT fk_\w+ FOREIGN KEY\s*\(\w+\) REFERENCES \w+ \(\w+\)( ON DELETE CASCADE)?", "", text)
    if not without_keys:
        head, _, tail = text.rpartition(")")
        keys = [f"CONSTRAINT fk_{table}_{column} FOREIGN KEY({column}) {target}" for column, target in KEYS.items()]
        text = f"{', '.join([head, *keys])}){tail}"
    version = int(run("PRAGMA schema_version").scalar_one())
    run("PRAGMA writable_schema = ON")
    run("UPDATE sqlite_schema SET sql = ? WHERE type = 'table' AND name = ?", (text, table))
    run(f"PRAGMA schema_version = {version + 1}")
    run("PRAGMA writable_schema = RESET")
