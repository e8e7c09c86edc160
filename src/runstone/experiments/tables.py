"""Experiments and their tags."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, ForeignKey, Index, Integer, Table, Text, UniqueConstraint

from runstone.core.tables import BigInt, metadata

experiments = Table(
    "experiments",
    metadata,
    Column("id", BigInt, primary_key=True),  # its decimal text is the id on the wire
    Column("workspace_id", Integer, ForeignKey("workspaces.id"), nullable=False),
    Column("name", Text, nullable=False),
    Column("artifact_location", Text, nullable=False),
    Column("lifecycle_stage", Text, nullable=False),
    Column("creation_time", BigInteger, nullable=False),
    Column("last_update_time", BigInteger, nullable=False),
    UniqueConstraint("workspace_id", "name"),
    sqlite_autoincrement=True,  # a number is never given twice: it stands in URLs and scripts
)

Index("ix_experiments_created", experiments.c.lifecycle_stage, experiments.c.creation_time, experiments.c.id)
Index("ix_experiments_updated", experiments.c.lifecycle_stage, experiments.c.last_update_time, experiments.c.id)

experiment_tags = Table(
    "experiment_tags",
    metadata,
    Column("experiment_id", BigInt, ForeignKey("experiments.id", ondelete="CASCADE"), primary_key=True),
    Column("key", Text, primary_key=True),
    Column("workspace_id", Integer, nullable=False),
    Column("value", Text, nullable=False),
    sqlite_with_rowid=False,
)
