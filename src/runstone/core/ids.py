"""How each kind of id is minted. Random ids come from the system's generator: 122 bits or more."""

from __future__ import annotations

import secrets
import uuid


def run_id() -> str:
    return uuid.uuid4().hex


def model_id() -> str:
    return f"m-{uuid.uuid4().hex}"


def request_id() -> str:
    return secrets.token_hex(8)
