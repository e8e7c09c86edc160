"""run revision

Rises with every change of a finished run, so that a rendered form of it can be kept and never be stale. The previous
release runs on it: the column fills itself. On Postgres the indexes of values also find what begins with a text; they
serve the statements of the previous release as before.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "202611240400"
down_revision = "202611240300"
branch_labels = None
depends_on = None


VALUE_INDEXES = ("run_params", "run_tags")


def upgrade() -> None:
    _index_values(" text_pattern_ops")
    op.add_column("runs", sa.Column("revision", sa.BigInteger(), nullable=False, server_default="0"))


def downgrade() -> None:
    op.drop_column("runs", "revision")
    _index_values("")


def _index_values(operators: str) -> None:
    if op.get_bind().dialect.name != "postgresql":
        return
    for table in VALUE_INDEXES:
        op.execute(f"DROP INDEX ix_{table}_value")
        op.execute(f"CREATE INDEX ix_{table}_value ON {table} (key_id, substr(value, 1, 200){operators}, run_pk)")
