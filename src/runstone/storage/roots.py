"""The places that this server opens: its own store, and the folder that its operator gave as the root of artifact locations.

Everything else that a location may name is the client's, and nothing here opens it.
"""

from __future__ import annotations

from dataclasses import dataclass

from runstone.errors import InvalidParameter, NotFound
from runstone.storage import locations
from runstone.storage.checked import TRUSTED_SECONDS, Checked
from runstone.storage.local import LocalStore
from runstone.storage.locations import Bucket, Root
from runstone.storage.s3 import Recorded, S3Store
from runstone.storage.s3_client import S3Access
from runstone.storage.store import ArtifactStore

Store = LocalStore | S3Store


@dataclass(frozen=True, slots=True)
class Place:
    """A folder in a store; `key` '' is all of it."""

    store: ArtifactStore
    key: str

    def below(self, path: str) -> str:
        """The key of `path`, a canonical path or '', in this folder."""
        return f"{self.key}/{path}" if self.key and path else self.key or path


class Roots:
    """`served` is the store behind `mlflow-artifacts:/`. A `default_root` that is a folder or a bucket is the server's own too:
    its clients share it with the server, write there themselves, and want to see it here.
    """

    def __init__(
        self,
        artifacts_destination: str,
        default_root: str | None = None,
        access: S3Access | None = None,
        *,
        check_always: bool = False,
    ) -> None:
        """Opens nothing yet. Raises OSError, in words for the operator, for a destination that is no folder and no bucket.

        `check_always`: no file is trusted because it was hashed before.
        """
        access = access or S3Access()
        seconds = 0.0 if check_always else TRUSTED_SECONDS
        self.served = open_store(locations.destination(artifacts_destination), access, Checked(seconds))
        shared = locations.own_root(default_root) if default_root else None
        self._shared = open_store(shared, access, Checked(seconds)) if shared is not None and shared != self.served.root else None

    def prepare(self, *, served: bool) -> None:
        """When a server starts. Raises OSError when the artifacts destination cannot be written though it is `served`."""
        if served:
            self.served.prepare()
        if self._shared is not None:
            self._shared.sweep()

    def ask(self, recorded: Recorded) -> None:
        """Have the store behind `mlflow-artifacts:/` ask `recorded` where other servers may have put a file."""
        if isinstance(self.served, S3Store):
            self.served.recorded = recorded

    def place(self, uri: str) -> Place:
        """Where the artifacts at `uri` are kept. Raises `InvalidParameter` for a place that this server does not open."""
        found = locations.classify(uri, self.served.root)
        if found.kind == "proxied":
            return Place(self.served, found.key)
        key = locations.key_below(uri, self._shared.root) if self._shared is not None else None
        if self._shared is not None and key is not None:
            return Place(self._shared, key)
        raise InvalidParameter(
            "These artifacts are not kept on this server: their location is the client's own. Use the client to read "
            "or write them there."
        )

    def named(self, name: str) -> Store:
        """The store that `name_of` called so. Raises `NotFound` when the operator took it away meanwhile."""
        found = {"served": self.served, "shared": self._shared}.get(name)
        if found is None:
            raise NotFound("The artifact store that this URL was signed for is not there any more. Ask for a new one.")
        return found

    def name_of(self, store: ArtifactStore) -> str:
        return "served" if store is self.served else "shared"

    def close(self) -> None:
        self.served.close()
        if self._shared is not None:
            self._shared.close()


def open_store(root: Root, access: S3Access, checked: Checked) -> Store:
    return S3Store(root, access, checked) if isinstance(root, Bucket) else LocalStore(root, checked)
