"""recorded artifacts

Files that were stored before have no record: they are served as they are, until `runstone artifacts verify --adopt` records
them. The previous release runs on it: it looks at none of these tables.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "202611281940"
down_revision = "202611281935"
branch_labels = None
depends_on = None

BigInt = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
ByteText = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def upgrade() -> None:
    op.create_table(
        "artifacts",
        sa.Column("id", BigInt, nullable=False),
        sa.Column("workspace_id", sa.Integer(), nullable=False),
        sa.Column("path_digest", sa.LargeBinary(32), nullable=False),
        sa.Column("path", ByteText, nullable=False),
        sa.Column("owner_kind", sa.Text(), nullable=False),
        sa.Column("owner_id", sa.Text(), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("sha256", sa.String(64), nullable=True),
        sa.Column("etag", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("content_type", sa.Text(), nullable=False),
        sa.Column("creator", sa.Text(), nullable=True),
        sa.Column("created_time", sa.BigInteger(), nullable=False),
        sa.Column("changed_time", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["workspace_id"], ["workspaces.id"], name=op.f("fk_artifacts_workspace_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_artifacts")),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_artifacts_path_digest", "artifacts", ["path_digest"])
    op.create_index("ix_artifacts_path", "artifacts", [sa.text("substr(path, 1, 200)"), "id"])
    op.create_index("ix_artifacts_owner", "artifacts", ["owner_kind", "owner_id"])
    unsettled = sa.text("state <> 'stored'")
    op.create_index("ix_artifacts_unsettled", "artifacts", ["changed_time"], sqlite_where=unsettled, postgresql_where=unsettled)
    op.create_table(
        "artifact_usage",
        sa.Column("workspace_id", sa.Integer(), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("count", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["workspace_id"], ["workspaces.id"], name=op.f("fk_artifact_usage_workspace_id")),
        sa.PrimaryKeyConstraint("workspace_id", name=op.f("pk_artifact_usage")),
    )
    op.create_table(
        "artifact_removals",
        sa.Column("id", BigInt, nullable=False),
        sa.Column("workspace_id", sa.Integer(), nullable=False),
        sa.Column("store", sa.Text(), nullable=False),
        sa.Column("path", sa.Text(), nullable=False),
        sa.Column("owner_kind", sa.Text(), nullable=False),
        sa.Column("owner_id", sa.Text(), nullable=False),
        sa.Column("created_time", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["workspace_id"], ["workspaces.id"], name=op.f("fk_artifact_removals_workspace_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_artifact_removals")),
    )


def downgrade() -> None:
    op.drop_table("artifact_removals")
    op.drop_table("artifact_usage")
    for name in ("unsettled", "owner", "path", "path_digest"):
        op.drop_index(f"ix_artifacts_{name}", table_name="artifacts")
    op.drop_table("artifacts")
