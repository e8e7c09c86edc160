"""run revision

Rises with every change of a finished run, so that a rendered form of it can be kept and never be stale. The previous
release runs on it: the column fills itself.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "202611240400"
down_revision = "202611240300"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("runs", sa.Column("revision", sa.BigInteger(), nullable=False, server_default="0"))


def downgrade() -> None:
    op.drop_column("runs", "revision")
