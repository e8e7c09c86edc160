"""What a database failure means to a caller: try again, no room, or a conflict. Never the SQL text."""

from __future__ import annotations

import logging

from sqlalchemy import exc

from runstone.errors import BadRequest, InvalidParameter, RunstoneError, StorageFull, Unavailable

log = logging.getLogger("runstone.db")

FULL_SQLSTATES = {"53100", "53200"}
OUT_OF_RANGE_SQLSTATES = {"22003", "22021", "22P05"}


def as_public_error(error: BaseException) -> RunstoneError | BaseException:
    """The error to raise in place of a driver's; an unknown one is returned as it is (a 500 is a bug to see)."""
    if isinstance(error, RunstoneError):
        return error
    text = str(getattr(error, "orig", None) or error)
    state = getattr(getattr(error, "orig", None), "sqlstate", None)
    if isinstance(error, exc.IntegrityError):
        log.warning("a write met a constraint: %s", text)
        return BadRequest("The request conflicts with what is stored: the same entry exists already, or one it needs is gone.")
    if "database or disk is full" in text or state in FULL_SQLSTATES:
        return StorageFull("The server's disk is full; nothing was stored. Free some space, then send the request again.")
    if state in OUT_OF_RANGE_SQLSTATES or isinstance(error, exc.DataError | OverflowError):
        return InvalidParameter("A value of the request is outside the range that can be stored.")
    if isinstance(error, exc.OperationalError | exc.TimeoutError | exc.InterfaceError | OSError):
        log.error("the database is not available: %s", text)
        return Unavailable("The database is not available at the moment; nothing was stored. Send the request again.")
    return error
