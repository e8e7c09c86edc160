"""Runs that are kept rendered: whatever is written to a run, and by whichever server, the next page shows it."""

from __future__ import annotations

import asyncio
import json
import threading
import time
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import orjson
import pytest
from sqlalchemy import Connection, text

from runstone.app import open_database
from runstone.core.db import Database
from runstone.core.scope import DEFAULT_SCOPE, Context
from runstone.core.state import token_key
from runstone.experiments import queries as experiments
from runstone.runs import inputs, lifecycle, queries, render, rendered, routes, starts
from runstone.runs.append import append_batches
from runstone.runs.batch import Batch
from runstone.runs.guards import EditRun
from runstone.runs.schemas import CreateRun, DatasetInput, SearchRuns, UpdateRun
from runstone.settings import Settings
from tests.conftest import Databases


@pytest.fixture(scope="module")
def servers(dialect: str, databases: Databases) -> Iterator[tuple[Database, Database]]:
    """The one that writes and the one that reads: two processes' worth of state on Postgres; SQLite has one."""
    address = databases.make(dialect)
    writer = open_database(Settings(backend_store_uri=address))
    reader = writer if dialect == "sqlite" else open_database(Settings(backend_store_uri=address))
    yield writer, reader
    writer.close()
    reader.close()


@pytest.fixture
def run(servers: tuple[Database, Database]) -> EditRun:
    """A finished run that the reader keeps rendered, in an experiment of its own."""
    writer, reader = servers
    number = writer.write_now(lambda c: experiments.create(c, DEFAULT_SCOPE, f"e{time.time_ns()}", None, "x", []))
    body = CreateRun(experiment_id=str(number), run_name="first")
    row = writer.write_now(lambda c: starts.start(c, DEFAULT_SCOPE, body, truncate=True))
    made = EditRun(row.run_id, DEFAULT_SCOPE)
    writer.write_now(partial(add, run=made, points=[("loss", 1, 1, 0.5, 0)], params=[("lr", "1")], tags={"a": "1"}))
    writer.write_now(partial(change, run=made, body=UpdateRun(status="FINISHED", end_time=5)))
    assert shown(reader, made) == fresh(reader, made)
    assert kept(reader, made)
    return made


def add(connection: Connection, run: EditRun, points: Any = (), params: Any = (), tags: Any = None) -> None:
    grouped = {key: [point] for key, *point in points}
    batch = Batch(DEFAULT_SCOPE, run.run_id, {key: [tuple(point) for point in found] for key, found in grouped.items()})
    batch.params, batch.tags = list(params), tags or {}
    assert append_batches(connection, [batch]) == [None]


def change(connection: Connection, run: EditRun, body: UpdateRun) -> None:
    [changed] = starts.append_changes(connection, [starts.checked_change(run, body)])
    assert not isinstance(changed, Exception)


def add_dataset(connection: Connection, run: EditRun) -> None:
    dataset = {"name": "d", "digest": "1", "source_type": "x", "source": "y"}
    item = DatasetInput.model_validate({"dataset": dataset, "tags": [{"key": "k", "value": "v"}]})
    inputs.add_datasets(connection, DEFAULT_SCOPE, run.load(connection), [item])


def add_output(connection: Connection, run: EditRun) -> None:
    inputs.add_models(connection, DEFAULT_SCOPE, run.load(connection), "output", [("m-1", 3)])


def delete_tag(connection: Connection, run: EditRun) -> None:
    assert queries.delete_tag(connection, run.load(connection).id, "a")


def delete_experiment(connection: Connection, run: EditRun) -> None:
    queries.follow_experiment(connection, DEFAULT_SCOPE, run.load(connection).experiment_id, "deleted")


WRITES: dict[str, Callable[[Connection, EditRun], Any]] = {
    "points": partial(add, points=[("loss", 2, 2, 0.25, 0)]),
    "points of a new metric": partial(add, points=[("acc", 2, 2, 0.25, 0)]),
    "params": partial(add, params=[("new", "2")]),
    "a tag's new value": partial(add, tags={"a": "2"}),
    "a new name": partial(add, tags={"mlflow.runName": "second"}),
    "delete-tag": delete_tag,
    "update": partial(change, body=UpdateRun(status="FAILED", end_time=9)),
    "update of the name": partial(change, body=UpdateRun(run_name="third")),
    "delete": lifecycle.delete,
    "log-inputs": add_dataset,
    "outputs": add_output,
    "log-model": partial(lifecycle.record_model, model={"artifact_path": "m", "flavors": {}}),
    "deletion of its experiment": delete_experiment,
}


def write(connection: Connection, name: str, run: EditRun) -> None:
    WRITES[name](connection, run=run)  # type: ignore[call-arg]


def shown(db: Database, run: EditRun) -> Any:
    found = db.read_now(lambda c: rendered.window(c, DEFAULT_SCOPE, [run.load(c).id]))
    return json.loads(found[0])


def fresh(db: Database, run: EditRun) -> Any:
    """As it is rendered when nothing is kept."""
    found = db.read_now(lambda c: render.runs_json(c, DEFAULT_SCOPE, [run.load(c)]))
    return json.loads(orjson.dumps(found[0]))


def kept(db: Database, run: EditRun) -> bool:
    return db.read_now(lambda c: bool(rendered._cache_of(c).find([run.load(c)])))


