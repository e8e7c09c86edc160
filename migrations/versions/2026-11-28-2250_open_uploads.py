"""open uploads

What the parts of uploads that are not completed count towards the quota. The previous release runs on it: it counts them when
they are completed.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "202611282250"
down_revision = "202611282245"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "artifact_uploads",
        sa.Column("upload", sa.Text(), nullable=False),
        sa.Column("workspace_id", sa.Integer(), nullable=False),
        sa.Column("path", sa.Text(), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("changed_time", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["workspace_id"], ["workspaces.id"], name=op.f("fk_artifact_uploads_workspace_id")),
        sa.PrimaryKeyConstraint("upload", name=op.f("pk_artifact_uploads")),
    )


def downgrade() -> None:
    op.drop_table("artifact_uploads")
