"""run orders

Indexes that pages of runs are read from in the order of their end and of their name. The previous release runs on it.
"""

from __future__ import annotations

from alembic import op

revision = "202611282235"
down_revision = "202611282030"
branch_labels = None
depends_on = None


def upgrade() -> None:
    operators = " text_pattern_ops" if op.get_bind().dialect.name == "postgresql" else ""
    op.execute("CREATE INDEX ix_runs_end ON runs (experiment_id, lifecycle_stage, end_time)")
    op.execute(f"CREATE INDEX ix_runs_by_name ON runs (experiment_id, lifecycle_stage, substr(name, 1, 200){operators})")


def downgrade() -> None:
    op.drop_index("ix_runs_by_name", "runs")
    op.drop_index("ix_runs_end", "runs")
