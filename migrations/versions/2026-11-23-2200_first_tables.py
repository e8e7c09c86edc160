"""first tables

The previous release must be able to run on the result: add first, remove a release later.
"""

from __future__ import annotations

import secrets

import sqlalchemy as sa
from alembic import op

revision = "202611232200"
down_revision = None
branch_labels = None
depends_on = None

BigInt = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "keys",
        sa.Column("id", BigInt, nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_keys")),
        sa.UniqueConstraint("name", name=op.f("uq_keys_name")),
    )
    op.create_table(
        "points",
        sa.Column("run_pk", BigInt, nullable=False),
        sa.Column("key_id", BigInt, nullable=False),
        sa.Column("timestamp", sa.BigInteger(), nullable=False),
        sa.Column("step", sa.BigInteger(), nullable=False),
        sa.Column("value", sa.Double(), nullable=False),
        sa.Column("is_nan", sa.SmallInteger(), nullable=False),
        sa.PrimaryKeyConstraint("run_pk", "key_id", "timestamp", "step", "value", "is_nan", name=op.f("pk_points")),
        sqlite_with_rowid=False,
    )
    server_state = op.create_table(
        "server_state",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("value", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_server_state")),
    )
    workspaces = op.create_table(
        "workspaces",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_workspaces")),
        sa.UniqueConstraint("name", name=op.f("uq_workspaces_name")),
    )
    op.create_table(
        "experiments",
        sa.Column("id", BigInt, nullable=False),
        sa.Column("workspace_id", sa.Integer(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("artifact_location", sa.Text(), nullable=False),
        sa.Column("lifecycle_stage", sa.Text(), nullable=False),
        sa.Column("creation_time", sa.BigInteger(), nullable=False),
        sa.Column("last_update_time", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["workspace_id"], ["workspaces.id"], name=op.f("fk_experiments_workspace_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_experiments")),
        sa.UniqueConstraint("workspace_id", "name", name=op.f("uq_experiments_workspace_id_name")),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "registered_models",
        sa.Column("id", BigInt, nullable=False),
        sa.Column("workspace_id", sa.Integer(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("creation_timestamp", sa.BigInteger(), nullable=False),
        sa.Column("last_updated_timestamp", sa.BigInteger(), nullable=False),
        sa.Column("description", sa.Text()),
        sa.ForeignKeyConstraint(["workspace_id"], ["workspaces.id"], name=op.f("fk_registered_models_workspace_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_registered_models")),
        sa.UniqueConstraint("workspace_id", "name", name=op.f("uq_registered_models_workspace_id_name")),
    )
    op.create_table(
        "datasets",
        sa.Column("id", BigInt, nullable=False),
        sa.Column("workspace_id", sa.Integer(), nullable=False),
        sa.Column("experiment_id", BigInt, nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("digest", sa.Text(), nullable=False),
        sa.Column("source_type", sa.Text(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("schema", sa.Text()),
        sa.Column("profile", sa.Text()),
        sa.ForeignKeyConstraint(["experiment_id"], ["experiments.id"], name=op.f("fk_datasets_experiment_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_datasets")),
        sa.UniqueConstraint("experiment_id", "name", "digest", name=op.f("uq_datasets_experiment_id_name_digest")),
    )
    op.create_table(
        "experiment_tags",
        sa.Column("experiment_id", BigInt, nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("workspace_id", sa.Integer(), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["experiment_id"],
            ["experiments.id"],
            name=op.f("fk_experiment_tags_experiment_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("experiment_id", "key", name=op.f("pk_experiment_tags")),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "logged_models",
        sa.Column("id", BigInt, nullable=False),
        sa.Column("model_id", sa.String(length=36), nullable=False),
        sa.Column("workspace_id", sa.Integer(), nullable=False),
        sa.Column("experiment_id", BigInt, nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("artifact_uri", sa.Text(), nullable=False),
        sa.Column("creation_timestamp_ms", sa.BigInteger(), nullable=False),
        sa.Column("last_updated_timestamp_ms", sa.BigInteger(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("lifecycle_stage", sa.Text(), nullable=False),
        sa.Column("model_type", sa.Text(), nullable=False),
        sa.Column("source_run_id", sa.Text(), nullable=False),
        sa.Column("status_message", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["experiment_id"], ["experiments.id"], name=op.f("fk_logged_models_experiment_id")),
        sa.ForeignKeyConstraint(["workspace_id"], ["workspaces.id"], name=op.f("fk_logged_models_workspace_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_logged_models")),
        sa.UniqueConstraint("model_id", name=op.f("uq_logged_models_model_id")),
    )
    op.create_index(
        "ix_logged_models_page",
        "logged_models",
        ["experiment_id", "lifecycle_stage", sa.literal_column("creation_timestamp_ms DESC"), "model_id"],
    )
    op.create_index("ix_logged_models_source_run_id", "logged_models", ["source_run_id"])

    op.create_table(
        "model_versions",
        sa.Column("id", BigInt, nullable=False),
        sa.Column("workspace_id", sa.Integer(), nullable=False),
        sa.Column("registered_model_id", BigInt, nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("creation_timestamp", sa.BigInteger(), nullable=False),
        sa.Column("last_updated_timestamp", sa.BigInteger(), nullable=False),
        sa.Column("description", sa.Text()),
        sa.Column("user_id", sa.Text()),
        sa.Column("current_stage", sa.Text(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("storage_location", sa.Text()),
        sa.Column("run_id", sa.Text()),
        sa.Column("run_link", sa.Text()),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("status_message", sa.Text()),
        sa.Column("model_id", sa.Text()),
        sa.ForeignKeyConstraint(
            ["registered_model_id"],
            ["registered_models.id"],
            name=op.f("fk_model_versions_registered_model_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_model_versions")),
        sa.UniqueConstraint("registered_model_id", "version", name=op.f("uq_model_versions_registered_model_id_version")),
    )
    op.create_index("ix_model_versions_model_id", "model_versions", ["model_id"])
    op.create_index("ix_model_versions_run_id", "model_versions", ["run_id"])
    op.create_index("ix_model_versions_updated", "model_versions", ["workspace_id", "last_updated_timestamp"])

    op.create_table(
        "registered_model_aliases",
        sa.Column("registered_model_id", BigInt, nullable=False),
        sa.Column("alias", sa.Text(), nullable=False),
        sa.Column("workspace_id", sa.Integer(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["registered_model_id"],
            ["registered_models.id"],
            name=op.f("fk_registered_model_aliases_registered_model_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("registered_model_id", "alias", name=op.f("pk_registered_model_aliases")),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "registered_model_tags",
        sa.Column("registered_model_id", BigInt, nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("workspace_id", sa.Integer(), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["registered_model_id"],
            ["registered_models.id"],
            name=op.f("fk_registered_model_tags_registered_model_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("registered_model_id", "key", name=op.f("pk_registered_model_tags")),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "runs",
        sa.Column("id", BigInt, nullable=False),
        sa.Column("run_id", sa.String(length=36), nullable=False),
        sa.Column("workspace_id", sa.Integer(), nullable=False),
        sa.Column("experiment_id", BigInt, nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("user_id", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("start_time", sa.BigInteger(), nullable=False),
        sa.Column("end_time", sa.BigInteger()),
        sa.Column("lifecycle_stage", sa.Text(), nullable=False),
        sa.Column("deleted_time", sa.BigInteger()),
        sa.Column("artifact_uri", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["experiment_id"], ["experiments.id"], name=op.f("fk_runs_experiment_id")),
        sa.ForeignKeyConstraint(["workspace_id"], ["workspaces.id"], name=op.f("fk_runs_workspace_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_runs")),
        sa.UniqueConstraint("run_id", name=op.f("uq_runs_run_id")),
    )
    op.create_index(
        "ix_runs_page",
        "runs",
        ["experiment_id", "lifecycle_stage", sa.literal_column("start_time DESC"), "run_id"],
    )

    op.create_table(
        "logged_model_metrics",
        sa.Column("model_pk", BigInt, nullable=False),
        sa.Column("key_id", BigInt, nullable=False),
        sa.Column("timestamp", sa.BigInteger(), nullable=False),
        sa.Column("step", sa.BigInteger(), nullable=False),
        sa.Column("run_id", sa.String(length=36), nullable=False),
        sa.Column("dataset_name", sa.Text(), nullable=False),
        sa.Column("dataset_digest", sa.Text(), nullable=False),
        sa.Column("value", sa.Double(), nullable=False),
        sa.Column("is_nan", sa.SmallInteger(), nullable=False),
        sa.Column("workspace_id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["key_id"], ["keys.id"], name=op.f("fk_logged_model_metrics_key_id")),
        sa.ForeignKeyConstraint(
            ["model_pk"],
            ["logged_models.id"],
            name=op.f("fk_logged_model_metrics_model_pk"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint(
            "model_pk",
            "key_id",
            "timestamp",
            "step",
            "run_id",
            "dataset_name",
            "dataset_digest",
            "value",
            "is_nan",
            name=op.f("pk_logged_model_metrics"),
        ),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_logged_model_metrics_value", "logged_model_metrics", ["key_id", "value", "model_pk"])

    op.create_table(
        "logged_model_params",
        sa.Column("model_pk", BigInt, nullable=False),
        sa.Column("key_id", BigInt, nullable=False),
        sa.Column("workspace_id", sa.Integer(), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["key_id"], ["keys.id"], name=op.f("fk_logged_model_params_key_id")),
        sa.ForeignKeyConstraint(
            ["model_pk"],
            ["logged_models.id"],
            name=op.f("fk_logged_model_params_model_pk"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("model_pk", "key_id", name=op.f("pk_logged_model_params")),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "logged_model_tags",
        sa.Column("model_pk", BigInt, nullable=False),
        sa.Column("key_id", BigInt, nullable=False),
        sa.Column("workspace_id", sa.Integer(), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["key_id"], ["keys.id"], name=op.f("fk_logged_model_tags_key_id")),
        sa.ForeignKeyConstraint(
            ["model_pk"], ["logged_models.id"], name=op.f("fk_logged_model_tags_model_pk"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("model_pk", "key_id", name=op.f("pk_logged_model_tags")),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "model_version_tags",
        sa.Column("model_version_id", BigInt, nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("workspace_id", sa.Integer(), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["model_version_id"],
            ["model_versions.id"],
            name=op.f("fk_model_version_tags_model_version_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("model_version_id", "key", name=op.f("pk_model_version_tags")),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "run_datasets",
        sa.Column("id", BigInt, nullable=False),
        sa.Column("run_pk", BigInt, nullable=False),
        sa.Column("dataset_id", BigInt, nullable=False),
        sa.Column("workspace_id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["dataset_id"], ["datasets.id"], name=op.f("fk_run_datasets_dataset_id")),
        sa.ForeignKeyConstraint(["run_pk"], ["runs.id"], name=op.f("fk_run_datasets_run_pk"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_run_datasets")),
        sa.UniqueConstraint("run_pk", "dataset_id", name=op.f("uq_run_datasets_run_pk_dataset_id")),
    )
    op.create_index("ix_run_datasets_dataset_id", "run_datasets", ["dataset_id", "run_pk"])

    op.create_table(
        "run_models",
        sa.Column("run_pk", BigInt, nullable=False),
        sa.Column("direction", sa.Text(), nullable=False),
        sa.Column("model_id", sa.Text(), nullable=False),
        sa.Column("workspace_id", sa.Integer(), nullable=False),
        sa.Column("step", sa.BigInteger(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["run_pk"], ["runs.id"], name=op.f("fk_run_models_run_pk"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("run_pk", "direction", "model_id", name=op.f("pk_run_models")),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_run_models_model_id", "run_models", ["model_id", "direction", "run_pk"])

    op.create_table(
        "run_params",
        sa.Column("run_pk", BigInt, nullable=False),
        sa.Column("key_id", BigInt, nullable=False),
        sa.Column("workspace_id", sa.Integer(), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["key_id"], ["keys.id"], name=op.f("fk_run_params_key_id")),
        sa.ForeignKeyConstraint(["run_pk"], ["runs.id"], name=op.f("fk_run_params_run_pk"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("run_pk", "key_id", name=op.f("pk_run_params")),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "run_tags",
        sa.Column("run_pk", BigInt, nullable=False),
        sa.Column("key_id", BigInt, nullable=False),
        sa.Column("workspace_id", sa.Integer(), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["key_id"], ["keys.id"], name=op.f("fk_run_tags_key_id")),
        sa.ForeignKeyConstraint(["run_pk"], ["runs.id"], name=op.f("fk_run_tags_run_pk"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("run_pk", "key_id", name=op.f("pk_run_tags")),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "series",
        sa.Column("run_pk", BigInt, nullable=False),
        sa.Column("key_id", BigInt, nullable=False),
        sa.Column("workspace_id", sa.Integer(), nullable=False),
        sa.Column("last_step", sa.BigInteger(), nullable=False),
        sa.Column("last_timestamp", sa.BigInteger(), nullable=False),
        sa.Column("last_value", sa.Double(), nullable=False),
        sa.Column("last_is_nan", sa.SmallInteger(), nullable=False),
        sa.Column("count", sa.BigInteger(), nullable=False),
        sa.Column("nan_count", sa.BigInteger(), nullable=False),
        sa.Column("min_value", sa.Double()),
        sa.Column("max_value", sa.Double()),
        sa.Column("first_step", sa.BigInteger(), nullable=False),
        sa.Column("max_step", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["key_id"], ["keys.id"], name=op.f("fk_series_key_id")),
        sa.ForeignKeyConstraint(["run_pk"], ["runs.id"], name=op.f("fk_series_run_pk"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("run_pk", "key_id", name=op.f("pk_series")),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_series_last_value", "series", ["key_id", "last_value", "run_pk"])

    op.create_table(
        "run_dataset_tags",
        sa.Column("run_dataset_id", BigInt, nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("workspace_id", sa.Integer(), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["run_dataset_id"],
            ["run_datasets.id"],
            name=op.f("fk_run_dataset_tags_run_dataset_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("run_dataset_id", "key", name=op.f("pk_run_dataset_tags")),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_run_params_value", "run_params", ["key_id", sa.text("substr(value, 1, 200)"), "run_pk"])
    op.create_index("ix_run_tags_value", "run_tags", ["key_id", sa.text("substr(value, 1, 200)"), "run_pk"])
    op.create_index(
        "ix_logged_model_params_value",
        "logged_model_params",
        ["key_id", sa.text("substr(value, 1, 200)"), "model_pk"],
    )
    op.create_index(
        "ix_logged_model_tags_value",
        "logged_model_tags",
        ["key_id", sa.text("substr(value, 1, 200)"), "model_pk"],
    )
    op.bulk_insert(workspaces, [{"id": 1, "name": "default"}])
    op.bulk_insert(server_state, [{"name": "token_key", "value": secrets.token_bytes(32)}])


def downgrade() -> None:
    op.drop_table("run_dataset_tags")

    op.drop_table("series")
    op.drop_table("run_tags")
    op.drop_table("run_params")

    op.drop_table("run_models")

    op.drop_table("run_datasets")
    op.drop_table("model_version_tags")
    op.drop_table("logged_model_tags")
    op.drop_table("logged_model_params")

    op.drop_table("logged_model_metrics")

    op.drop_table("runs")
    op.drop_table("registered_model_tags")
    op.drop_table("registered_model_aliases")

    op.drop_table("model_versions")

    op.drop_table("logged_models")
    op.drop_table("experiment_tags")
    op.drop_table("datasets")
    op.drop_table("registered_models")
    op.drop_table("experiments")
    op.drop_table("workspaces")
    op.drop_table("server_state")
    op.drop_table("points")
    op.drop_table("keys")
