"""What a database remembers of its server."""

from __future__ import annotations

from sqlalchemy import Connection, select

from runstone.core.tables import server_state


def token_key(connection: Connection) -> bytes:
    """The key that signs page tokens; made by the first migration, one per database, so all server processes share it."""
    return bytes(connection.execute(select(server_state.c.value).where(server_state.c.name == "token_key")).scalar_one())
