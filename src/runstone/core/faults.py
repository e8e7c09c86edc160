"""What a database failure means to a caller: try again, no room, or a conflict. Never the SQL text."""

from __future__ import annotations

import logging

from sqlalchemy import exc

from runstone.errors import BadRequest, InvalidParameter, RunstoneError, StorageFull, Unavailable

log = logging.getLogger("runstone.db")

FULL_SQLSTATES = {"53100", "53200"}
OUT_OF_RANGE_SQLSTATES = {"22003", "22021", "22P05"}


def as_public_error(error: BaseException) -> RunstoneError | BaseException:
    """The error to raise in place of a driver's; an unknown one is returned as it is (a 500 is a bug to see).

    Statements go through SQLAlchemy or, hot ones, straight through the driver: both kinds of error mean the same.
    """
    if isinstance(error, RunstoneError):
        return error
    found = driver_error(error)
    kinds = {kind.__name__ for kind in type(found).__mro__}  # the DBAPI's names, alike in every driver
    text, state = str(found), getattr(found, "sqlstate", None)
    if "IntegrityError" in kinds:
        log.warning("a write met a constraint: %s", text)
        return BadRequest("The request conflicts with what is stored: the same entry exists already, or one it needs is gone.")
    if "database or disk is full" in text or state in FULL_SQLSTATES:
        return StorageFull("The server's disk is full; nothing was stored. Free some space, then send the request again.")
    if state in OUT_OF_RANGE_SQLSTATES or "DataError" in kinds or isinstance(found, OverflowError):
        return InvalidParameter("A value of the request is outside the range that can be stored.")
    if kinds & {"OperationalError", "InterfaceError"} or isinstance(found, exc.TimeoutError | OSError):
        log.error("the database is not available: %s", text)
        return Unavailable("The database is not available at the moment; nothing was stored. Send the request again.")
    return error


def driver_error(error: BaseException) -> BaseException:
    """The driver's own error, whether SQLAlchemy has wrapped it or not."""
    return getattr(error, "orig", None) or error


def breaks_transaction(error: BaseException) -> bool:
    """Whether the transaction itself is gone, so that the calls before this one are lost with it."""
    found = driver_error(error)
    kinds = {kind.__name__ for kind in type(found).__mro__}
    if getattr(error, "connection_invalidated", False):
        return True
    if not kinds & {"DatabaseError", "InterfaceError"}:
        return False
    text, state = str(found), getattr(found, "sqlstate", None)
    if any(words in text for words in ("disk is full", "disk I/O", "no such savepoint", "cannot commit")):
        return True
    # psycopg has no SQLSTATE to give when the connection itself failed; class 57P is a server that is going down.
    return (
        "OperationalError" in kinds
        and type(found).__module__.startswith("psycopg")
        and (state is None or state.startswith(("08", "57P")))
    )
