"""search orders

Indexes that pages are read from in the order of a run's end or name, and in the order of time of experiments, registered
models and their versions; and one that MIN() and MAX() of a metric are compared in. The previous release runs on them.
"""

from __future__ import annotations

from alembic import op

revision = "202611282235"
down_revision = "202611282230"
branch_labels = None
depends_on = None

ADDED = {
    "ix_runs_end": "runs (experiment_id, lifecycle_stage, end_time)",
    "ix_runs_by_name": "runs (experiment_id, lifecycle_stage, substr(name, 1, 200){by_bytes})",
    "ix_experiments_created": "experiments (lifecycle_stage, creation_time, id)",
    "ix_experiments_updated": "experiments (lifecycle_stage, last_update_time, id)",
    "ix_registered_models_updated": "registered_models (workspace_id, last_updated_timestamp)",
    "ix_registered_models_name": "registered_models (name)",
}
CHANGED = {
    "ix_model_versions_updated": (
        "model_versions (workspace_id, last_updated_timestamp)",
        "model_versions (last_updated_timestamp, workspace_id)",
    ),
    "ix_series_last_value": (
        "series (key_id, last_value, run_pk)",
        "series (key_id, last_value, run_pk, min_value, max_value)",
    ),
}


def upgrade() -> None:
    by_bytes = " text_pattern_ops" if op.get_bind().dialect.name == "postgresql" else ""
    for name, where in ADDED.items():
        op.execute(f"CREATE INDEX {name} ON {where.format(by_bytes=by_bytes)}")
    for name, (_, after) in CHANGED.items():
        op.execute(f"DROP INDEX {name}")
        op.execute(f"CREATE INDEX {name} ON {after}")


def downgrade() -> None:
    for name in ADDED:
        op.execute(f"DROP INDEX {name}")
    for name, (before, _) in CHANGED.items():
        op.execute(f"DROP INDEX {name}")
        op.execute(f"CREATE INDEX {name} ON {before}")
