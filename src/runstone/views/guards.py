"""Who may do what with a saved view: its owner, and everybody when it is shared."""

from __future__ import annotations

import re
from typing import Any

from sqlalchemy import Connection, Row

from runstone.core.scope import Scope
from runstone.errors import NotFound
from runstone.views import queries

_NUMBER = re.compile(r"[0-9]{1,18}\Z")


class EditView:
    """Holds the id that the URL names; `load(connection)` gives the row or the error."""

    def __init__(self, view_id: str, experiment_id: int, scope: Scope, owner: str) -> None:
        self.number = int(view_id) if _NUMBER.match(view_id) else -1
        self.experiment_id, self.scope, self.owner = experiment_id, scope, owner

    def load(self, connection: Connection) -> Row[Any]:
        row = queries.find(connection, self.scope, self.number, self.owner)
        if row is None or row.experiment_id != self.experiment_id:
            raise NotFound("There is no such saved view here. It may have been deleted in another tab.")
        return row
