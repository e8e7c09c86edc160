"""What finding and showing a page of runs costs: statements, and how each of them enters the large tables."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import partial
from typing import Any

import pytest
from sqlalchemy import Connection, event

from runstone.app import open_database
from runstone.core.db import Database
from runstone.core.scope import DEFAULT_SCOPE, Context
from runstone.core.state import token_key
from runstone.runs import pages, queries, routes, search
from runstone.runs.append import append_batches
from runstone.runs.batch import Batch
from runstone.runs.schemas import CreateRun, SearchRuns
from runstone.runs.starts import start
from runstone.search import distinct as by_values
from runstone.settings import Settings
from tests.conftest import Databases

FINDING = 12  # statements that a page is found with, at most
LARGE = ("run_params", "run_tags", "series", "points")
SHAPES: dict[str, dict[str, Any]] = {
    "first page": {},
    "all stages": {"run_view_type": "ALL"},
    "rare param": {"filter": "params.rare = 'needle'"},
    "common param": {"filter": "params.tenth = '1'"},
    "values in": {"filter": "params.tenth IN ('1', '2')"},
    "param under a metric's order": {"filter": "params.tenth = '1'", "order_by": ["metrics.loss DESC"]},
    "metric": {"filter": "metrics.loss > 5"},
    "metric under another's order": {"filter": "metrics.loss > 5", "order_by": ["metrics.acc"]},
    "metric's order": {"order_by": ["metrics.loss"]},
    "beginning of a tag": {"filter": "tags.note LIKE 'a very%'"},
    "middle of a tag": {"filter": "tags.note LIKE '%very%'"},
    "middle of a tag, whatever its case": {"filter": "tags.note ILIKE '%VERY%'"},
    "three kinds": {"filter": "metrics.loss > 1 AND params.tenth != '1' AND tags.note LIKE '%note%'"},
    "one kind or the other": {"filter": "metrics.loss > 1 OR params.tenth = '1'"},
    "rare in one kind or the other": {"filter": "params.rare = 'needle' OR metrics.loss > 1000"},
    "below a number": {"filter": "metrics.loss < 5 AND metrics.acc BETWEEN -1 AND 1"},
    "one of several under a metric's order": {"filter": "tags.note LIKE '%nothing%'", "order_by": ["metrics.loss"]},
    "largest value": {"filter": "MAX(metrics.loss) > 5"},
    "other values": {"filter": "params.tenth != '1' AND tags.note NOT IN ('a', 'b')"},
    "not": {"filter": "NOT (params.tenth = '1' OR metrics.loss > 5)"},
    "since a time": {"filter": "start_time > 50 AND start_time < 60 AND metrics.loss > 5"},
    "name": {"filter": "run_name ILIKE '%a%'", "order_by": ["metrics.loss"]},
    "exact name": {"filter": "run_name = 'b' OR run_name LIKE 'Ab%'", "order_by": ["end_time"]},
    "deleted": {"filter": "metrics.loss > 5", "run_view_type": "DELETED_ONLY"},
    "several experiments": {"filter": "params.tenth = '1'", "experiment_ids": ["0", "77"]},
    "param's order": {"order_by": ["params.tenth"]},
    "param's order, from its end": {"order_by": ["params.tenth DESC"], "filter": "metrics.loss > 5"},
    "tag's order": {"order_by": ["tags.note"]},
    "order by what few runs have": {"order_by": ["params.rare"]},
    "order by what no run has": {"order_by": ["metrics.nothing"]},
    "end's order": {"order_by": ["end_time DESC"]},
    "end's order in several experiments": {"order_by": ["end_time"], "experiment_ids": ["0", "77"]},
    "name's order": {"order_by": ["run_name"], "filter": "params.tenth = '1'"},
    "least value's order": {"order_by": ["MIN(metrics.loss)"]},
    "largest value's order": {"order_by": ["MAX(metrics.loss) DESC"], "filter": "params.tenth = '1'"},
    "param's order, then a metric's": {"order_by": ["params.tenth", "metrics.loss DESC"]},
    "param's order, then a largest value's": {
        "order_by": ["params.tenth DESC", "MAX(metrics.acc)"],
        "filter": "metrics.loss > 5",
    },
    "two bounds of a metric": {"filter": "metrics.loss > 5 AND metrics.loss < 5.5"},
    "middle of no tag": {"filter": "tags.note LIKE '%nothing%'"},
    "value that all have": {"filter": "params.tenth NOT IN ('0', '1', '2')", "order_by": ["metrics.loss"]},
    "absent": {"filter": "params.tenth IS NULL"},
    "status": {"filter": "status = 'FAILED'"},
}
# FEW, MANY, WINDOW and FAR of `pages` under which each way to find a page is taken.
WAYS = {
    "few": (1000, 1000, 1000, 0),
    "walk": (0, 0, 1000, 0),
    "long walk": (0, 0, 20, 1000),
    "stretches": (0, 0, 20, 10**6),
    "many": (0, 1000, 1, 0),
    "whole": (0, 0, 1, 0),
}


@pytest.fixture(scope="module")
def ctx(dialect: str, databases: Databases) -> Iterator[Context]:
    settings = Settings(backend_store_uri=databases.make(dialect))
    db = open_database(settings)
    for i in range(120):
        db.write_now(partial(add_run, number=i))
    yield Context(db, settings, DEFAULT_SCOPE, db.read_now(token_key))
    db.close()


def add_run(connection: Connection, number: int) -> None:
    row = start(connection, DEFAULT_SCOPE, CreateRun(experiment_id="0", start_time=number), truncate=True)
    params = [("tenth", str(number % 10))] + ([("rare", "needle")] if number == 60 else [])
    points = {key: [(1, 1, float(number % 17), 0)] for key in ("loss", "acc")}
    batch = Batch(DEFAULT_SCOPE, row.run_id, points, [], params, {"note": f"a very short note {number}"})
    assert append_batches(connection, [batch]) == [None]
    queries.change(connection, row.id, status="FINISHED")


def asked(fields: dict[str, Any]) -> SearchRuns:
    return SearchRuns.model_validate({"experiment_ids": ["0"]} | fields, context={})


def statements(ctx: Context, fields: dict[str, Any], limit: int, pages_shown: int = 1) -> list[tuple[str, Any]]:
    """The statements of the first pages, with their values."""
    counted: list[tuple[str, Any]] = []
    pages._ways.clear()
    pages._statements.clear()  # what is kept as text goes to the driver, unseen here
    listener = lambda *args: counted.extend([args[2:4]] if args[2].startswith(("SELECT", "WITH")) else [])  # noqa: E731
    event.listen(ctx.db.read_engine, "before_cursor_execute", listener)
    try:
        token = None
        for _ in range(pages_shown):
            body = asked(fields | {"page_token": token})
            token = ctx.db.read_now(partial(routes._page, ctx=ctx, body=body, limit=limit)).token
            if token is None:
                break
    finally:
        event.remove(ctx.db.read_engine, "before_cursor_execute", listener)
    return counted


def plan(db: Database, statement: str, values: Any) -> str:
    word = "EXPLAIN QUERY PLAN" if db.dialect == "sqlite" else "EXPLAIN"
    rows = db.read_now(lambda c: c.exec_driver_sql(f"{word} {statement}", values).all())
    return "\n".join(str(row[-1]) for row in rows)


def unbounded_scans(dialect: str, plan: str) -> list[str]:
    """The steps of a plan that read one of the large tables, or one of its indexes, from end to end."""
    if dialect == "sqlite":
        return re.findall(rf"SCAN (?:{'|'.join(LARGE)}|sorted_\d)\b.*", plan)
    steps = re.split(r"\n\s*->", "\n->" + plan)
    reads = [
        step for step in steps if re.match(rf"\s*(Seq|Index|Index Only|Bitmap Index)\b.* (on|using) \S*({'|'.join(LARGE)})", step)
    ]
    return [step for step in reads if "Index Cond" not in step]


@pytest.fixture(params=WAYS)
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    for name, value in zip(("FEW", "MANY", "WINDOW", "FAR"), WAYS[request.param], strict=True):
        monkeypatch.setattr(pages, name, value)
    monkeypatch.setattr(pages, "WINDOW_PAGES", 0)
    pages._ways.clear()
    return str(request.param)


class TestPlans:
    @pytest.mark.parametrize("shape", SHAPES)
    def test_no_shape_reads_a_large_table_from_end_to_end(self, ctx: Context, way: str, shape: str) -> None:
        found = statements(ctx, SHAPES[shape], 10, pages_shown=3)
        assert found
        for statement, values in found:
            explained = plan(ctx.db, statement, values)
            assert unbounded_scans(ctx.db.dialect, explained) == [], f"{statement}\n{explained}"

    def test_what_cannot_be_is_not_asked(self, ctx: Context) -> None:
        assert statements(ctx, {"filter": "metrics.loss > 5 AND metrics.loss < 1"}, 10) == []

    @pytest.mark.parametrize("function", ["MIN", "MAX"])
    def test_the_largest_and_the_smallest_value_are_compared_in_an_index(
        self, ctx: Context, monkeypatch: pytest.MonkeyPatch, function: str
    ) -> None:
        monkeypatch.setattr(pages, "FEW", 0)
        monkeypatch.setattr(pages, "FAR", 0)
        found = statements(ctx, {"filter": f"{function}(metrics.loss) > 1000"}, 10)
        explained = [plan(ctx.db, *each) for each in found if "sort_0" not in each[0]]
        # Postgres looks at the rows of so small a table as well.
        assert f"{'COVERING INDEX ' if ctx.db.dialect == 'sqlite' else ''}ix_series_last_value" in explained[-1]

    def test_values_of_a_key_are_looked_at_once_each(self, ctx: Context, monkeypatch: pytest.MonkeyPatch) -> None:
        """However many runs have them; and a key with too many of them is found out."""
        for name, value in {"FEW": 0, "MANY": 5, "WINDOW": 1, "WINDOW_PAGES": 0, "FAR": 0}.items():
            monkeypatch.setattr(pages, name, value)
        for key, distinct in (("params.tenth", 10), ("tags.note", 120)):
            for limit in (distinct - 1, distinct + 1):
                monkeypatch.setattr(by_values, "LIMIT", limit)
                search._filters.clear()
                found = statements(ctx, {"filter": f"{key} LIKE '%nothing%'"}, 10)
                assert ("WITH RECURSIVE" in found[-1][0]) == (limit > distinct), (key, limit)

    def test_such_a_scan_would_be_seen(self, ctx: Context) -> None:
        for table in LARGE:
            explained = plan(ctx.db, f"SELECT count(*) FROM {table}", ())
            assert unbounded_scans(ctx.db.dialect, explained) != [], explained

    def test_a_name_is_found_by_its_index(self, ctx: Context) -> None:
        for text in ("run_name = 'wanted'", "run_name IN ('wanted', 'b')", "run_name LIKE 'wanted%'"):
            found = statements(ctx, {"filter": text}, 10)
            assert "ix_runs_name" in plan(ctx.db, *found[0]), text

    @pytest.mark.parametrize("shape", ["first page", "metric's order", "param under a metric's order"])
    def test_a_walk_sorts_nothing_but_ties(self, ctx: Context, monkeypatch: pytest.MonkeyPatch, shape: str) -> None:
        if ctx.db.dialect != "sqlite":
            pytest.skip("Postgres rightly sorts what is as small as here")
        monkeypatch.setattr(pages, "FEW", 0)
        walk = next(found for found in statements(ctx, SHAPES[shape], 10) if "sort_0" in found[0])
        assert "B-TREE FOR ORDER BY" not in plan(ctx.db, *walk)


class TestCosts:
    @pytest.mark.parametrize("shape", SHAPES)
    def test_statements_do_not_grow_with_the_page(self, ctx: Context, way: str, shape: str) -> None:
        """Twelve at most to find the runs. What shows them is counted with the tests of `rendered`."""
        for limit in (1, 50):
            found = [text for text, _ in statements(ctx, SHAPES[shape], limit)]
            assert len([text for text in found if "sort_0" in text or "count(*)" in text]) <= FINDING
            assert len(found) <= FINDING + 7
        assert len(statements(ctx, SHAPES[shape], 50)) <= FINDING

    @pytest.mark.parametrize("shape", SHAPES)
    def test_what_is_asked_again_is_kept_as_text_and_answered_alike(self, ctx: Context, way: str, shape: str) -> None:
        pages._statements.clear()
        shown: list[list[bytes]] = []
        for _ in range(3):
            token, found = None, []
            for _ in range(3):  # each page starts elsewhere, with the same text
                body = asked(SHAPES[shape] | {"page_token": token})
                page = ctx.db.read_now(partial(routes._page, ctx=ctx, body=body, limit=2))
                found += page.rendered
                token = page.token
                if token is None:
                    break
            shown.append(found)
        assert shown[0] == shown[1] == shown[2]
        assert len(shown[0]) == len(set(shown[0]))

    def test_a_text_that_is_kept_sees_what_was_written(self, ctx: Context) -> None:
        body = {"filter": "params.tenth = 'later' OR run_name = 'later'", "order_by": ["metrics.loss"]}
        for number in range(4):
            page = ctx.db.read_now(lambda c: routes._page(c, ctx, asked(body), 10))
            assert len(page.rendered) == number
            ctx.db.write_now(lambda c: start(c, DEFAULT_SCOPE, CreateRun(experiment_id="0", run_name="later"), truncate=True))
