"""Registered models, their versions, tags and aliases, and what was done with them."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, ForeignKey, Index, Integer, String, Table, Text, UniqueConstraint

from runstone.core.tables import BigInt, metadata

registered_models = Table(
    "registered_models",
    metadata,
    Column("id", BigInt, primary_key=True),
    Column("workspace_id", Integer, ForeignKey("workspaces.id"), nullable=False),
    Column("name", Text, nullable=False),
    Column("creation_timestamp", BigInteger, nullable=False),
    Column("last_updated_timestamp", BigInteger, nullable=False),
    Column("description", Text),
    UniqueConstraint("workspace_id", "name"),
)
Index("ix_registered_models_updated", registered_models.c.workspace_id, registered_models.c.last_updated_timestamp)
# For versions, which name no workspace of their model.
Index("ix_registered_models_name", registered_models.c.name)

registered_model_tags = Table(
    "registered_model_tags",
    metadata,
    Column(
        "registered_model_id",
        BigInt,
        ForeignKey("registered_models.id", ondelete="CASCADE"),
        primary_key=True,
    ),
    Column("key", Text, primary_key=True),
    Column("workspace_id", Integer, nullable=False),
    Column("value", Text, nullable=False),
    sqlite_with_rowid=False,
)

# A deleted version stays as a row in stage Deleted_Internal with its contents blanked, so that its number is not reused.
model_versions = Table(
    "model_versions",
    metadata,
    Column("id", BigInt, primary_key=True),
    Column("workspace_id", Integer, nullable=False),
    Column("registered_model_id", BigInt, ForeignKey("registered_models.id", ondelete="CASCADE"), nullable=False),
    Column("version", Integer, nullable=False),
    Column("creation_timestamp", BigInteger, nullable=False),
    Column("last_updated_timestamp", BigInteger, nullable=False),
    Column("description", Text),
    Column("user_id", Text),
    Column("current_stage", Text, nullable=False),
    Column("source", Text, nullable=False),
    Column("storage_location", Text),
    Column("run_id", Text),
    Column("run_link", Text),
    Column("status", Text, nullable=False),
    Column("status_message", Text),
    Column("model_id", Text),
    UniqueConstraint("registered_model_id", "version"),
)
Index("ix_model_versions_run_id", model_versions.c.run_id)
Index("ix_model_versions_model_id", model_versions.c.model_id)
# The workspace comes last: every statement names it, and SQLite would enter here by the workspace alone.
Index("ix_model_versions_updated", model_versions.c.last_updated_timestamp, model_versions.c.workspace_id)

model_version_tags = Table(
    "model_version_tags",
    metadata,
    Column("model_version_id", BigInt, ForeignKey("model_versions.id", ondelete="CASCADE"), primary_key=True),
    Column("key", Text, primary_key=True),
    Column("workspace_id", Integer, nullable=False),
    Column("value", Text, nullable=False),
    sqlite_with_rowid=False,
)

registered_model_aliases = Table(
    "registered_model_aliases",
    metadata,
    Column(
        "registered_model_id",
        BigInt,
        ForeignKey("registered_models.id", ondelete="CASCADE"),
        primary_key=True,
    ),
    Column("alias", Text, primary_key=True),
    Column("workspace_id", Integer, nullable=False),
    Column("version", Integer, nullable=False),
    sqlite_with_rowid=False,
)

# What was done in the registry, never changed afterwards: written in the transaction of the change itself. What was done to a
# model outlives it, under the name that it had.
registry_events = Table(
    "registry_events",
    metadata,
    Column("id", BigInt, primary_key=True),
    Column("workspace_id", Integer, ForeignKey("workspaces.id"), nullable=False),
    Column("registered_model_id", BigInt, ForeignKey("registered_models.id", ondelete="SET NULL")),
    Column("model_name", Text, nullable=False),
    Column("version", Integer),  # NULL: the model itself
    Column("creation_time", BigInteger, nullable=False),
    Column("user_id", Text),
    Column("what", String(32), nullable=False),  # one of events.WHAT
    Column("subject", Text),  # the alias, the tag
    Column("before", Text),
    Column("after", Text),
    sqlite_autoincrement=True,
)
Index("ix_registry_events_model", registry_events.c.registered_model_id, registry_events.c.id)
Index("ix_registry_events_all", registry_events.c.workspace_id, registry_events.c.id)
