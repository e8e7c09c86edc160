"""Groups of runs against figures that NumPy works out of the points that were logged: every axis, zoom, step grid, sealed and not."""

from __future__ import annotations

import itertools
import json
import math
import struct
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from sqlalchemy import event

from runstone.app import open_database
from runstone.core.db import Database, raw_rows
from runstone.core.scope import DEFAULT_SCOPE
from runstone.runs import (
    panel_gathering,
    panel_groups,
    panel_heads,
    panel_lines,
    panel_members,
    panel_reading,
    panel_statistics,
    seal_job,
)
from runstone.runs.chosen import Which
from runstone.runs.panel_groups import Asked
from runstone.settings import Settings
from tests.conftest import Databases
from tests.runs.test_panels import BEGAN, Point, log, run


@dataclass
class Line:
    head: dict[str, Any]
    x: Any
    mean: Any
    median: Any
    std: Any
    low: Any
    high: Any
    runs: Any
    odd: Any
    flags: Any


@pytest.fixture(scope="module")
def db(dialect: str, databases: Databases) -> Iterator[Database]:
    found = open_database(Settings(backend_store_uri=databases.make(dialect)))
    yield found
    found.close()


def opened(found: bytes) -> tuple[dict[str, Any], list[Line]]:
    """The answer as static/js/panel-data.js reads it."""
    length = struct.unpack_from("<I", found)[0]
    head = json.loads(found[4 : 4 + length])
    at, columns = 4 + length, []
    for kind, names in (("<f8", 6), ("<u4", 2), ("u1", 1)):
        for group in head["groups"]:
            made = []
            for _ in range(names):
                made.append(np.frombuffer(found, kind, group["parts"], at))
                at += group["parts"] * np.dtype(kind).itemsize
            columns.append(made)
    assert at == len(found)
    number = len(head["groups"])
    return head, [
        Line(group, *(one for part in range(3) for one in columns[part * number + i])) for i, group in enumerate(head["groups"])
    ]


def draw(db: Database, run_ids: list[str], key: str = "m", **asked: Any) -> tuple[dict[str, Any], list[Line]]:
    by = asked.pop("by", (("params", "g"),))
    found = db.read_now(lambda c: panel_groups.draw(c, DEFAULT_SCOPE, Asked(Which(run_ids=tuple(run_ids)), by, key, **asked)))
    assert found is not None
    return opened(found)


def placed(points: list[Point], axis: str) -> tuple[Any, Any]:
    origin = BEGAN if axis == "relative" else 0
    pairs = sorted((float(step if axis == "step" else time - origin), value) for time, step, value in points)
    return np.array([x for x, _ in pairs]), np.array([y for _, y in pairs])


def expected(series: list[tuple[Any, Any]], places: Any, last: float = math.inf) -> dict[str, Any]:
    """By the words of panel_statistics.py: each run by its mean at a place, else by the line between its points."""
    edges = np.append(places, np.nextafter(last, np.inf))
    own = np.full((len(series), len(places)), np.nan)
    low, high, odd = np.full(len(places), np.inf), np.full(len(places), -np.inf), np.zeros(len(places), int)
    for i, (x, y) in enumerate(series):
        has: list[tuple[float, int, float]] = []  # of each place with points: its x, number, mean
        for k in range(len(places)):
            here = y[(x >= edges[k]) & (x < edges[k + 1])]
            finite = here[np.isfinite(here)]
            odd[k] += len(finite) < len(here)
            if len(finite):
                own[i, k] = finite.mean()
                low[k], high[k] = min(low[k], finite.min()), max(high[k], finite.max())
            if len(here):
                has.append((places[k], k, own[i, k]))
        before, after = np.flatnonzero(x < places[0]), np.flatnonzero(x > last)
        has = [(x[n], -1, y[n]) for n in before[-1:]] + has + [(x[n], len(places), y[n]) for n in after[:1]]
        for (x0, k0, y0), (x1, k1, y1) in itertools.pairwise(has):
            for k in range(k0 + 1, k1) if np.isfinite(y0) and np.isfinite(y1) else ():
                own[i, k] = y0 + (y1 - y0) * (places[k] - x0) / (x1 - x0)
    counts = np.isfinite(own).sum(axis=0)
    with warnings.catch_warnings(action="ignore"):  # of places where no run has a value
        low, high = np.fmin(low, np.nanmin(own, axis=0)), np.fmax(high, np.nanmax(own, axis=0))
        mean, median = np.nanmean(own, axis=0), np.nanmedian(own, axis=0)
        std = np.where(counts > 1, np.nanstd(own, axis=0, ddof=1), np.nan)
    low[counts == 0] = high[counts == 0] = np.nan
    return {"mean": mean, "median": median, "std": std, "low": low, "high": high, "runs": counts, "odd": odd}


