"""artifact contents

Bytes of small files, for the moment until the file system has them. The previous release runs on it: what it drops from the
records takes these bytes along.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "202611290150"
down_revision = "202611282250"
branch_labels = None
depends_on = None

BigInt = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "artifact_contents",
        sa.Column("artifact_id", BigInt, autoincrement=False, nullable=False),
        sa.Column("writer", sa.Text(), nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(
            ["artifact_id"], ["artifacts.id"], name=op.f("fk_artifact_contents_artifact_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("artifact_id", name=op.f("pk_artifact_contents")),
    )
    if op.get_bind().dialect.name == "postgresql":
        # Most of what comes is packed already, and none of it stays: no time goes into packing it.
        op.execute("ALTER TABLE artifact_contents ALTER COLUMN content SET STORAGE EXTERNAL")


def downgrade() -> None:
    op.drop_table("artifact_contents")
