"""sealed chunks of points

The previous release runs on the result as long as nothing is sealed: it would not see the points in chunks.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "202611240300"
down_revision = "202611232200"
branch_labels = None
depends_on = None

BigInt = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def where(condition: str) -> dict[str, sa.TextClause]:
    return {"sqlite_where": sa.text(condition), "postgresql_where": sa.text(condition)}


def upgrade() -> None:
    op.add_column("runs", sa.Column("sealed_until", sa.BigInteger()))
    op.add_column("series", sa.Column("sealed", sa.BigInteger(), server_default="0", nullable=False))
    op.create_index("ix_runs_unsealed", "runs", ["id"], **where("end_time IS NOT NULL AND sealed_until IS NULL"))
    op.create_index("ix_series_unsealed", "series", ["run_pk", "key_id"], **where("count - sealed >= 2048"))
    op.create_table(
        "point_chunks",
        sa.Column("id", BigInt, nullable=False),
        sa.Column("run_pk", BigInt, nullable=False),
        sa.Column("key_id", BigInt, nullable=False),
        sa.Column("first_timestamp", sa.BigInteger(), nullable=False),
        sa.Column("first_step", sa.BigInteger(), nullable=False),
        sa.Column("first_value", sa.Double(), nullable=False),
        sa.Column("first_is_nan", sa.SmallInteger(), nullable=False),
        sa.Column("last_timestamp", sa.BigInteger(), nullable=False),
        sa.Column("last_step", sa.BigInteger(), nullable=False),
        sa.Column("last_value", sa.Double(), nullable=False),
        sa.Column("last_is_nan", sa.SmallInteger(), nullable=False),
        sa.Column("count", sa.Integer(), nullable=False),
        sa.Column("nan_count", sa.Integer(), nullable=False),
        sa.Column("up_count", sa.Integer(), nullable=False),
        sa.Column("down_count", sa.Integer(), nullable=False),
        sa.Column("min_step", sa.BigInteger(), nullable=False),
        sa.Column("max_step", sa.BigInteger(), nullable=False),
        sa.Column("in_step_order", sa.SmallInteger(), nullable=False),
        sa.Column("min_value", sa.Double()),
        sa.Column("max_value", sa.Double()),
        sa.Column("sum_value", sa.Double()),
        sa.Column("timestamps", sa.LargeBinary(), nullable=False),
        sa.Column("steps", sa.LargeBinary(), nullable=False),
        sa.Column("numbers", sa.LargeBinary(), nullable=False),
        sa.Column("nans", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["run_pk"], ["runs.id"], name=op.f("fk_point_chunks_run_pk"), ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["key_id"], ["keys.id"], name=op.f("fk_point_chunks_key_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_point_chunks")),
    )
    op.create_index(
        "uq_point_chunks_place",
        "point_chunks",
        ["run_pk", "key_id", "first_timestamp", "first_step", "first_value", "first_is_nan"],
        unique=True,
    )


def downgrade() -> None:
    if op.get_bind().execute(sa.text("SELECT 1 FROM point_chunks LIMIT 1")).first() is not None:
        raise RuntimeError(
            "Points were sealed, and the older tables have no place for chunks. Restore a copy from before the upgrade."
        )
    op.drop_table("point_chunks")
    op.drop_index("ix_series_unsealed", "series")
    op.drop_index("ix_runs_unsealed", "runs")
    op.drop_column("series", "sealed")
    op.drop_column("runs", "sealed_until")
