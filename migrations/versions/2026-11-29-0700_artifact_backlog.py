"""artifact backlog

Small files that wait in the database for their place in an S3 store. The previous release runs on it: a server that stops in
good order leaves nothing there.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "202611290700"
down_revision = "202611290150"
branch_labels = None
depends_on = None

BigInt = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
ByteText = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def upgrade() -> None:
    op.create_table(
        "artifact_backlog",
        sa.Column("artifact_id", BigInt, autoincrement=False, nullable=False),
        sa.Column("path", ByteText, nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("claimed_until", sa.BigInteger(), nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(
            ["artifact_id"], ["artifacts.id"], name=op.f("fk_artifact_backlog_artifact_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("artifact_id", name=op.f("pk_artifact_backlog")),
    )
    op.create_index("ix_artifact_backlog_path", "artifact_backlog", ["path", "size"])
    op.create_index("ix_artifact_backlog_claimed", "artifact_backlog", ["claimed_until", "artifact_id", "size"])
    if op.get_bind().dialect.name == "postgresql":
        # Most of what comes is packed already, and none of it stays: no time goes into packing it.
        op.execute("ALTER TABLE artifact_backlog ALTER COLUMN content SET STORAGE EXTERNAL")


def downgrade() -> None:
    if op.get_bind().scalar(sa.text("SELECT count(*) FROM artifact_backlog")):
        raise RuntimeError("Small artifacts wait in the database for their store. Stop the servers in good order first.")
    op.drop_table("artifact_backlog")
