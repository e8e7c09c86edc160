"""Whose place an artifact URI names. A client's text is parsed, compared and kept; it never becomes a path to open.

`proxied` places are keys of this server's own store (`mlflow-artifacts:/1/abc`, or a folder below the store's own).
`client` places (another bucket, a folder of the training machine) are the client's data: stored and given back, never
opened from here. Which folders are the server's own says `roots.py`.
"""

from __future__ import annotations

import errno
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Literal
from urllib.parse import unquote, urlsplit

from runstone.core.jsonbody import refuse_unstorable_text
from runstone.errors import InvalidParameter
from runstone.storage import paths

LOCATION_LIMIT = 2048
PROXY_SCHEME = "mlflow-artifacts"

# Object stores and filesystems whose first part names a bucket, account or catalogue of the client's choosing.
CLIENT_SCHEMES = {
    "s3",
    "s3a",
    "s3n",
    "gs",
    "wasb",
    "wasbs",
    "abfs",
    "abfss",
    "dbfs",
    "r2",
    "b2",
    "oss",
    "hf",
}
# Schemes that would make a server connect to a host that somebody typed.
HOST_SCHEMES = {"http", "https", "ftp", "sftp", "hdfs", "viewfs", "ssh", "smb", "nfs"}
# Those that name a host behind the last @ of what follows: only hosts of the stores that the scheme is for.
_AZURE = (".dfs.core.windows.net", ".dfs.core.chinacloudapi.cn", ".dfs.core.usgovcloudapi.net", ".dfs.fabric.microsoft.com")
PROVIDERS = {"abfs": _AZURE, "abfss": _AZURE, "r2": (".r2.cloudflarestorage.com",), "b2": (".backblazeb2.com",)}

_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.\-]*:")
_BUCKET = re.compile(r"[A-Za-z0-9][A-Za-z0-9._\-@:]*\Z")


@dataclass(frozen=True)
class Location:
    """`key` is the store's key for `proxied` places ('' is the whole store)."""

    kind: Literal["proxied", "client"]
    key: str = ""


@dataclass(frozen=True)
class Bucket:
    """A place in S3; `prefix` has no slash at its ends, and is '' for the whole bucket."""

    name: str
    prefix: str = ""

    def key(self, path: str) -> str:
        """The object key of `path`, which is relative to this place."""
        return f"{self.prefix}/{path}" if self.prefix else path

    def __str__(self) -> str:
        return f"s3://{self.name}/{self.prefix}".rstrip("/")


# Where a store of this server's is: an absolute folder, or a place in S3.
Root = Path | Bucket


def classify(uri: str, own_root: Root) -> Location:
    """The place of a URI that was accepted before; `own_root` is where the store behind `mlflow-artifacts:/` is.

    Anything unclear counts as the client's, so it is not opened.
    """
    scheme, separator, rest = uri.partition(":")
    if separator and scheme == PROXY_SCHEME and not rest.startswith("//"):
        return _proxied(rest.strip("/"))
    key = key_below(uri, own_root)
    return Location("client") if key is None else Location("proxied", key)


def key_below(uri: str, root: Root) -> str | None:
    """The key of a path, `file:` or `s3:` URI in the store at `root`; None when it is not below it."""
    folder = (uri if uri.startswith("s3://") else None) if isinstance(root, Bucket) else folder_of(uri)
    if folder is None or not folder.startswith(("/", "s3://")):
        return None
    base = str(root).rstrip("/")
    if folder.rstrip("/") == base:
        return ""
    found = _proxied(folder.removeprefix(f"{base}/").strip("/")) if folder.startswith(f"{base}/") else Location("client")
    return found.key if found.kind == "proxied" else None


def folder_of(text: str) -> str | None:
    """The folder that a path or a `file:` URI names, as it is written; None for a place in another kind of store."""
    scheme, separator, rest = text.partition(":")
    if not separator or "/" in scheme:
        return text
    if scheme.lower() != "file":
        return None
    if not rest.startswith("//"):
        return unquote(rest)
    host, slash, path = rest[2:].partition("/")
    return unquote(slash + path) if host in ("", "localhost") else None


def own_root(text: str) -> Root | None:
    """Where an operator's setting puts a store; None for a place in another kind of store."""
    scheme, _, rest = text.partition("://")
    if scheme == "s3":
        name, _, prefix = rest.partition("/")
        return Bucket(name, prefix.removesuffix("/")) if _BUCKET.match(name) and not re.search(r"\A/|//", prefix) else None
    folder = folder_of(text)
    return Path(folder).absolute() if folder is not None else None


def destination(text: str) -> Root:
    """Where the artifacts destination is. Raises OSError, in words for the operator, for what is no folder and no bucket."""
    root = own_root(text)
    if root is None:
        raise OSError(errno.EINVAL, "artifacts are kept in a folder or in s3://BUCKET/PREFIX, and this names neither", text)
    return root


