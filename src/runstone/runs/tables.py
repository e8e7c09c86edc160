"""Runs, their params and tags, series of metrics, inputs and outputs."""

from __future__ import annotations

from typing import Any

from sqlalchemy import (
    BigInteger,
    Column,
    Double,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    SmallInteger,
    String,
    Table,
    Text,
    UniqueConstraint,
    desc,
    func,
    text,
)

from runstone.core.tables import BigInt, metadata

# Values may be long, and Postgres takes no index entry above 2.7 kB: equality is looked up by this many characters.
INDEXED_PREFIX = 200
NAME_PREFIX = 200
# In Postgres such an index finds what begins with a text, whatever the locale sorts by; SQLite sorts so anyway.
BY_BYTES = {"beginning": "text_pattern_ops"}


def where(condition: str) -> dict[str, Any]:
    """The condition of a partial index, for both databases."""
    return {"sqlite_where": text(condition), "postgresql_where": text(condition)}


runs = Table(
    "runs",
    metadata,
    Column("id", BigInt, primary_key=True),
    Column("run_id", String(36), nullable=False, unique=True),
    Column("workspace_id", Integer, ForeignKey("workspaces.id"), nullable=False),
    Column("experiment_id", BigInt, ForeignKey("experiments.id"), nullable=False),
    Column("name", Text, nullable=False),
    Column("user_id", Text, nullable=False),
    Column("status", Text, nullable=False),
    Column("start_time", BigInteger, nullable=False),
    Column("end_time", BigInteger),
    Column("lifecycle_stage", Text, nullable=False),
    Column("deleted_time", BigInteger),
    Column("artifact_uri", Text, nullable=False),
    # The latest timestamp in a sealed chunk of the run; NULL or -1 when it has none.
    Column("sealed_until", BigInteger),
    # 1 when its series were looked at since it last finished, so that nothing worth sealing is left.
    Column("sealed_whole", SmallInteger, nullable=False, server_default="0"),
    # Rises with every change of the row, and of what belongs to it once the run has finished (queries.touch).
    Column("revision", BigInteger, nullable=False, server_default="0"),
)
Index("ix_runs_unsealed", runs.c.id, **where("end_time IS NOT NULL AND sealed_whole = 0"))
# For finding a run by the beginning of its name, whatever experiment it is in (runs/finding.py). The workspace comes last:
# every statement names it, and SQLite would enter here by the workspace alone.
Index(
    "ix_runs_name",
    func.lower(func.substr(runs.c.name, 1, NAME_PREFIX)).label("beginning"),
    runs.c.workspace_id,
    postgresql_ops=BY_BYTES,
)
# For pages in the order of these columns (runs/stretches.py).
Index("ix_runs_end", runs.c.experiment_id, runs.c.lifecycle_stage, runs.c.end_time)
Index(
    "ix_runs_by_name",
    runs.c.experiment_id,
    runs.c.lifecycle_stage,
    func.substr(runs.c.name, 1, NAME_PREFIX).label("beginning"),
    postgresql_ops=BY_BYTES,
)
Index("ix_runs_page", runs.c.experiment_id, runs.c.lifecycle_stage, desc(runs.c.start_time), runs.c.run_id)

# What each new run writes many of names its run and its key without a foreign key, which cost more than the row itself: it
# is written by who locked the run, keys are never deleted, and the trigger `runs_removed` takes it along with its run.
run_params = Table(
    "run_params",
    metadata,
    Column("run_pk", BigInt, primary_key=True),
    Column("key_id", BigInt, primary_key=True),
    Column("workspace_id", Integer, nullable=False),
    Column("value", Text, nullable=False),
    sqlite_with_rowid=False,
)
Index(
    "ix_run_params_value",
    run_params.c.key_id,
    func.substr(run_params.c.value, 1, INDEXED_PREFIX).label("beginning"),
    run_params.c.run_pk,
    postgresql_ops=BY_BYTES,
)

run_tags = Table(
    "run_tags",
    metadata,
    Column("run_pk", BigInt, primary_key=True),
    Column("key_id", BigInt, primary_key=True),
    Column("workspace_id", Integer, nullable=False),
    Column("value", Text, nullable=False),
    sqlite_with_rowid=False,
)
Index(
    "ix_run_tags_value",
    run_tags.c.key_id,
    func.substr(run_tags.c.value, 1, INDEXED_PREFIX).label("beginning"),
    run_tags.c.run_pk,
    postgresql_ops=BY_BYTES,
)

# A series is one metric name in one run. Its row answers "latest", "best", MIN and MAX without reading points.
# Its name is (run, key) and not a number of its own: an append then needs no look-up, and no process a cache.
series = Table(
    "series",
    metadata,
    Column("run_pk", BigInt, primary_key=True),
    Column("key_id", BigInt, primary_key=True),
    Column("workspace_id", Integer, nullable=False),
    Column("last_step", BigInteger, nullable=False),  # the latest point by (step, timestamp, value)
    Column("last_timestamp", BigInteger, nullable=False),
    Column("last_value", Double, nullable=False),  # 0 when it is NaN
    Column("last_is_nan", SmallInteger, nullable=False),
    Column("count", BigInteger, nullable=False),
    Column("nan_count", BigInteger, nullable=False),
    Column("min_value", Double),  # of the points that are numbers; NULL when there is none
    Column("max_value", Double),
    Column("first_step", BigInteger, nullable=False),  # the smallest and the largest step
    Column("max_step", BigInteger, nullable=False),
    Column("sealed", BigInteger, nullable=False, server_default="0"),  # how many of the points are in chunks
    sqlite_with_rowid=False,
)
# What the sealing job looks for; its condition stands in the job's statement word by word.
SEAL_AT = 2048
Index("ix_series_unsealed", series.c.run_pk, series.c.key_id, **where(f"count - sealed >= {SEAL_AT}"))
# The smallest and the largest value stand behind, so that MIN() and MAX() are compared without a look at the rows.
Index("ix_series_last_value", series.c.key_id, series.c.last_value, series.c.run_pk, series.c.min_value, series.c.max_value)

