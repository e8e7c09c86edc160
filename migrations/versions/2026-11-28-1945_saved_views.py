"""saved views

Saved views of an experiment's runs, short links to the state of a page, favourites. The previous release does not look at them.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "202611281945"
down_revision = "202611281940"
branch_labels = None
depends_on = None

BigInt = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "saved_views",
        sa.Column("id", BigInt, primary_key=True),
        sa.Column("workspace_id", sa.Integer, sa.ForeignKey("workspaces.id"), nullable=False),
        sa.Column("experiment_id", BigInt, sa.ForeignKey("experiments.id", ondelete="CASCADE"), nullable=False),
        sa.Column("owner", sa.String(64), nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("query", sa.Text, nullable=False),
        sa.Column("is_default", sa.SmallInteger, nullable=False),
        sa.Column("creation_time", sa.BigInteger, nullable=False),
        sa.Column("last_update_time", sa.BigInteger, nullable=False),
        sa.UniqueConstraint("experiment_id", "owner", "name"),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "page_links",
        sa.Column("code", sa.String(32), primary_key=True),
        sa.Column("workspace_id", sa.Integer, sa.ForeignKey("workspaces.id"), nullable=False),
        sa.Column("path", sa.Text, nullable=False),
        sa.Column("query", sa.Text, nullable=False),
        sa.Column("creation_time", sa.BigInteger, nullable=False),
    )
    op.create_table(
        "favourites",
        sa.Column("owner", sa.String(64), primary_key=True),
        sa.Column("experiment_id", BigInt, sa.ForeignKey("experiments.id", ondelete="CASCADE"), primary_key=True),
        sa.Column("workspace_id", sa.Integer, sa.ForeignKey("workspaces.id"), nullable=False),
        sa.Column("creation_time", sa.BigInteger, nullable=False),
    )
    op.create_index("ix_favourites_experiment_id", "favourites", ["experiment_id"])


def downgrade() -> None:
    for table in ("favourites", "page_links", "saved_views"):
        op.drop_table(table)
