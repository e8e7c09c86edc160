"""What every table shares: the metadata with its naming convention, integer keys, and the interned names."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Integer, LargeBinary, MetaData, Table, Text

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)

# SQLite only gives a rowid alias (no second b-tree, automatic numbering) to columns spelt INTEGER.
BigInt = BigInteger().with_variant(Integer(), "sqlite")

# Shared by all workspaces: a name alone tells nothing, and nothing lists this table.
keys = Table(
    "keys",
    metadata,
    Column("id", BigInt, primary_key=True),
    Column("name", Text, nullable=False, unique=True),
)

workspaces = Table(
    "workspaces",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("name", Text, nullable=False, unique=True),
)

# What a database remembers of its server: the key that signs page tokens, for instance.
server_state = Table(
    "server_state",
    metadata,
    Column("name", Text, primary_key=True),
    Column("value", LargeBinary, nullable=False),
)
