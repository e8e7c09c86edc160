"""The two transactions of an upload's record: before its file is visible, and after. Of new files many share one."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from sqlalchemy import Connection

from runstone.artifacts import arriving, backlog, held, queries
from runstone.artifacts.arriving import Arrived
from runstone.artifacts.held import Content
from runstone.artifacts.queries import GRANTED, LEAVING, PENDING, STORED, Record
from runstone.core.clock import now_ms
from runstone.storage.paths import above

# A version that has been between two states for so long was left there by a process that ended.
STALE_MS = 3_600_000


@dataclass(frozen=True, slots=True)
class Announced:
    """A file whose bytes are there; `quota` in bytes, 0 for none. `upload` names the one whose parts it is made of. `content`
    is what is held of it: all of a small file. `waiting` is what waits for its place in the store: all of a small file, too.
    """

    new: Record
    quota: int = 0
    upload: str = ""
    content: Content | None = None
    waiting: bytes = b""


@dataclass(frozen=True, slots=True)
class Step:
    """An upload between its announcement and its end: its record, and those that it is to drop."""

    mine: int
    going: list[int] = field(default_factory=list)
    marked: list[int] = field(default_factory=list)  # those of them that counted until now
    parts: Arrived | None = None  # what its parts counted


@dataclass(frozen=True, slots=True)
class Visible:
    """A file that became visible, `etag` being what the store calls it."""

    step: Step
    path: str
    etag: str


@dataclass(frozen=True, slots=True)
class Settled:
    """`held`: the record stood until now. `replaced`: another upload called the file its own meanwhile."""

    held: bool
    replaced: bool


def reserve_new(connection: Connection, items: Sequence[Announced]) -> list[Step | None]:
    """For files where nothing stands, in a workspace without a quota: nearly all of them, and no two of these wait for each
    other. None for the others, which `reserve` is for.
    """
    return _reserve_new(connection, items, queries.known(connection, {item.new.path for item in items}))


def reserve_behind(connection: Connection, items: Sequence[Announced]) -> list[Step | None]:
    """The same for files that have no place yet, and where no file or folder is recorded in their way."""
    paths = {item.new.path for item in items}
    shadowed = {folder for path in paths for folder in above(path)}
    steps = _reserve_new(connection, items, backlog.in_the_way(connection, paths) | (paths & shadowed))
    backlog.keep(connection, [(s.mine, i.new.path, i.waiting) for i, s in zip(items, steps, strict=True) if s is not None])
    return steps


def _reserve_new(connection: Connection, items: Sequence[Announced], standing: set[str]) -> list[Step | None]:
    times = Counter(item.new.path for item in items)
    fresh = [item for item in items if times[item.new.path] == 1 and item.new.path not in standing]
    numbers = queries.add_all(connection, [item.new for item in fresh])
    held.keep(connection, [(numbers[item.new.path], *item.content) for item in fresh if item.content is not None])
    queries.count(connection, [(item.new.workspace_id, item.new.size, 1) for item in fresh])
    return [Step(numbers[item.new.path]) if item.new.path in numbers else None for item in items]


def reserve(connection: Connection, item: Announced) -> Step:
    """What stands or stood there now is older than what this upload publishes next, and makes room for it.

    Raises `QuotaExceeded`.
    """
    new, standing = item.new, queries.find(connection, item.new.path)
    going = [record.id for record in standing if is_over(record, new.created_time)]
    marked, freed = list[int](), 0
    if any(record.state == STORED for record in standing):
        marked = queries.set_state(connection, going, (STORED,), LEAVING, new.created_time)
        freed = sum(record.size for record in standing if record.id in marked)
    counted = arriving.end(connection, item.upload) if item.upload else 0
    mine = queries.add(connection, new)
    held.keep(connection, [(mine, *item.content)] if item.content is not None else [])
    queries.count(connection, [(new.workspace_id, new.size, 1)], item.quota if new.size > freed + counted else 0)
    return Step(mine, going, marked, Arrived(item.upload, new.path, new.workspace_id, counted) if counted else None)


def settle_new(connection: Connection, groups: Sequence[Sequence[Visible]]) -> list[list[Settled]]:
    """For files that replaced none when they were announced."""
    items = [item for group in groups for item in group]
    held_yet = queries.settle(connection, [(item.step.mine, item.etag) for item in items], now_ms())
    doubled = queries.doubly_stored(connection, {item.path for item in items})
    return [[Settled(item.step.mine in held_yet, item.path in doubled) for item in group] for group in groups]


def settle(connection: Connection, item: Visible) -> Settled:
    ((settled,),) = settle_new(connection, [[item]])
    queries.drop(connection, item.step.going)
    return settled


def retract(connection: Connection, step: Step) -> None:
    """The file was not published: what stood there stands there still."""
    queries.set_state(connection, step.marked, (LEAVING,), STORED, now_ms())
    queries.drop(connection, [step.mine])
    if step.parts is not None:
        arriving.take(connection, step.parts)


def is_over(record: Record, now: int) -> bool:
    """Whether nothing can publish this version any more."""
    if record.state == PENDING:
        return record.changed_time < now - STALE_MS
    return record.state != GRANTED or record.changed_time < now
