"""What people keep of the pages: saved views of an experiment's runs, short links to the state of a page, favourites."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, ForeignKey, Index, Integer, SmallInteger, String, Table, Text, UniqueConstraint

from runstone.core.tables import BigInt, metadata

# `owner` is empty for what everybody shares; else who it belongs to: until there are users, the name of a browser.
saved_views = Table(
    "saved_views",
    metadata,
    Column("id", BigInt, primary_key=True),
    Column("workspace_id", Integer, ForeignKey("workspaces.id"), nullable=False),
    Column("experiment_id", BigInt, ForeignKey("experiments.id", ondelete="CASCADE"), nullable=False),
    Column("owner", String(64), nullable=False),
    Column("name", Text, nullable=False),
    Column("query", Text, nullable=False),  # of the page's URL: columns, filter, order, charts
    Column("is_default", SmallInteger, nullable=False),  # 1 for at most one of an owner in an experiment
    Column("creation_time", BigInteger, nullable=False),
    Column("last_update_time", BigInteger, nullable=False),
    UniqueConstraint("experiment_id", "owner", "name"),
    sqlite_autoincrement=True,  # a number is never given twice: a form that waits in a tab must not change another view
)

page_links = Table(
    "page_links",
    metadata,
    Column("code", String(32), primary_key=True),
    Column("workspace_id", Integer, ForeignKey("workspaces.id"), nullable=False),
    Column("path", Text, nullable=False),
    Column("query", Text, nullable=False),
    Column("creation_time", BigInteger, nullable=False),
)

favourites = Table(
    "favourites",
    metadata,
    Column("owner", String(64), primary_key=True),
    Column("experiment_id", BigInt, ForeignKey("experiments.id", ondelete="CASCADE"), primary_key=True),
    Column("workspace_id", Integer, ForeignKey("workspaces.id"), nullable=False),
    Column("creation_time", BigInteger, nullable=False),
)
Index("ix_favourites_experiment_id", favourites.c.experiment_id)