class TestPage:
    @pytest.mark.parametrize("name", WRITES)
    def test_a_write_to_a_finished_run_is_shown_at_once(
        self, servers: tuple[Database, Database], run: EditRun, name: str
    ) -> None:
        writer, reader = servers
        before = shown(reader, run)
        writer.write_now(partial(write, name=name, run=run))
        after = shown(reader, run)
        assert after == fresh(reader, run)
        assert after != before

    def test_a_write_that_fails_leaves_what_is_kept(self, servers: tuple[Database, Database], run: EditRun) -> None:
        writer, reader = servers
        batch = Batch(DEFAULT_SCOPE, run.run_id, {}, [], [("lr", "another")], {"a": "9"})
        [error] = writer.write_now(lambda c: append_batches(c, [batch]))
        assert error is not None
        assert kept(reader, run)

    def test_a_run_that_goes_on_is_not_kept(self, servers: tuple[Database, Database], run: EditRun) -> None:
        writer, reader = servers
        for status in ("RUNNING", "SCHEDULED"):
            writer.write_now(partial(change, run=run, body=UpdateRun(status=status)))
            shown(reader, run)
            assert not kept(reader, run)
            writer.write_now(partial(add, run=run, points=[("loss", 7, 7, 0.125, 0)]))
            assert shown(reader, run) == fresh(reader, run)

    def test_points_of_a_running_run_do_not_touch_its_row(self, servers: tuple[Database, Database], run: EditRun) -> None:
        writer, reader = servers
        writer.write_now(partial(change, run=run, body=UpdateRun(status="RUNNING")))
        before = reader.read_now(run.load)
        writer.write_now(partial(add, run=run, points=[("loss", 8, 8, 0.5, 0)], tags={"b": "1"}))
        assert reader.read_now(run.load) == before

    def test_the_least_recently_shown_go_when_there_is_no_room(self) -> None:
        cache = rendered._Cache(limit=10_000)
        made = [(str(i), 1, b"x" * 100) for i in range(30)]
        cache.keep(made)
        assert 0 < len(cache._kept) <= 10_000 // (100 + rendered.ENTRY_BYTES)
        assert "29" in cache._kept
        assert cache._size == sum(rendered.ENTRY_BYTES + len(text) for _, text in cache._kept.values())
        cache.keep([("large", 1, b"x" * 10_000)])
        assert "large" not in cache._kept


class TestRaces:
    def test_a_run_does_not_finish_under_an_append(self, servers: tuple[Database, Database], run: EditRun, dialect: str) -> None:
        """Else what the append adds would be missing from what a page between the two commits kept."""
        if dialect == "sqlite":
            pytest.skip("SQLite has one writer")
        writer, reader = servers
        writer.write_now(partial(change, run=run, body=UpdateRun(status="RUNNING")))
        added, go_on = threading.Event(), threading.Event()

        def append(connection: Connection) -> None:
            add(connection, run, points=[("late", 9, 9, 0.5, 0)])
            added.set()
            assert go_on.wait(20)

        def finish() -> None:
            reader.write_now(partial(change, run=run, body=UpdateRun(status="FINISHED")))

        first = threading.Thread(target=writer.write_now, args=(append,))
        second = threading.Thread(target=finish)
        first.start()
        assert added.wait(20)
        second.start()
        try:
            assert waits(reader), "the run finished while points were on their way"
            shown(reader, run)
        finally:
            go_on.set()
            first.join()
            second.join()
        assert "late" in [metric["key"] for metric in shown(reader, run)["data"]["metrics"]]
        assert shown(reader, run) == fresh(reader, run)


def waits(db: Database) -> bool:
    """Whether some transaction comes to wait for a lock."""
    waiting = text("SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()")
    for _ in range(100):
        if db.read_now(lambda c: c.execute(waiting).scalar()):
            return True
        time.sleep(0.05)
    return False


class TestLongAnswers:
    @pytest.mark.parametrize(("count", "limit"), [(7, 7), (7, 6), (7, 3), (7, 100), (0, 5)])
    @pytest.mark.parametrize("made_at_once", [1, 3, 250])
    def test_windows_make_the_same_answer(
        self, servers: tuple[Database, Database], count: int, limit: int, made_at_once: int, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        writer, _ = servers
        number = writer.write_now(lambda c: experiments.create(c, DEFAULT_SCOPE, f"e{time.time_ns()}", None, "x", []))
        for i in range(count):
            new = CreateRun(experiment_id=str(number), start_time=i)
            writer.write_now(partial(starts.start, scope=DEFAULT_SCOPE, body=new, truncate=True))
        ctx = Context(writer, Settings(), DEFAULT_SCOPE, writer.read_now(token_key))
        body = SearchRuns.model_validate({"experiment_ids": [str(number)]}, context={})
        whole = json.loads(writer.read_now(lambda c: routes._page(c, ctx, body, limit)).whole())
        monkeypatch.setattr(routes, "WINDOW", 2)
        monkeypatch.setattr(rendered, "MADE_AT_ONCE", made_at_once)
        page = writer.read_now(lambda c: routes._page(c, ctx, body, limit))
        assert bool(page.later) == (min(count, limit) > 2)

        async def written() -> bytes:
            return b"".join([piece async for piece in routes._written(ctx, page)])

        assert json.loads(asyncio.run(written()) if page.later else page.whole()) == whole
        assert len(whole.get("runs", [])) == min(count, limit)
        assert ("next_page_token" in whole) == (count > limit)
