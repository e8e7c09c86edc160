"""How each kind of id is minted. Ids that a person could want to guess come from the system's generator: 122 bits or more."""

from __future__ import annotations

import itertools
import secrets
import uuid


def run_id() -> str:
    return uuid.uuid4().hex


def model_id() -> str:
    return f"m-{uuid.uuid4().hex}"


# Request ids only tell requests apart, so they are counted: asking the system for each costs as much as a small query.
_process = secrets.token_hex(4)
_requests = itertools.count(1)


def request_id() -> str:
    return f"{_process}{next(_requests):08x}"