def same(line: Line, wanted: dict[str, Any]) -> None:
    for name, values in wanted.items():
        assert np.allclose(getattr(line, name), values, rtol=1e-9, atol=1e-9, equal_nan=True), name


def noisy(seed: int, steps: Any) -> list[Point]:
    noise = np.random.default_rng(seed).normal(0, 1, len(steps))
    return [(BEGAN + 10 * int(step), int(step), float(value)) for step, value in zip(steps, noise, strict=True)]


def grouped(db: Database, name: str, series: list[list[Point]], *, seal: bool = False) -> list[str]:
    """A run for each series, in the groups a, b, a, b ...; where they are sealed, all but the last hundred points are."""
    ids = [run(db, f"{name} {i}") for i in range(len(series))]
    cut = 100 if seal else 0
    for i, (run_id, points) in enumerate(zip(ids, series, strict=True)):
        log(db, run_id, "m", points[: len(points) - cut], params=[("g", "ab"[i % 2])])
    if seal:
        seal_job.seal_everything(db)
        for run_id, points in zip(ids, series, strict=True):
            log(db, run_id, "m", points[len(points) - cut :])
    return ids


GRIDS: dict[str, Callable[[int], Any]] = {
    "same": lambda i: range(300),
    "sparse and dense": lambda i: range(i, 900, [1, 7, 50][i % 3]),
    "apart": lambda i: range(100 * i, 100 * i + 150),
    "few": lambda i: range(0, 1000, 250),
    "one": lambda i: [10 * i],
}


