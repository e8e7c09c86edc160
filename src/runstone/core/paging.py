"""Opaque page tokens: where the next page starts, signed, and bound to the query that it continues."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
from collections.abc import Sequence
from typing import Any

from runstone.errors import InvalidParameter

SIGNATURE_BYTES = 12
# Twenty sort keys of 500 characters each, four bytes and a third per character.
TOKEN_LIMIT = 65_536


def fingerprint(*parts: object) -> str:
    """Short name of a query (its filter, order, owners): a token of another query is refused."""
    return hashlib.blake2b(repr(parts).encode("utf-8", "surrogatepass"), digest_size=9).hexdigest()


def encode(key: bytes, query: str, position: list[Any]) -> str:
    payload = json.dumps([query, position], separators=(",", ":"), ensure_ascii=False).encode("utf-8")
    return base64.urlsafe_b64encode(_signature(key, payload) + payload).decode("ascii")


def decode(key: bytes, query: str, token: str, mismatches: Sequence[str] = ()) -> list[Any]:
    """The position in `token`. Raises `InvalidParameter` for one that this server did not issue for this query.

    Where `query` is several fingerprints with dots between them, `mismatches` says of each what the error begins with.
    """
    try:
        raw = base64.b64decode(token.encode("ascii"), altchars=b"-_", validate=True) if len(token) <= TOKEN_LIMIT else b""
        signature, payload = raw[:SIGNATURE_BYTES], raw[SIGNATURE_BYTES:]
        if not hmac.compare_digest(signature, _signature(key, payload)):
            raise ValueError("signature")
        issued_for, position = json.loads(payload)
    except (ValueError, binascii.Error) as error:
        raise InvalidParameter(
            "Invalid page token, could not base64-decode page_token to a position that this server issued. "
            "Send the next_page_token of the page before, or none for the first page."
        ) from error
    if issued_for != query:
        parts = zip(mismatches, query.split("."), issued_for.split("."), strict=False)
        begin = next((words for words, asked, issued in parts if asked != issued), "Invalid page token")
        raise InvalidParameter(
            f"{begin}: page_token belongs to another query. Keep filter, order_by and ids the same from page to page."
        )
    assert isinstance(position, list)
    return position


def _signature(key: bytes, payload: bytes) -> bytes:
    return hashlib.blake2b(payload, key=key, digest_size=SIGNATURE_BYTES).digest()
