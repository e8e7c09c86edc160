"""sealed whole

Whether a finished run's series were looked at to be sealed, apart from how far they were sealed while it went on. The
previous release runs on it: the column fills itself, and its job finds its runs as before, if more slowly.
"""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "202611281900"
down_revision = "202611240400"
branch_labels = None
depends_on = None

BEFORE = "end_time IS NOT NULL AND sealed_until IS NULL"
NOW = "end_time IS NOT NULL AND sealed_whole = 0"


def where(condition: str) -> dict[str, Any]:
    return {"sqlite_where": sa.text(condition), "postgresql_where": sa.text(condition)}


def upgrade() -> None:
    op.drop_index("ix_runs_unsealed", "runs")
    op.add_column("runs", sa.Column("sealed_whole", sa.SmallInteger(), nullable=False, server_default="0"))
    op.create_index("ix_runs_unsealed", "runs", ["id"], **where(NOW))


def downgrade() -> None:
    op.drop_index("ix_runs_unsealed", "runs")
    op.drop_column("runs", "sealed_whole")
    op.create_index("ix_runs_unsealed", "runs", ["id"], **where(BEFORE))
