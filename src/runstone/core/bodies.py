"""How much of requests' bodies a server process holds at once, so that a flood of large ones meets a word, not the memory."""

from __future__ import annotations

from starlette.types import Scope

from runstone.errors import Unavailable

# A body of JSON takes several times its size while it is read, so that this is not all that it costs.
HELD_LIMIT = 96 * 1024 * 1024


class Bodies:
    """Used by one event loop. `taken` bytes belong to requests that are still worked on."""

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.taken = 0

    def take(self, scope: Scope, size: int) -> None:
        """Count `size` more bytes for this request. Raises `Unavailable` when that is too much; a lone request never is."""
        state = scope["state"]
        own = state.get("body_bytes", 0)
        if self.taken + size > self.limit and self.taken > own:
            raise Unavailable("The server is reading as many large requests as it can hold; send this one again shortly.")
        self.taken += size
        state["body_bytes"] = own + size

    def give_back(self, scope: Scope) -> None:
        self.taken -= scope["state"].pop("body_bytes", 0)
