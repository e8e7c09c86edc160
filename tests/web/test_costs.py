"""A page costs a fixed number of statements, however many rows it stands for."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, event, insert, update
from starlette.datastructures import QueryParams

from runstone.app import open_database
from runstone.core import keyvalue
from runstone.core.db import Database
from runstone.core.scope import DEFAULT_SCOPE, Context
from runstone.core.state import token_key
from runstone.experiments import queries as experiments
from runstone.runs import feed
from runstone.runs.guards import ReadRun
from runstone.runs.tables import run_params, runs, series
from runstone.settings import Settings
from runstone.web import experiments as experiments_page
from runstone.web import runs as run_page
from runstone.web import runs_table
from runstone.web.runs_asked import Asked
from runstone.web.sorting import Sorting


@pytest.fixture
def ctx(tmp_path: Path) -> Iterator[Context]:
    settings = Settings(backend_store_uri=f"sqlite:///{tmp_path / 'a.db'}")
    db = open_database(settings)
    yield Context(db, settings, DEFAULT_SCOPE, db.read_now(token_key))
    db.close()


def fill(connection: Connection, count: int) -> None:
    number = experiments.create(connection, DEFAULT_SCOPE, f"with {count}", None, "x", [])
    keys = keyvalue.key_ids(connection, [f"k{i}" for i in range(5)])
    base = {
        "workspace_id": 1,
        "experiment_id": number,
        "user_id": "u",
        "status": "FINISHED",
        "lifecycle_stage": "active",
        "artifact_uri": "x",
    }
    for i in range(count):
        row = base | {"run_id": f"{number}x{i}", "name": f"r{i}", "start_time": i}
        pk = connection.execute(insert(runs).values(row).returning(runs.c.id)).scalar_one()
        for key_id in keys.values():
            point = {
                "last_step": 0,
                "last_timestamp": 0,
                "last_value": i,
                "last_is_nan": 0,
                "count": 1,
                "nan_count": 0,
                "first_step": 0,
                "max_step": 0,
            }
            connection.execute(insert(series).values(run_pk=pk, key_id=key_id, workspace_id=1, **point))
            connection.execute(insert(run_params).values(run_pk=pk, key_id=key_id, workspace_id=1, value=str(i)))


def statements(db: Database, load: Callable[[Connection], Any]) -> int:
    counted: list[str] = []
    listener = lambda *args: counted.extend([args[2]] if args[2] != "BEGIN" else [])  # noqa: E731
    event.listen(db.read_engine, "before_cursor_execute", listener)
    try:
        db.read_now(load)
    finally:
        event.remove(db.read_engine, "before_cursor_execute", listener)
    return len(counted)


class TestCosts:
    def test_of_the_runs_table(self, ctx: Context) -> None:
        for count in (1, 250):
            ctx.db.write_now(partial(fill, count=count))
        costs = []
        for number in ("1", "2"):
            state = QueryParams([("filter", "metrics.k0 >= 0"), ("order", "metrics.k1 DESC"), ("order", "params.k2 ASC")])
            asked = Asked.of(state, number)
            load = partial(runs_table.load, ctx=ctx, asked=asked, query={})
            costs.append(statements(ctx.db, load))
        assert costs[1] - costs[0] <= 2, "only the count of what matches is added"
        assert max(costs) <= 15

    def test_of_the_list_of_experiments(self, ctx: Context) -> None:
        sorting = Sorting.of("", experiments_page.SORTABLE, "last_update_time DESC")
        load = partial(experiments_page.load, ctx=ctx, query={}, text="", view="active", sorting=sorting)
        ctx.db.write_now(lambda c: fill(c, 1))
        before = statements(ctx.db, load)
        for count in range(2, 12):
            ctx.db.write_now(partial(fill, count=count))
        assert statements(ctx.db, load) == before == 4

    def test_of_a_run(self, ctx: Context) -> None:
        ctx.db.write_now(lambda c: fill(c, 3))
        assert statements(ctx.db, lambda c: run_page.load(c, ctx, ReadRun("1x0", DEFAULT_SCOPE), {})) <= 11
        ctx.db.write_now(lambda c: c.execute(update(runs).values(status="RUNNING")))
        row = ctx.db.read_now(ReadRun("1x0", DEFAULT_SCOPE).load)
        assert statements(ctx.db, lambda c: feed.mark(c, DEFAULT_SCOPE, row)) <= 2
