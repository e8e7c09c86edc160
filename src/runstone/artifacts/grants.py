"""Signed, expiring permissions that travel in URLs and upload ids: what may be done, to which file, how large, until when.

They are for stores that sign no URLs themselves, and they bind the upload ids of all stores to the file they are for.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
import time
from dataclasses import asdict, dataclass
from typing import Literal

from runstone.errors import InvalidParameter, PermissionDenied

SIGNATURE_BYTES = 24
TOKEN_LIMIT = 16_384

_PURPOSE = b"transfer-grant"  # the same key signs page tokens: no token of one kind passes for another


@dataclass(frozen=True, slots=True)
class Grant:
    """`store` is a name that `Roots` knows; `size` the most bytes that may be sent (0: any); `expires` in seconds since the epoch.

    `part` and `upload` say which part of which upload; for the upload itself `part` is the number of all parts. A file is
    given back only while it is the version `etag`.
    """

    action: Literal["upload", "part", "put", "get"]
    store: str
    key: str
    expires: int
    size: int = 0
    upload: str = ""
    part: int = 0
    etag: str = ""


def sign(key: bytes, grant: Grant) -> str:
    """The grant as text that can stand in a URL."""
    payload = json.dumps(list(asdict(grant).values()), separators=(",", ":"), ensure_ascii=False).encode("utf-8")
    return base64.urlsafe_b64encode(_signature(key, payload) + payload).rstrip(b"=").decode("ascii")


def from_url(key: bytes, token: str) -> Grant:
    """Raises `PermissionDenied` for a text that this server did not sign, or that has expired."""
    grant = _read(key, token)
    if grant is None:
        raise PermissionDenied(
            "The signature of this URL is wrong: it was altered, or another server signed it. Ask for a new one."
        )
    if grant.expires < time.time():
        raise PermissionDenied("This signed URL has expired. Ask for a new one.")
    return grant


def from_upload_id(key: bytes, token: str, store: str, path: str) -> Grant:
    """Raises `InvalidParameter` for an id that this server did not give to an upload of `path`."""
    grant = _read(key, token)
    if grant is None or (grant.action, grant.store, grant.key) != ("upload", store, path):
        raise InvalidParameter(
            "Invalid upload_id: no upload of this artifact was given it. Send the one that mpu/create answered."
        )
    return grant


def _read(key: bytes, token: str) -> Grant | None:
    try:
        if len(token) > TOKEN_LIMIT:
            return None
        raw = base64.b64decode(token.encode("ascii") + b"=" * (-len(token) % 4), altchars=b"-_", validate=True)
        if base64.urlsafe_b64encode(raw).rstrip(b"=").decode("ascii") != token:  # the last character has bits to spare
            return None
        signature, payload = raw[:SIGNATURE_BYTES], raw[SIGNATURE_BYTES:]
        if not hmac.compare_digest(signature, _signature(key, payload)):
            return None
        return Grant(*json.loads(payload))
    except (ValueError, TypeError, binascii.Error):
        return None


def _signature(key: bytes, payload: bytes) -> bytes:
    return hashlib.blake2b(payload, key=key, digest_size=SIGNATURE_BYTES, person=_PURPOSE).digest()
