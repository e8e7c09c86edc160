"""Removing for good what has been in the trash long enough, and files that nothing names any more.

A row goes in one transaction with a note of its files; then the files go, and then the note. So a crash, or a store that
fails, leaves work for the next time and never a run without its files. What can be restored, or is loaded through a
registered model, stays.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, NamedTuple

from sqlalchemy import Connection, Row

from runstone.artifacts import removals
from runstone.artifacts.records import Records, owner_of
from runstone.artifacts.removals import Folder
from runstone.core.scope import Scope
from runstone.errors import InvalidParameter, RunstoneError
from runstone.experiments import purging as experiment_purging
from runstone.experiments.queries import below
from runstone.logged_models import purging as model_purging
from runstone.registry import queries as registry_queries
from runstone.runs import purging as run_purging
from runstone.storage.roots import Roots, Store

PAGE = 500
LEFTOVER_SECONDS = 24 * 3600


@dataclass(frozen=True, slots=True)
class Wish:
    """`before`: what was deleted later than this time (milliseconds) can still be restored. When ids are named, only those."""

    before: int
    delete: bool
    run_ids: Sequence[str] | None = None
    experiment_ids: Sequence[int] | None = None
    model_ids: Sequence[str] | None = None

    @property
    def everything(self) -> bool:
        return self.run_ids is None and self.experiment_ids is None and self.model_ids is None


@dataclass
class Sum:
    count: int = 0
    files: int = 0
    size: int = 0


@dataclass
class Report:
    """`kept` and `failed` are sentences; `sums` by kind, in the order in which they went."""

    sums: dict[str, Sum] = field(default_factory=dict)
    kept: list[str] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)
    gone: set[str] = field(default_factory=set)  # the named ids that were found and go

    def add(self, kind: str, files: int, size: int, count: int = 1) -> None:
        found = self.sums.setdefault(kind, Sum())
        found.count, found.files, found.size = found.count + count, found.files + files, found.size + size


class Target(NamedTuple):
    """A run, a logged model or an experiment on its way out; `remove` gives False when it was restored meanwhile."""

    kind: str
    id: str
    folder: Folder | None
    remove: Callable[[Connection], bool]


class Collection:
    """One round of `runstone gc`. `root` is where the server puts the artifacts of new experiments."""

    def __init__(self, records: Records, roots: Roots, root: str, wish: Wish) -> None:
        self._records, self._db, self._scope = records, records.db, records.scope
        self._roots, self._root, self._wish = roots, root, wish
        self._held: dict[tuple[str, str], str] = {}
        self._newest_version = 0
        self._going: set[tuple[str, str]] = set()
        self.report = Report()

    async def run(self) -> Report:
        await self._finish_earlier()
        await self._find_held()
        if self._wish.everything or self._wish.run_ids is not None:
            await self._runs(self._wish.run_ids, None)
        if self._wish.everything or self._wish.model_ids is not None:
            await self._models(self._wish.model_ids)
        if self._wish.everything or self._wish.experiment_ids is not None:
            await self._experiments()
        if self._wish.everything:
            await self._ownerless()
            await self._unfinished()
        return self.report

    async def _finish_earlier(self) -> None:
        for number, folder in await self._db.read(lambda c: removals.waiting(c, self._scope)):
            await self._count("left by an earlier run", folder)
            if self._wish.delete:
                await self._remove_files(number, folder)

    async def _find_held(self) -> None:
        """The runs and logged models whose files a living model version is loaded from."""
        after = 0
        while page := await self._db.read(partial(registry_queries.page_of_versions, scope=self._scope, after=after, limit=PAGE)):
            for row in page:
                name = f"version {row.version} of the registered model '{row.model_name}'"
                for owner in self._owners_of(row):
                    self._held.setdefault(owner, name)
            after = self._newest_version = page[-1].id

    def _owners_of(self, version: Row[Any]) -> list[tuple[str, str]]:
        found = [("logged_model", str(version.model_id))] if version.model_id else []
        try:
            found.append(owner_of(f"{self._roots.place(version.storage_location or version.source).key}/x"))
        except InvalidParameter:
            pass  # its files are the client's own
        return found

    async def _runs(self, run_ids: Sequence[str] | None, experiment_id: int | None) -> None:
        async for row in self._pages(partial(run_purging.in_trash, run_ids=run_ids, experiment_id=experiment_id)):
            remove = partial(self._remove_run, run_pk=row.id, run_id=row.run_id)
            await self._collect(Target("run", row.run_id, self._folder("run", row.run_id, row.artifact_uri), remove))

    def _remove_run(self, connection: Connection, run_pk: int, run_id: str) -> bool:
        if not run_purging.lock_in_trash(connection, self._scope, run_pk, self._wish.before):
            return False
        if registry_queries.has_newer_version(connection, self._scope, self._newest_version, run_id=run_id):
            return False
        run_purging.remove(connection, run_pk)
        return True

    async def _models(self, model_ids: Sequence[str] | None) -> None:
        async for row in self._pages(partial(model_purging.in_trash, model_ids=model_ids)):
            await self._collect(self._model(row, self._wish.before))

    def _model(self, row: Row[Any], before: int | None) -> Target:
        def remove(connection: Connection) -> bool:
            if not model_purging.lock_in_trash(connection, self._scope, row.id, before):
                return False
            if registry_queries.has_newer_version(connection, self._scope, self._newest_version, model_id=row.model_id):
                return False
            model_purging.remove(connection, row.id)
            return True

        return Target("logged_model", row.model_id, self._folder("logged_model", row.model_id, row.artifact_uri), remove)

    async def _experiments(self) -> None:
        async for row in self._pages(partial(experiment_purging.in_trash, numbers=self._wish.experiment_ids)):
            if self._wish.experiment_ids is not None:
                await self._runs(None, row.id)
            reason = await self._why_kept(row.id)
            if reason is not None:
                self.report.kept.append(f"experiment {row.id} '{row.name}': {reason}")
                continue
            async for model in self._models_of(row.id):
                await self._collect(self._model(model, None))
            folder = None
            if row.artifact_location == below(self._root, str(row.id)):
                folder = self._folder("experiment", str(row.id), row.artifact_location)
            await self._collect(Target("experiment", str(row.id), folder, partial(self._remove_experiment, number=row.id)))

    async def _why_kept(self, number: int) -> str | None:
        before = self._wish.before
        run_id = await self._db.read(lambda c: run_purging.remaining(c, self._scope, number, before))
        if run_id is not None:
            return f"its run {run_id} is not in the trash, or not for so long"
        async for row in self._pages(partial(run_purging.in_trash, experiment_id=number)):
            if ("run", row.run_id) not in self._going:
                return f"its run {row.run_id} stays"
        async for row in self._models_of(number):
            if ("logged_model", row.model_id) in self._held:
                return f"its logged model {row.model_id} is loaded through {self._held['logged_model', row.model_id]}"
        return None

    def _models_of(self, number: int) -> AsyncIterator[Row[Any]]:
        def page(connection: Connection, scope: Scope, before: int, after: int, limit: int) -> Sequence[Row[Any]]:
            return model_purging.of_experiment(connection, scope, number, after, limit)

        return self._pages(page)

    def _remove_experiment(self, connection: Connection, number: int) -> bool:
        if not experiment_purging.lock_in_trash(connection, self._scope, number, self._wish.before):
            return False
        run_purging.remove_datasets(connection, number)
        experiment_purging.remove(connection, number)
        return True

    async def _pages(self, read: Callable[..., Sequence[Row[Any]]]) -> AsyncIterator[Row[Any]]:
        after = -1
        while page := await self._db.read(partial(read, scope=self._scope, before=self._wish.before, after=after, limit=PAGE)):
            for row in page:
                yield row
            after = page[-1].id

    def _folder(self, kind: str, name: str, uri: str) -> Folder | None:
        """The folder that is the owner's alone; None when its files are not kept here, or not in a folder of its own."""
        try:
            place = self._roots.place(uri)
        except InvalidParameter:
            return None
        parts = place.key.split("/")
        if name not in parts:
            return None
        return Folder(self._roots.name_of(place.store), "/".join(parts[: len(parts) - parts[::-1].index(name)]), kind, name)

    async def _collect(self, target: Target) -> None:
        if (target.kind, target.id) in self._going:
            return
        held = self._held.get((target.kind, target.id))
        if held is not None:
            self.report.kept.append(f"{target.kind.replace('_', ' ')} {target.id}: its files are loaded through {held}")
            return
        try:
            if not self._wish.delete:
                await self._count(_plural(target.kind), target.folder)
            elif not await self._remove(target):
                self.report.kept.append(f"{target.kind.replace('_', ' ')} {target.id}: it was restored or used meanwhile")
                return
        except RunstoneError as error:
            self.report.failed.append(f"{target.kind.replace('_', ' ')} {target.id}: {error.message}")
            return
        self._going.add((target.kind, target.id))
        self.report.gone.add(target.id)

    async def _remove(self, target: Target) -> bool:
        def remove(connection: Connection) -> int | None:
            if not target.remove(connection):
                return None
            return removals.note(connection, self._scope, target.folder) if target.folder is not None else 0

        measured = await self._measured(target.folder)
        number = await self._db.write(remove)
        if number is None:
            return False
        self.report.add(_plural(target.kind), *measured)
        if target.folder is not None:
            await self._remove_files(number, target.folder)
        return True

    async def _remove_files(self, number: int, folder: Folder) -> None:
        try:
            await self._records.delete(self._roots.named(folder.store), folder.path)
            await self._db.write(lambda c: removals.done(c, number))
        except RunstoneError as error:
            self.report.failed.append(f"files of {folder.owner_kind.replace('_', ' ')} {folder.owner_id}: {error.message}")

    async def _count(self, kind: str, folder: Folder | None) -> None:
        try:
            self.report.add(kind, *await self._measured(folder))
        except RunstoneError as error:
            self.report.failed.append(f"{kind}: {error.message}")

    async def _measured(self, folder: Folder | None) -> tuple[int, int]:
        """(files, bytes) in the folder."""
        if folder is None:
            return 0, 0
        files, size, _ = await _survey(self._roots.named(folder.store), folder.path)
        return files, size

    async def _ownerless(self) -> None:
        """Recorded files of runs and logged models that do not exist: sent after their removal, or by a script with a made-up id."""
        for kind in ("run", "logged_model"):
            after = ""
            while page := await self._db.read(
                partial(removals.ownerless, scope=self._scope, kind=kind, before=self._wish.before, after=after, limit=PAGE)
            ):
                for owner, path, old in page:
                    if old and (kind, owner) not in self._going:
                        await self._remove_ownerless(kind, owner, path)
                after = page[-1][0]

    async def _remove_ownerless(self, kind: str, owner: str, path: str) -> None:
        store = self._roots.served
        key = path[: path.index(f"{owner}/") + len(owner)]
        try:
            files, size, newest = await _survey(store, key)
            if newest * 1000 > self._wish.before:
                return
            if self._wish.delete:
                await self._records.delete(store, key)
            self.report.add(f"folders of no {kind.replace('_', ' ')}", files, size)
        except RunstoneError as error:
            self.report.failed.append(f"{key}: {error.message}")

    async def _unfinished(self) -> None:
        try:
            leftovers = partial(self._roots.served.leftovers, LEFTOVER_SECONDS, remove=self._wish.delete)
            found = await asyncio.to_thread(leftovers)
        except RunstoneError as error:
            self.report.failed.append(f"unfinished uploads: {error.message}")
            return
        if found.count:
            self.report.add("unfinished uploads", 0, found.size, found.count)


def _plural(kind: str) -> str:
    return f"{kind.replace('_', ' ')}s"


async def _survey(store: Store, folder: str) -> tuple[int, int, float]:
    """(files, bytes, when the newest was stored)"""
    await store.quiet(folder)
    return await asyncio.to_thread(_sums, store, folder)


def _sums(store: Store, folder: str) -> tuple[int, int, float]:
    files, size, newest = 0, 0, 0.0
    for batch in store.walk(folder):
        files += len(batch)
        size += sum(found.size for found in batch)
        newest = max(newest, *(found.modified for found in batch))
    return files, size, newest
