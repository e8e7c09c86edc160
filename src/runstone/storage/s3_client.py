"""The connection to an S3 store, and what its failures are called in public."""

from __future__ import annotations

import logging
from dataclasses import dataclass, field
from typing import Any

from runstone.errors import InvalidParameter, NotFound, PayloadTooLarge, RunstoneError, StorageFull, Unavailable
from runstone.settings import Settings

log = logging.getLogger("runstone.storage")

CONNECT_SECONDS = 5
READ_SECONDS = 30
ATTEMPTS = 4
# For a small file that somebody will send again: a request has ended, either way, before this is over.
HASTY_CONNECT_SECONDS = 3
HASTY_READ_SECONDS = 8

_MISSING = {"NoSuchKey", "404", "NotFound"}
_GONE = "No such upload: it was completed or aborted, or it is too old. Begin a new one."
_CHANGED = "The artifact was replaced while it was read. Ask for it again."

_Told = tuple[tuple[set[str], type[RunstoneError], str], ...]
_OF_THE_CALLER: _Told = (
    (_MISSING, NotFound, "No such artifact."),
    ({"NoSuchUpload"}, NotFound, _GONE),
    ({"PreconditionFailed", "412"}, Unavailable, _CHANGED),
    (
        {"InvalidPart", "InvalidPartOrder", "EntityTooSmall"},
        InvalidParameter,
        "Invalid parts: the store does not hold them as they were listed. Send them again, then complete.",
    ),
    ({"EntityTooLarge"}, PayloadTooLarge, "The artifact is larger than the artifact store takes. Nothing was stored."),
    ({"KeyTooLongError"}, InvalidParameter, "Invalid path: it is too long for the artifact store."),
)
_OF_THE_STORE: _Told = (
    (
        {"InsufficientStorage", "QuotaExceeded", "XMinioStorageFull", "507"},
        StorageFull,
        "The artifact store is full; nothing was stored. Free some space, then send it again.",
    ),
    (
        {"AccessDenied", "InvalidAccessKeyId", "SignatureDoesNotMatch", "ExpiredToken", "InvalidToken", "401", "403"},
        Unavailable,
        "The artifact store refuses this server's credentials. Its operator has to mend the RUNSTONE_S3_ settings.",
    ),
    ({"NoSuchBucket"}, Unavailable, "The bucket of the artifact store does not exist. Its operator has to make it."),
    (
        {"BadDigest", "XAmzContentChecksumMismatch"},
        Unavailable,
        "The bytes changed on their way to the artifact store; nothing was stored. Send them again.",
    ),
)


@dataclass(frozen=True, slots=True)
class S3Access:
    """How a store is reached: what the operator set, never what a client sent. Empty texts mean the SDK's own choice."""

    endpoint_url: str = ""
    public_endpoint_url: str = ""
    region: str = "us-east-1"
    access_key_id: str = ""
    secret_access_key: str = field(default="", repr=False)
    addressing_style: str = "auto"
    sse: str = "none"
    sse_kms_key_id: str = ""

    @classmethod
    def of(cls, settings: Settings) -> S3Access:
        return cls(
            settings.s3_endpoint_url,
            settings.s3_public_endpoint_url,
            settings.s3_region,
            settings.s3_access_key_id,
            settings.s3_secret_access_key,
            settings.s3_addressing_style,
            settings.s3_sse,
            settings.s3_sse_kms_key_id,
        )

    @property
    def encryption(self) -> dict[str, str]:
        """What each put, copy and multipart create says about encryption."""
        if self.sse == "none":
            return {}
        key = {"SSEKMSKeyId": self.sse_kms_key_id} if self.sse_kms_key_id else {}
        return {"ServerSideEncryption": self.sse, **key}

    @property
    def clients_reach_it(self) -> bool:
        """Whether signed URLs can be expected to work away from this machine: AWS, or a name made for clients."""
        return bool(self.public_endpoint_url) or not self.endpoint_url

    def client(self, connections: int, *, public: bool = False, hasty: bool = False) -> Any:
        """A boto3 client, safe to share between threads; `public` for signing URLs under the name that clients use. `hasty`: it
        tries each request once, and not for long.
        """
        import boto3  # noqa: PLC0415 (a fifth of a second that a server with a local folder does not spend)
        from botocore.config import Config  # noqa: PLC0415

        # Pieces carry a CRC32 of their own, which the store checks; signing their bytes as well would be a second pass.
        style: Any = {"addressing_style": self.addressing_style, "payload_signing_enabled": False}
        config = Config(
            signature_version="s3v4",
            s3=style,
            request_checksum_calculation="when_required",
            response_checksum_validation="when_required",
            connect_timeout=HASTY_CONNECT_SECONDS if hasty else CONNECT_SECONDS,
            read_timeout=HASTY_READ_SECONDS if hasty else READ_SECONDS,
            retries={"mode": "standard", "total_max_attempts": 1 if hasty else ATTEMPTS},
            max_pool_connections=connections,
            tcp_keepalive=True,
        )
        endpoint = (self.public_endpoint_url if public else "") or self.endpoint_url
        return boto3.session.Session().client(
            "s3",
            endpoint_url=endpoint or None,
            region_name=self.region,
            aws_access_key_id=self.access_key_id or None,
            aws_secret_access_key=self.secret_access_key or None,
            config=config,
        )


def code_of(error: Exception) -> str:
    """The store's word for an answer that is an error; '' when there was no answer."""
    response = getattr(error, "response", None) or {}
    return str(response.get("Error", {}).get("Code", ""))


def is_missing(error: Exception) -> bool:
    return code_of(error) in _MISSING


def as_public_error(error: Exception) -> RunstoneError:
    """What the caller is told; what the store said goes to the log, because it may name keys, hosts and accounts."""
    code = code_of(error)
    for codes, kind, message in _OF_THE_CALLER:
        if code in codes:
            return kind(message)
    log.error("the artifact store failed: %s %s", type(error).__name__, code or error)
    for codes, kind, message in _OF_THE_STORE:
        if code in codes:
            return kind(message)
    return Unavailable("The artifact store cannot be used at the moment; nothing was stored. Try again later.")


def changed() -> Unavailable:
    return Unavailable(_CHANGED)


def no_such_upload() -> NotFound:
    return NotFound(_GONE)
