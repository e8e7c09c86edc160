"""Postgres as Runstone opens it: psycopg 3 pools, durable commits, snapshot reads."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Engine, create_engine, exc, text

from runstone.core.address import Address, DatabaseRefused
from runstone.core.faults import driver_error

RETRY_SQLSTATES = {"40001", "40P01", "55P03"}
STATEMENT_TIMEOUT_MS = 60_000


def write_engine(address: Address, pool_size: int) -> Engine:
    return _engine(address, pool_size, "-c synchronous_commit=on")


def read_engine(address: Address, pool_size: int) -> Engine:
    """One statement or ten, a read sees one moment: repeatable read, by the session's default (no extra round trip)."""
    return _engine(
        address,
        pool_size,
        # Searches differ in how many rows they fit by a factor of a million: each is planned for its own values, and
        # never by reading a table from end to end. Compiling a plan, or waking helpers, takes longer than most of them run.
        "-c default_transaction_isolation=repeatable\\ read -c default_transaction_read_only=on "
        "-c plan_cache_mode=force_custom_plan -c enable_seqscan=off -c jit=off -c random_page_cost=1.1 "
        "-c max_parallel_workers_per_gather=0",
    )


def refuse_unsafe_durability(engine: Engine) -> None:
    """A 2xx promises durability, so a server that does not flush its log is not accepted."""
    try:
        with engine.connect() as connection:
            fsync = connection.execute(text("SHOW fsync")).scalar_one()
    except exc.DBAPIError as error:
        reason = (str(error.orig).strip().splitlines() or ["no reason given"])[0].rstrip(".")
        raise DatabaseRefused(
            f"Postgres cannot be reached: {reason}. Check --backend-store-uri and the Postgres server."
        ) from error
    if fsync != "on":
        raise DatabaseRefused("Postgres runs with fsync=off and would lose acknowledged runs in a crash. Turn fsync on.")


def may_retry(error: BaseException) -> bool:
    return getattr(driver_error(error), "sqlstate", None) in RETRY_SQLSTATES


def _engine(address: Address, pool_size: int, options: str) -> Engine:
    connect_args: dict[str, Any] = {
        "options": f"{options} -c timezone=UTC -c statement_timeout={STATEMENT_TIMEOUT_MS} -c lock_timeout=10000",
        "connect_timeout": 10,
        "application_name": "runstone",
    }
    return create_engine(
        address.url,
        pool_size=pool_size,
        max_overflow=2,
        pool_timeout=10,
        pool_use_lifo=True,  # the connection that was used last knows the statements best
        pool_pre_ping=False,
        pool_recycle=1800,
        connect_args=connect_args,
        query_cache_size=2000,
    )
