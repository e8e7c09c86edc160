"""run names

An index that finds a run by the beginning of its name, whatever experiment it is in. The previous release runs on it.
"""

from __future__ import annotations

from alembic import op

revision = "202611281935"
down_revision = "202611281900"
branch_labels = None
depends_on = None


def upgrade() -> None:
    operators = " text_pattern_ops" if op.get_bind().dialect.name == "postgresql" else ""
    op.execute(f"CREATE INDEX ix_runs_name ON runs (lower(substr(name, 1, 200)){operators}, workspace_id)")


def downgrade() -> None:
    op.drop_index("ix_runs_name", "runs")