# Clustered by what makes a point the same point: exact duplicates disappear by key, so retries are safe. Time comes
# before step because the wire pages a history by (timestamp, step, value): a page is then one walk along the key.
# No workspace_id: points are only ever reached through a series that was found in its workspace.
points = Table(
    "points",
    metadata,
    Column("run_pk", BigInt, primary_key=True),
    Column("key_id", BigInt, primary_key=True),
    Column("timestamp", BigInteger, primary_key=True),
    Column("step", BigInteger, primary_key=True),
    Column("value", Double, primary_key=True),  # 0 when it is NaN
    Column("is_nan", SmallInteger, primary_key=True),
    sqlite_with_rowid=False,
)

# Old points of a series, sealed: about a thousand neighbours in the order of `points`, as compressed columns
# (runs/columns.py). Chunks of a series do not overlap. What stands before the columns answers charts.
point_chunks = Table(
    "point_chunks",
    metadata,
    Column("id", BigInt, primary_key=True),
    Column("run_pk", BigInt, ForeignKey("runs.id", ondelete="CASCADE"), nullable=False),
    Column("key_id", BigInt, ForeignKey("keys.id"), nullable=False),
    Column("first_timestamp", BigInteger, nullable=False),  # the first and the last point
    Column("first_step", BigInteger, nullable=False),
    Column("first_value", Double, nullable=False),
    Column("first_is_nan", SmallInteger, nullable=False),
    Column("last_timestamp", BigInteger, nullable=False),
    Column("last_step", BigInteger, nullable=False),
    Column("last_value", Double, nullable=False),
    Column("last_is_nan", SmallInteger, nullable=False),
    Column("count", Integer, nullable=False),
    Column("nan_count", Integer, nullable=False),
    Column("up_count", Integer, nullable=False),  # infinities
    Column("down_count", Integer, nullable=False),
    Column("min_step", BigInteger, nullable=False),
    Column("max_step", BigInteger, nullable=False),
    Column("in_step_order", SmallInteger, nullable=False),  # 1 when ordering by step first changes nothing
    Column("min_value", Double),  # of the finite points; NULL when there is none
    Column("max_value", Double),
    Column("sum_value", Double),  # NULL too when the sum is beyond a double
    Column("timestamps", LargeBinary, nullable=False),
    Column("steps", LargeBinary, nullable=False),
    Column("numbers", LargeBinary, nullable=False),
    Column("nans", LargeBinary, nullable=False),
)
Index(
    "uq_point_chunks_place",
    point_chunks.c.run_pk,
    point_chunks.c.key_id,
    point_chunks.c.first_timestamp,
    point_chunks.c.first_step,
    point_chunks.c.first_value,
    point_chunks.c.first_is_nan,
    unique=True,
)

datasets = Table(
    "datasets",
    metadata,
    Column("id", BigInt, primary_key=True),
    Column("workspace_id", Integer, nullable=False),
    Column("experiment_id", BigInt, ForeignKey("experiments.id"), nullable=False),
    Column("name", Text, nullable=False),
    Column("digest", Text, nullable=False),
    Column("source_type", Text, nullable=False),
    Column("source", Text, nullable=False),
    Column("schema", Text),
    Column("profile", Text),
    UniqueConstraint("experiment_id", "name", "digest"),
)

run_datasets = Table(
    "run_datasets",
    metadata,
    Column("id", BigInt, primary_key=True),
    Column("run_pk", BigInt, ForeignKey("runs.id", ondelete="CASCADE"), nullable=False),
    Column("dataset_id", BigInt, ForeignKey("datasets.id"), nullable=False),
    Column("workspace_id", Integer, nullable=False),
    UniqueConstraint("run_pk", "dataset_id"),
)
Index("ix_run_datasets_dataset_id", run_datasets.c.dataset_id, run_datasets.c.run_pk)

run_dataset_tags = Table(
    "run_dataset_tags",
    metadata,
    Column("run_dataset_id", BigInt, ForeignKey("run_datasets.id", ondelete="CASCADE"), primary_key=True),
    Column("key", Text, primary_key=True),
    Column("workspace_id", Integer, nullable=False),
    Column("value", Text, nullable=False),
    sqlite_with_rowid=False,
)

# Logged models that a run read or made. The id is the wire's: a client may name a model of another server.
run_models = Table(
    "run_models",
    metadata,
    Column("run_pk", BigInt, ForeignKey("runs.id", ondelete="CASCADE"), primary_key=True),
    Column("direction", Text, primary_key=True),  # 'input' or 'output'
    Column("model_id", Text, primary_key=True),
    Column("workspace_id", Integer, nullable=False),
    Column("step", BigInteger, nullable=False),
    Column("position", Integer, nullable=False),
    sqlite_with_rowid=False,
)
Index("ix_run_models_model_id", run_models.c.model_id, run_models.c.direction, run_models.c.run_pk)
