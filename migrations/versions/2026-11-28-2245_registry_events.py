"""registry events

Who did what with registered models and their versions, and when. The previous release does not look at it, and writes none.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "202611282245"
down_revision = "202611282235"
branch_labels = None
depends_on = None

BigInt = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "registry_events",
        sa.Column("id", BigInt, primary_key=True),
        sa.Column("workspace_id", sa.Integer, sa.ForeignKey("workspaces.id"), nullable=False),
        sa.Column("registered_model_id", BigInt, sa.ForeignKey("registered_models.id", ondelete="SET NULL")),
        sa.Column("model_name", sa.Text, nullable=False),
        sa.Column("version", sa.Integer),
        sa.Column("creation_time", sa.BigInteger, nullable=False),
        sa.Column("user_id", sa.Text),
        sa.Column("what", sa.String(32), nullable=False),
        sa.Column("subject", sa.Text),
        sa.Column("before", sa.Text),
        sa.Column("after", sa.Text),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_registry_events_model", "registry_events", ["registered_model_id", "id"])
    op.create_index("ix_registry_events_all", "registry_events", ["workspace_id", "id"])


def downgrade() -> None:
    op.drop_table("registry_events")