class TestFigures:
    @pytest.mark.parametrize("grid", GRIDS)
    def test_are_those_that_numpy_finds(self, db: Database, grid: str) -> None:
        series = [noisy(i, list(GRIDS[grid](i))) for i in range(7)]
        for i in (1, 4):
            series[i][len(series[i]) // 2] = (*series[i][len(series[i]) // 2][:2], [math.nan, math.inf][i == 4])
        ids = grouped(db, f"figures {grid}", series)
        for axis, width in (("step", 400), ("step", 30), ("time", 50), ("relative", 50)):
            ends = [placed(points, axis) for points in series]
            least, most = min(x[0] for x, _ in ends), max(x[-1] for x, _ in ends)
            for first, last in ((None, None), (least + 0.2 * (most - least), least + 0.5 * (most - least) + 1)):
                head, lines = draw(db, ids, axis=axis, width=width, first=first, last=last)
                assert head["extent"] == [least, most]
                assert (head["runs"], head["measured"], head["total"], head["coarse"]) == (7, 7, 7, False)
                places = np.unique(np.concatenate([line.x for line in lines]))
                assert len(places) <= 2 * width
                for line, some in zip(lines, (ends[::2], ends[1::2]), strict=True):
                    wanted = expected(some, places, math.inf if last is None else last)
                    held = (wanted["runs"] > 0) | (wanted["odd"] > 0)
                    assert list(line.x) == list(places[held])
                    same(line, {name: values[held] for name, values in wanted.items()})

    def test_of_sealed_points_are_the_same_where_each_is_seen(self, db: Database) -> None:
        """And from further away no extreme is lost, and none is far from its place."""
        series = [noisy(20 + i, range(0, 5000 * (1 + i % 2), 1 + i % 2)) for i in range(6)]
        series[2][2345] = (*series[2][2345][:2], 1e6)
        ids = grouped(db, "sealed", series, seal=True)
        ends = [placed(points, "step") for points in series]
        for first, last in ((2300.0, 2500.0), (4880.0, 5100.0)):
            _, lines = draw(db, ids, first=first, last=last, width=200)
            for line, some in zip(lines, (ends[::2], ends[1::2]), strict=True):
                same(line, expected(some, line.x, last))
        _, (line, other) = draw(db, ids, width=40)
        values = np.concatenate([y for _, y in ends[::2]])
        assert (line.high.max(), line.low.min()) == (values.max(), values.min())
        at = int(np.argmax(line.high))
        assert line.x[at] - 125 <= 2345 <= line.x[at] + 2 * 125
        assert np.allclose(other.mean[5:15], 0, atol=0.2)

    def test_of_the_largest_doubles_are_doubles(self, db: Database) -> None:
        ids = grouped(db, "huge", [[(BEGAN, 1, value)] for value in (1.7e308, 0.0, 1.6e308, 0.0, 1.5e308)])
        _, (line, _) = draw(db, ids)
        assert line.mean[0] == pytest.approx(1.6e308)
        assert line.median[0] == 1.6e308
        assert line.std[0] == pytest.approx(1e307)

    def test_last_values_stand_at_the_place_of_their_group(self, db: Database) -> None:
        ids = grouped(db, "last", [[(BEGAN, 1, 9.0), (BEGAN, 2, value)] for value in (1.0, 5.0, 3.0, math.nan)])
        head, (a, b) = draw(db, ids, axis="place")
        assert (head["axis"], head["extent"]) == ("place", [0.5, 2.5])
        assert ([*a.x, *a.mean, *a.low, *a.high, *a.runs], [*b.x, *b.mean, *b.runs, *b.odd]) == ([1, 2, 1, 3, 2], [2, 5, 1, 1])
        assert ([*b.flags], math.isnan(b.std[0])) == ([1], True)

    def test_by_another_metric(self, db: Database) -> None:
        ids = grouped(db, "against", [[(BEGAN, 5, float(i))] for i in range(4)])
        more = [run(db, f"against more {i}") for i in range(2)]
        for i, run_id in enumerate(ids):
            log(db, run_id, "size", [(BEGAN, [1, 1, 1, 9][i], 10.0 * i)])  # that of the last comes too late
        for i, run_id in enumerate(more):
            log(db, run_id, "m", [(BEGAN + n, n, 100.0 + n) for n in range(10)], params=[("g", "a")])
            log(db, run_id, "size", [(BEGAN, 0, 7.0 + i)])
        _, (a, b) = draw(db, [*ids, *more], axis="metrics.size", width=400)
        assert [list(a.x), list(b.x), list(b.mean)] == [[0, 7, 8, 20], [10], [1]]
        assert list(a.mean) == pytest.approx([0, 104.5, 104.5, 2])
        assert (a.low[1], a.high[1], a.runs[1]) == (100, 109, 1)
        head, _ = draw(db, ids, axis="metrics.never")
        assert head["runs"] == 0

    def test_on_a_logarithmic_axis(self, db: Database) -> None:
        series = [noisy(40 + i, range(0, 4000, 3)) for i in range(4)]
        ids = grouped(db, "log", series)
        head, lines = draw(db, ids, log=True, width=20)
        assert head["extent"] == [3, 3999]
        shown = [(x[x > 0], y[x > 0]) for x, y in (placed(points, "step") for points in series)]
        for line, some in zip(lines, (shown[::2], shown[1::2]), strict=True):
            assert len(line.x) <= 20
            same(line, expected(some, line.x))


class TestGroups:
    def test_stand_in_the_order_of_their_values(self, db: Database) -> None:
        values = ["b10", "10", "b2", "0.5", None, "1e-3", "a"]
        ids = [run(db, f"order {i}") for i in range(len(values))]
        for run_id, value in zip(ids, values, strict=True):
            log(db, run_id, "m", [(BEGAN, 1, 1.0)], params=[("g", value), ("h", "x")] if value else [("h", "x")])
        head, _ = draw(db, ids, by=(("params", "g"), ("params", "h")), shown=(ids[0], ids[4]))
        assert [group["values"][0] for group in head["groups"]] == ["1e-3", "0.5", "10", "a", "b2", "b10", None]
        assert head["groups"][0]["values"][1] == "x"
        assert head["shown"] == {ids[0]: 5, ids[4]: 6}

    def test_have_the_runs_without_the_metric_too(self, db: Database) -> None:
        ids = grouped(db, "without", [[(BEGAN, 1, 1.0)], [], [], []])
        head, (a, b) = draw(db, ids)
        assert [(line.head["size"], line.head["measured"], line.head["runs"]) for line in (a, b)] == [(2, 1, 1), (2, 0, 0)]
        assert (head["total"], head["measured"], head["live"]) == (4, 1, True)
        assert draw(db, ids, "never")[0]["measured"] == 0
        assert draw(db, ["x"])[0]["groups"] == []

    def test_that_did_not_change_are_not_sent_again(self, db: Database) -> None:
        ids = grouped(db, "seen", [[(BEGAN, 1, 1.0)], [(BEGAN, 1, 1.0)]])
        asked = Asked(Which(run_ids=tuple(ids)), (("params", "g"),), "m", seen=draw(db, ids)[0]["version"])
        assert db.read_now(lambda c: panel_groups.draw(c, DEFAULT_SCOPE, asked)) is None
        log(db, ids[0], "m", [(BEGAN, 2, 1.0)])
        assert db.read_now(lambda c: panel_groups.draw(c, DEFAULT_SCOPE, asked)) is not None


class TestCosts:
    def test_a_fixed_number_of_statements(self, db: Database, monkeypatch: pytest.MonkeyPatch) -> None:
        counted: list[str] = []

        def counting(connection: Any, sql: str, values: Any) -> Any:
            counted.append(sql)
            return raw_rows(connection, sql, values)

        def listener(*args: Any) -> None:
            counted.extend([args[2]] if args[2].startswith("SELECT") else [])

        for module in (panel_gathering, panel_heads, panel_lines, panel_reading):
            monkeypatch.setattr(module, "raw_rows", counting)
        event.listen(db.read_engine, "before_cursor_execute", listener)
        costs = []
        for number in (2, 40):
            ids = grouped(db, f"costs {number}", [noisy(i, range(30)) for i in range(number)])
            draw(db, ids)  # names of keys are known from now on
            counted.clear()
            draw(db, ids, shown=tuple(ids))
            loose = len(counted)
            seal_job.seal_everything(db)
            counted.clear()
            draw(db, ids, axis="place")
            costs.append((loose, len(counted)))
        event.remove(db.read_engine, "before_cursor_execute", listener)
        assert costs == [
            (3, 1),
            (3, 1),
        ]  # the runs, their points, the groups of those that are shown; last values are in the first

    def test_of_sealed_points_once_they_are_known(self, db: Database, monkeypatch: pytest.MonkeyPatch) -> None:
        read: list[str] = []

        def counting(connection: Any, sql: str, values: Any) -> Any:
            read.append(sql)
            return raw_rows(connection, sql, values)

        for module in (panel_gathering, panel_heads, panel_lines, panel_reading):
            monkeypatch.setattr(module, "raw_rows", counting)
        ids = grouped(db, "costs sealed", [noisy(80 + i, range(5000)) for i in range(6)], seal=True)
        draw(db, ids, width=100)
        first = len(read)
        read.clear()
        draw(db, ids, width=100)
        assert (first, len(read)) == (
            4,
            2,
        )  # versions and heads of chunks, points outside of them, chunks; of these the first and the third
        assert not any("numbers" in sql for sql in read), "what is kept of chunks is not read again"


class TestBounds:
    def test_the_newest_runs_of_each_group_are_in_it_and_the_head_says_how_many(
        self,
        db: Database,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        series = [[(BEGAN + n, n, float(i)) for n in range(5)] for i in range(8)]
        ids = grouped(db, "bounds", [*series, [(BEGAN, 2, 50.0)], [(BEGAN, 2, 50.0)]])
        monkeypatch.setattr(panel_gathering, "HOT_LIMIT", 20)
        head, lines = draw(db, ids)
        assert (head["runs"], head["measured"]) == (6, 10)  # four of five points, and both of one
        assert [line.head["runs"] for line in lines] == [3, 3]
        assert [line.head["measured"] for line in lines] == [5, 5]
        monkeypatch.setattr(panel_members, "MEMBERS_LIMIT", 6)
        head, _ = draw(db, ids)
        assert (head["looked_at"], head["total"]) == (6, 10)
        monkeypatch.setattr(panel_members, "GROUPS_LIMIT", 1)
        head, lines = draw(db, ids)
        assert (len(lines), head["more_groups"]) == (1, 1)

    def test_few_places_hold_what_many_would(self, db: Database, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(panel_statistics, "VALUES_LIMIT", 500)
        series = [noisy(60 + i, range(i, 900, 90)) for i in range(20)]
        ids = grouped(db, "few places", series)
        ends = [placed(points, "step") for points in series]
        _, lines = draw(db, ids)
        assert max(len(line.x) for line in lines) <= 40
        for line, some in zip(lines, (ends[::2], ends[1::2]), strict=True):
            same(line, expected(some, line.x))
