"""What the server knows of the files in its artifact store."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, ForeignKey, Index, Integer, LargeBinary, String, Table, Text, func, text

from runstone.core.tables import BigInt, metadata

# Paths may be long, and Postgres takes no index entry above 2.7 kB: their order is looked up by this many characters.
INDEXED_PREFIX = 200
# In the order of their bytes, as every store lists its files, on Postgres too.
ByteText = Text().with_variant(Text(collation="C"), "postgresql")

# A version of a file that may stand at `path` now (artifacts/records.py). Mostly there is one; while a file is replaced,
# the old and the new. States:
#   pending  its bytes are there, and it becomes visible next       counts towards the quota
#   stored   it became visible, and nothing has replaced it         counts
#   leaving  it is being replaced or deleted
#   granted  a client may put any file there, without this server, until `changed_time`
artifacts = Table(
    "artifacts",
    metadata,
    Column("id", BigInt, primary_key=True),
    Column("workspace_id", Integer, ForeignKey("workspaces.id"), nullable=False),
    Column("path_digest", LargeBinary(32), nullable=False),  # SHA-256 of the path
    Column("path", ByteText, nullable=False),  # the key in the store behind mlflow-artifacts:/
    Column("owner_kind", Text, nullable=False),  # 'run', 'logged_model', 'trace', or 'store' for any other place
    Column("owner_id", Text, nullable=False),
    Column("size", BigInteger, nullable=False),
    Column("sha256", String(64)),  # NULL when the bytes went to the store directly
    Column("etag", Text, nullable=False),  # '' until the store has said it
    Column("state", Text, nullable=False),
    Column("content_type", Text, nullable=False),
    Column("creator", Text),
    Column("created_time", BigInteger, nullable=False),
    Column("changed_time", BigInteger, nullable=False),  # of the state
    sqlite_autoincrement=True,  # a number that was read stays this version's
)
Index("ix_artifacts_path_digest", artifacts.c.path_digest)
Index("ix_artifacts_path", func.substr(artifacts.c.path, 1, INDEXED_PREFIX), artifacts.c.id)
Index("ix_artifacts_owner", artifacts.c.owner_kind, artifacts.c.owner_id)
_UNSETTLED = text("state <> 'stored'")
Index("ix_artifacts_unsettled", artifacts.c.changed_time, sqlite_where=_UNSETTLED, postgresql_where=_UNSETTLED)

# What the versions that count add up to, kept in the transactions that change them.
artifact_usage = Table(
    "artifact_usage",
    metadata,
    Column("workspace_id", Integer, ForeignKey("workspaces.id"), primary_key=True, autoincrement=False),
    Column("size", BigInteger, nullable=False),
    Column("count", BigInteger, nullable=False),
)

# Uploads in parts that are not completed, while there is a quota. Their parts count towards it, in artifact_usage.size.
artifact_uploads = Table(
    "artifact_uploads",
    metadata,
    Column("upload", Text, primary_key=True),  # as the store behind mlflow-artifacts:/ calls it
    Column("workspace_id", Integer, ForeignKey("workspaces.id"), nullable=False),
    Column("path", Text, nullable=False),
    Column("size", BigInteger, nullable=False),  # of the parts that arrived
    Column("changed_time", BigInteger, nullable=False),
)

# Bytes of small files that are visible and may not be on the disk yet (artifacts/lasting.py): a moment long.
artifact_contents = Table(
    "artifact_contents",
    metadata,
    Column("artifact_id", BigInt, ForeignKey("artifacts.id", ondelete="CASCADE"), primary_key=True, autoincrement=False),
    Column("writer", Text, nullable=False),  # the server process that will see to it (storage/writers.py)
    Column("content", LargeBinary, nullable=False),
)

# Small files that are acknowledged and wait here for their place in an S3 store (artifacts/write_behind.py). Their records are
# pending meanwhile.
artifact_backlog = Table(
    "artifact_backlog",
    metadata,
    Column("artifact_id", BigInt, ForeignKey("artifacts.id", ondelete="CASCADE"), primary_key=True, autoincrement=False),
    Column("path", ByteText, nullable=False),  # of the record; at most the 1024 bytes that S3 takes
    Column("size", BigInteger, nullable=False),
    Column("claimed_until", BigInteger, nullable=False),  # somebody may be placing it until then; 0: nobody is
    Column("content", LargeBinary, nullable=False),
)
# Whoever looks what waits reads these alone: between the rows lie the bytes.
Index("ix_artifact_backlog_path", artifact_backlog.c.path, artifact_backlog.c.size)
Index("ix_artifact_backlog_claimed", artifact_backlog.c.claimed_until, artifact_backlog.c.artifact_id, artifact_backlog.c.size)

# Folders whose owner is gone for good and whose files have still to go. Written with the owner's removal.
artifact_removals = Table(
    "artifact_removals",
    metadata,
    Column("id", BigInt, primary_key=True),
    Column("workspace_id", Integer, ForeignKey("workspaces.id"), nullable=False),
    Column("store", Text, nullable=False),  # its name in storage/roots.py
    Column("path", Text, nullable=False),
    Column("owner_kind", Text, nullable=False),
    Column("owner_id", Text, nullable=False),
    Column("created_time", BigInteger, nullable=False),
)
