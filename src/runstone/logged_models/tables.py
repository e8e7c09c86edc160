"""Logged models, their params, tags and metrics."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Column,
    Double,
    ForeignKey,
    Index,
    Integer,
    SmallInteger,
    String,
    Table,
    Text,
    desc,
    func,
)

from runstone.core.tables import BigInt, metadata

INDEXED_PREFIX = 200

logged_models = Table(
    "logged_models",
    metadata,
    Column("id", BigInt, primary_key=True),
    Column("model_id", String(36), nullable=False, unique=True),
    Column("workspace_id", Integer, ForeignKey("workspaces.id"), nullable=False),
    Column("experiment_id", BigInt, ForeignKey("experiments.id"), nullable=False),
    Column("name", Text, nullable=False),
    Column("artifact_uri", Text, nullable=False),
    Column("creation_timestamp_ms", BigInteger, nullable=False),
    Column("last_updated_timestamp_ms", BigInteger, nullable=False),
    Column("status", Text, nullable=False),  # LOGGED_MODEL_PENDING, _READY, _UPLOAD_FAILED
    Column("lifecycle_stage", Text, nullable=False),
    Column("model_type", Text, nullable=False),
    Column("source_run_id", Text, nullable=False),
    Column("status_message", Text, nullable=False),
)
Index(
    "ix_logged_models_page",
    logged_models.c.experiment_id,
    logged_models.c.lifecycle_stage,
    desc(logged_models.c.creation_timestamp_ms),
    logged_models.c.model_id,
)
Index("ix_logged_models_source_run_id", logged_models.c.source_run_id)

logged_model_params = Table(
    "logged_model_params",
    metadata,
    Column("model_pk", BigInt, ForeignKey("logged_models.id", ondelete="CASCADE"), primary_key=True),
    Column("key_id", BigInt, ForeignKey("keys.id"), primary_key=True),
    Column("workspace_id", Integer, nullable=False),
    Column("value", Text, nullable=False),
    sqlite_with_rowid=False,
)
Index(
    "ix_logged_model_params_value",
    logged_model_params.c.key_id,
    func.substr(logged_model_params.c.value, 1, INDEXED_PREFIX),
    logged_model_params.c.model_pk,
)

logged_model_tags = Table(
    "logged_model_tags",
    metadata,
    Column("model_pk", BigInt, ForeignKey("logged_models.id", ondelete="CASCADE"), primary_key=True),
    Column("key_id", BigInt, ForeignKey("keys.id"), primary_key=True),
    Column("workspace_id", Integer, nullable=False),
    Column("value", Text, nullable=False),
    sqlite_with_rowid=False,
)
Index(
    "ix_logged_model_tags_value",
    logged_model_tags.c.key_id,
    func.substr(logged_model_tags.c.value, 1, INDEXED_PREFIX),
    logged_model_tags.c.model_pk,
)

# Written by the runs that measured the model. All columns are the key: the same measurement twice is one row.
logged_model_metrics = Table(
    "logged_model_metrics",
    metadata,
    Column("model_pk", BigInt, ForeignKey("logged_models.id", ondelete="CASCADE"), primary_key=True),
    Column("key_id", BigInt, ForeignKey("keys.id"), primary_key=True),
    Column("timestamp", BigInteger, primary_key=True),
    Column("step", BigInteger, primary_key=True),
    Column("run_id", String(36), primary_key=True),
    Column("dataset_name", Text, primary_key=True),  # '' when the metric is about no dataset
    Column("dataset_digest", Text, primary_key=True),
    Column("value", Double, primary_key=True),  # 0 when it is NaN
    Column("is_nan", SmallInteger, primary_key=True),
    Column("workspace_id", Integer, nullable=False),
    sqlite_with_rowid=False,
)
Index(
    "ix_logged_model_metrics_value",
    logged_model_metrics.c.key_id,
    logged_model_metrics.c.value,
    logged_model_metrics.c.model_pk,
)
