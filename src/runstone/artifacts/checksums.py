"""What a sender says that the bytes of an upload hash to: RFC 9530, `Content-Digest: sha-256=:<base64>:`."""

from __future__ import annotations

import base64
import binascii
import re

from fastapi import Request

from runstone.errors import InvalidParameter
from runstone.storage.store import Announce, StoredFile

_HEADERS = ("content-digest", "repr-digest")
_SHA256 = re.compile(r"(?:^|,)\s*sha-256\s*=\s*:([^:]*):\s*(?=,|;|$)", re.IGNORECASE)


def announced_sha256(request: Request) -> str:
    """In hexadecimal; '' when nothing is said, or only in other algorithms. Raises `InvalidParameter` for what is no SHA-256."""
    said = set[str]()
    for name in _HEADERS:
        for value in request.headers.getlist(name):
            said |= {_as_hexadecimal(name, found) for found in _SHA256.findall(value)}
            if "sha-256" in value.lower() and not _SHA256.search(value):
                raise _unreadable(name)
    if len(said) > 1:
        raise InvalidParameter("Invalid Content-Digest: it says two different SHA-256 of one body.")
    return said.pop() if said else ""


def checked(announce: Announce | None, sha256: str) -> Announce | None:
    """`announce`, but before it `InvalidParameter` for bytes that are not those that were sent."""
    if not sha256:
        return announce

    async def compare(found: StoredFile) -> None:
        if found.sha256 != sha256:
            raise InvalidParameter(
                f"The bytes that arrived have the SHA-256 {found.sha256}, and not the {sha256} that was announced; nothing was "
                "stored. Send them again."
            )
        if announce is not None:
            await announce(found)

    return compare


def _as_hexadecimal(name: str, text: str) -> str:
    try:
        digest = base64.b64decode(text.encode("ascii"), validate=True)
    except (ValueError, binascii.Error) as error:
        raise _unreadable(name) from error
    if len(digest) != 32:
        raise _unreadable(name)
    return digest.hex()


def _unreadable(name: str) -> InvalidParameter:
    return InvalidParameter(f"Invalid {name.title()}: it must be sha-256=:<the 32 bytes in base64>:.")