def _proxied(key: str) -> Location:
    try:
        return Location("proxied", paths.canonical(key) if key else "")
    except InvalidParameter:
        return Location("client")


def validate_experiment_location(text: str, host: str = "") -> str:
    """`text`, when it is a well-formed place, in full; without the host when that is `host`, the name under which the
    client reached this server. No host is ever asked for anything. Raises `InvalidParameter` naming artifact_location.
    """
    own = f"{PROXY_SCHEME}://{host}".lower()
    if host and (text.lower() == own or text.lower().startswith(f"{own}/")):
        text = f"{PROXY_SCHEME}:{text[len(own) :] or '/'}"
    return absolute(validate_location(text, "artifact_location"))


def absolute(text: str) -> str:
    """A folder that is written without its beginning is one below the server's working folder: wherever a client runs, the
    place stays the same.
    """
    folder = folder_of(text)
    if folder is None or folder.startswith("/"):
        return text
    place = Path(folder).absolute()
    return place.as_uri() if _SCHEME.match(text) else str(place)


def validate_location(text: str, field: str) -> str:
    if len(text) > LOCATION_LIMIT:
        raise InvalidParameter(
            f"Invalid artifact path length. The length of the artifact path cannot be greater than {LOCATION_LIMIT} characters: "
            f"{field} has {len(text)}."
        )
    if text != text.strip() or "\\" in text or paths.invisible(text):
        raise _refused(field, "it holds backslashes, invisible characters or spaces at an end")
    refuse_unstorable_text(text)
    if text.startswith("//"):
        raise _refused(field, "it begins with two slashes, which some programs take for the name of a host")
    if re.match(r"[A-Za-z]:(?![A-Za-z0-9+.\-]*:)(/|$|[^/])", text) and not re.match(r"[A-Za-z][A-Za-z0-9+.\-]+:", text):
        raise _refused(field, "it begins like a Windows drive")
    if any(mark in text for mark in ("#", ";", "?")):
        raise _refused(field, f"'{field}' URL can't include fragments or params (# ; ?)")
    match = _SCHEME.match(text)
    if match is None:
        if ":" in text.partition("/")[0]:
            raise _refused(field, "the colon in its beginning is not behind a scheme")
        _check_segments(text, field)
        return text
    _check_uri(text, match.group()[:-1].lower(), field)
    return text


def _check_uri(text: str, scheme: str, field: str) -> None:
    try:
        parts = urlsplit(text)
    except ValueError as error:
        raise _refused(field, "it is not a well-formed URI") from error
    if scheme == PROXY_SCHEME:
        if parts.netloc:
            raise _addresses_host(field, scheme, "Write mlflow-artifacts:/folder for a place behind this server.")
        key = parts.path.strip("/")
        if key:
            paths.canonical(key, field)
        return
    if scheme == "file":
        if parts.netloc:
            raise _refused(field, "file:// may not name a host; write file:///folder")
    elif scheme in HOST_SCHEMES:
        raise _addresses_host(field, scheme, "Use a folder of an artifact store, such as s3://bucket/folder.")
    elif scheme not in CLIENT_SCHEMES:
        raise _no_place(scheme, field)
    elif scheme != "dbfs":
        _check_bucket(parts.netloc, scheme, field)
    _check_segments(parts.path, field)


def _check_bucket(name: str, scheme: str, field: str) -> None:
    if not _BUCKET.match(name):
        raise _refused(field, f"{scheme}:// must be followed by the name of a bucket")
    if scheme in PROVIDERS and not name.rpartition("@")[2].lower().endswith(PROVIDERS[scheme]):
        raise _addresses_host(field, scheme, f"Write {scheme}://BUCKET@NAME{PROVIDERS[scheme][0]}/FOLDER.")


def _check_segments(path: str, field: str) -> None:
    plain = path
    for _ in range(4):
        plain = unquote(plain)
    if any(segment == ".." for segment in re.split(r"[/\\]", plain)):
        raise _refused(field, "'..' is not allowed in it, however it is encoded")
    if paths.invisible(plain) or ("%" in plain and "%" in unquote(plain) and unquote(plain) != plain):
        raise _refused(field, "it is percent-encoded several times over")


def _addresses_host(field: str, scheme: str, instead: str) -> InvalidParameter:
    return InvalidParameter(
        f"'{field}' cannot use the '{scheme}' scheme: it addresses a host other than those of this server's storage. {instead}"
    )


def _no_place(scheme: str, field: str) -> InvalidParameter:
    if scheme == "runs":
        return InvalidParameter(f"Artifact location cannot be a runs:/ URI. Give {field} the place that it stands for.")
    return _refused(field, f"the scheme {scheme[:40]!r} is not a place for artifacts")


def _refused(field: str, reason: str) -> InvalidParameter:
    return InvalidParameter(f"Invalid {field}: {reason}. Use a folder of an artifact store, such as s3://bucket/folder.")
