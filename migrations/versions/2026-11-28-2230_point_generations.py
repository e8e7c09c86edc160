"""point generations

Postgres gives space inside a table back only when the table is emptied as a whole, so sealed points left their room behind
for good. There, `points` now has two partitions that take turns: new points go to `points_hot`, what is left in `points_old`
is moved over, and then that one is emptied (runs/generations.py). SQLite uses the pages of deleted rows again by itself.

The previous release runs on it: what it adds to `points` goes to generation 0, and a partition is emptied only when nothing is
in it. Stop it all the same before points are sealed by this one: it would not see that a point sent again is in the other
partition already.
"""

from __future__ import annotations

from alembic import op

revision = "202611282230"
down_revision = "202611282030"
branch_labels = None
depends_on = None

KEY = "run_pk, key_id, timestamp, step, value, is_nan"


def upgrade() -> None:
    if op.get_bind().dialect.name == "sqlite":
        return
    op.execute("ALTER TABLE points RENAME TO points_hot")
    op.execute("ALTER TABLE points_hot RENAME CONSTRAINT pk_points TO pk_points_0")
    op.execute("ALTER TABLE points_hot ADD COLUMN generation smallint NOT NULL DEFAULT 0")
    # So that no row is read when the table becomes a partition.
    op.execute("ALTER TABLE points_hot ADD CONSTRAINT generation_0 CHECK (generation IS NOT NULL AND generation = 0)")
    op.execute(
        "CREATE TABLE points (LIKE points_hot INCLUDING DEFAULTS EXCLUDING CONSTRAINTS EXCLUDING INDEXES) "
        "PARTITION BY LIST (generation)"
    )
    op.execute("ALTER TABLE points ATTACH PARTITION points_hot FOR VALUES IN (0)")
    op.execute("ALTER TABLE points_hot DROP CONSTRAINT generation_0")
    op.execute("CREATE TABLE points_old PARTITION OF points (generation DEFAULT 1) FOR VALUES IN (1)")
    op.execute(f"ALTER TABLE points_old ADD CONSTRAINT pk_points_1 PRIMARY KEY ({KEY})")


def downgrade() -> None:
    if op.get_bind().dialect.name == "sqlite":
        return
    op.execute(f"INSERT INTO points_hot ({KEY}) SELECT {KEY} FROM points_old ON CONFLICT DO NOTHING")  # noqa: S608
    op.execute("DROP TABLE points_old")
    op.execute("ALTER TABLE points DETACH PARTITION points_hot")
    op.execute("DROP TABLE points")
    op.execute("ALTER TABLE points_hot DROP COLUMN generation")
    op.execute("ALTER TABLE points_hot RENAME TO points")
    held = "SELECT conname FROM pg_constraint WHERE conrelid = 'points'::regclass AND contype = 'p'"
    key = op.get_bind().exec_driver_sql(held).scalar_one()
    op.execute(f"ALTER TABLE points RENAME CONSTRAINT {key} TO pk_points")
