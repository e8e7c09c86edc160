"""Panels against points kept in plain Python: sealed, hot and late ones, NaN and infinities, on every axis and zoom."""

from __future__ import annotations

import bisect
import itertools
import json
import math
import random
import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest

from runstone.app import open_database
from runstone.core.db import Database, raw_rows
from runstone.core.scope import DEFAULT_SCOPE
from runstone.errors import InvalidParameter
from runstone.experiments import queries as experiments
from runstone.runs import panel_heads, panel_lines, panel_reading, panels, seal_job
from runstone.runs.append import append_batches
from runstone.runs.batch import Batch
from runstone.runs.panels import Asked
from runstone.runs.queries import RunRow, create_all
from runstone.settings import Settings
from tests.conftest import Databases

Point = tuple[int, int, float]  # timestamp, step, value
NAN, UP, DOWN, EMPTY = 1, 2, 4, 8
BEGAN = 1_700_000_000_000


@dataclass
class Line:
    """A line of the answer."""

    head: dict[str, Any]
    x: list[float]
    y: list[float]
    low: list[float] = field(default_factory=list)
    high: list[float] = field(default_factory=list)
    flags: bytes = b""


def opened(answer: bytes) -> tuple[dict[str, Any], list[Line]]:
    (length,) = struct.unpack_from("<I", answer)
    head = json.loads(answer[4 : 4 + length])
    at, lines = 4 + length, []
    assert at % 8 == 0
    for line in head["lines"]:
        columns = []
        for _ in range(2 if line["exact"] else 4):
            columns.append(list(struct.unpack_from(f"<{line['parts']}d", answer, at)))
            at += 8 * line["parts"]
        x, y, low, high = [*columns, [], []][:4]
        lines.append(Line(line, x, y, low, high))
    for line in lines:
        line.flags = answer[at : at + line.head["parts"]]
        at += line.head["parts"]
    assert at == len(answer)
    return head, lines


@pytest.fixture(scope="module")
def db(dialect: str, databases: Databases) -> Iterator[Database]:
    found = open_database(Settings(backend_store_uri=databases.make(dialect)))
    yield found
    found.close()


def run(db: Database, name: str, *, started: int = BEGAN) -> str:
    run_id = f"{abs(hash((name, db.dialect))):032x}"[:32]

    def make(connection: Any) -> None:
        number = experiments.create(connection, DEFAULT_SCOPE, f"of {name}", None, "x", [])
        assert number is not None
        create_all(connection, DEFAULT_SCOPE, [RunRow(0, run_id, number, name, "u", "RUNNING", started, None, "active", "x")], [])

    db.write_now(make)
    return run_id


def log(db: Database, run_id: str, key: str, points: list[Point], **more: Any) -> None:
    listed = [(time, step, 0.0 if math.isnan(value) else value, int(math.isnan(value))) for time, step, value in points]
    batch = Batch(DEFAULT_SCOPE, run_id, {key: listed} if listed else {}, **more)
    assert db.write_now(lambda c: append_batches(c, [batch])) == [None]


def draw(db: Database, run_ids: list[str], key: str, **asked: Any) -> tuple[dict[str, Any], list[Line]]:
    found = db.read_now(lambda c: panels.draw(c, DEFAULT_SCOPE, Asked(tuple(run_ids), key, **asked)))
    assert found is not None
    return opened(found)


def check(line: Line, placed: list[tuple[float, float]], first: float, last: float, width: int) -> None:
    """`placed`: every point as (x, value), each x once. Each part must be exactly what its stretch of points holds."""
    placed = sorted(placed)
    shown = [i for i, (x, _) in enumerate(placed) if first <= x <= last]
    if line.head["exact"]:
        start, end = (shown[0], shown[-1] + 1) if shown else (0, 0)
        if shown:
            assert [x for x, _ in placed[max(0, start - 1) : end + 1]] == line.x
        by_x = dict(placed)
        for x, y, flags in zip(line.x, line.y, line.flags, strict=True):
            check_part([by_x[x]], y, y, y, flags)
        return
    assert line.x == sorted(set(line.x))
    assert len(line.x) <= width + 2
    places = [x for x, _ in placed]
    assert set(places) >= set(line.x)
    inside = [i for i, x in enumerate(line.x) if first <= x <= last]
    assert not inside or inside[0] <= 1
    assert bool(inside) == bool(shown)
    for i in inside[:-1]:
        begin, end = (bisect.bisect_left(places, x) for x in line.x[i : i + 2])
        stretch = [value for _, value in placed[begin:end]]
        check_part(stretch, line.y[i], line.low[i], line.high[i], line.flags[i])


def check_part(values: list[float], mean: float, low: float, high: float, flags: int) -> None:
    finite = [value for value in values if math.isfinite(value)]
    assert bool(flags & NAN) == any(map(math.isnan, values))
    assert bool(flags & UP) == (math.inf in values)
    assert bool(flags & DOWN) == (-math.inf in values)
    assert bool(flags & EMPTY) == (not finite)
    if not finite:
        assert math.isnan(mean)
        assert math.isnan(low)
        assert math.isnan(high)
        return
    assert (low, high) == (min(finite), max(finite))
    assert low <= mean <= high
    assert math.isclose(mean, math.fsum(value / len(finite) for value in finite), rel_tol=1e-9, abs_tol=1e-9)


def made(seed: int, number: int) -> list[Point]:
    """Rising times and steps, with a spike, NaN and infinities here and there."""
    choose = random.Random(seed)
    points, time, step = [], BEGAN, 0
    for i in range(number):
        time += choose.choice((1, 1, 1, 50))
        step += choose.choice((1, 1, 3))
        value = choose.gauss(0, 1)
        if choose.random() < 0.01:
            value = choose.choice((math.nan, math.inf, -math.inf))
        points.append((time, step, 1e6 if i == number * 2 // 3 else value))
    return points


def windows(first: float, last: float) -> Iterator[tuple[float | None, float | None]]:
    yield None, None
    for begin, end in ((0.0, 0.5), (0.3, 0.35), (0.66, 0.67), (0.5, 0.5001), (0.9, 1.2)):
        yield first + begin * (last - first), first + end * (last - first)


class TestExactness:
    @pytest.mark.parametrize(("number", "kept"), [(3, 0), (300, 0), (1500, 0), (6000, 1500), (8000, 0)])
    @pytest.mark.parametrize("axis", ["step", "time", "relative"])
    def test_of_every_part_at_every_zoom(self, db: Database, number: int, kept: int, axis: str) -> None:
        """The first points are sealed, `kept` of them are not."""
        points = made(number + kept, number)
        run_id = run(db, f"{number} {kept} {axis}")
        log(db, run_id, "m", points[: number - kept])
        seal_job.seal_everything(db)
        log(db, run_id, "m", points[number - kept :])
        origin = BEGAN if axis == "relative" else 0
        placed = [(float(step if axis == "step" else time - origin), value) for time, step, value in points]
        for width in (5, 50, 400):
            for first, last in windows(placed[0][0], placed[-1][0]):
                head, (line,) = draw(db, [run_id], "m", axis=axis, first=first, last=last, width=width)
                assert head["extent"] == [placed[0][0], placed[-1][0]]
                assert not head["coarse"]
                low, high = (head["extent"]) if first is None or last is None else (first, last)
                check(line, placed, low, high, width)
        assert line.head["points"] == number

    def test_of_late_points_in_any_order(self, db: Database) -> None:
        points = made(5, 6000)
        shuffled = [
            (time, step, value)
            for (time, _, value), (_, step, _) in zip(points, random.Random(1).sample(points, 6000), strict=True)
        ]
        run_id = run(db, "late")
        log(db, run_id, "m", shuffled[:4000])
        seal_job.seal_everything(db)
        log(db, run_id, "m", shuffled[3000:])  # a thousand of them again
        for axis, place in (("step", 1), ("time", 0)):
            placed = [(float(point[place]), point[2]) for point in shuffled]
            ends = min(x for x, _ in placed), max(x for x, _ in placed)
            for first, last in windows(*ends):
                _, (line,) = draw(db, [run_id], "m", axis=axis, first=first, last=last, width=100)
                check(line, placed, *(ends if first is None or last is None else (first, last)), 100)
        assert line.head["points"] == 6000

    def test_of_series_that_go_on_between_the_looks(self, db: Database) -> None:
        """What is known of the chunks is known anew: after more chunks, late points in old ones, and a number that a new chunk got."""
        points = made(9, 9000)
        late = [point for i, point in enumerate(points[:4000]) if i % 50 == 7]
        run_id, placed = run(db, "goes on"), [(float(step), value) for _, step, value in points]
        looks = (
            [point for point in points[:3000] if point not in late],
            [*points[3000:3100], *late[:10]],  # folded into the first chunks, and into the last one
            [*late[:10], *late[10:]],
            points[3100:],
        )
        logged: set[Point] = set()
        for more in looks:
            for _ in range(2):  # again: they are all there, and change nothing
                log(db, run_id, "m", more)
                seal_job.seal_everything(db)
                logged |= set(more)
                here = sorted((float(step), value) for _, step, value in logged)
                for first, last in ((None, None), (placed[100][0], placed[2500][0]), (placed[2900][0], placed[3300][0])):
                    _, (line,) = draw(db, [run_id], "m", first=first, last=last, width=30)
                    check(line, here, *((here[0][0], here[-1][0]) if first is None or last is None else (first, last)), 30)
                    assert line.head["points"] == len(here)

    def test_on_a_logarithmic_axis(self, db: Database) -> None:
        points = made(7, 6000)
        run_id = run(db, "log")
        log(db, run_id, "m", points)
        seal_job.seal_everything(db)
        placed = [(float(step), value) for _, step, value in points]
        for first, last in ((None, None), (1.0, 50.0), (100.0, 9000.0)):
            head, (line,) = draw(db, [run_id], "m", log=True, first=first, last=last, width=60)
            check(line, placed, first or head["extent"][0], last or head["extent"][1], 60)
        assert head["extent"][0] > 0

    def test_a_spike_of_one_step_is_in_a_part_of_one_pixel(self, db: Database) -> None:
        points = [(BEGAN + i, i, 1e9 if i == 6180 else 0.5) for i in range(10_000)]
        run_id = run(db, "spike")
        log(db, run_id, "m", points)
        seal_job.seal_everything(db)
        for first, last in ((None, None), (5000, 7000), (6100, 6200), (6178, 6182)):
            head, (line,) = draw(db, [run_id], "m", first=first, last=last, width=40)
            low, high = head["extent"] if first is None or last is None else (first, last)
            tops = line.y if line.head["exact"] else line.high
            at = tops.index(1e9)
            assert line.x[at] <= 6180 < (line.x[at + 1] if at + 1 < len(line.x) else math.inf)
            if not line.head["exact"]:
                assert line.x[at + 1] - line.x[at] <= 2 * (high - low) / 40

    def test_steps_as_far_apart_as_integers_reach(self, db: Database) -> None:
        run_id = run(db, "far")
        log(db, run_id, "m", [(1, -(2**63), 1.0), (2, 0, 1.7976931348623157e308), (3, 2**63 - 1, -1.7976931348623157e308)])
        _, (line,) = draw(db, [run_id], "m")
        assert line.x == [-(2.0**63), 0.0, 2.0**63]
        assert line.y == [1.0, 1.7976931348623157e308, -1.7976931348623157e308]


class TestAnotherMetric:
    def test_is_the_axis_by_its_value_at_the_step_or_before(self, db: Database) -> None:
        run_id = run(db, "by metric")
        losses = [(BEGAN + i, i, i * 0.5) for i in range(10)]
        log(db, run_id, "loss", losses)
        log(db, run_id, "epoch", [(BEGAN + 100, 2, 3.0), (BEGAN + 100, 5, 1.0), (BEGAN + 100, 8, math.nan)])
        head, (line,) = draw(db, [run_id], "loss", axis="metrics.epoch")
        assert list(zip(line.x, line.y, strict=True)) == [(1.0, 2.5), (1.0, 3.0), (1.0, 3.5), (3.0, 1.0), (3.0, 1.5), (3.0, 2.0)]
        assert head["axis"] == "value"

    def test_leaves_out_runs_without_it(self, db: Database) -> None:
        one, other = run(db, "with"), run(db, "without")
        for run_id in (one, other):
            log(db, run_id, "loss", [(1, 1, 1.0)])
        log(db, one, "epoch", [(1, 1, 1.0)])
        _, lines = draw(db, [one, other], "loss", axis="metrics.epoch")
        assert [line.head["id"] for line in lines] == [one]
        assert draw(db, [one, other], "loss", axis="metrics.never")[1] == []

    def test_keeps_extremes_when_points_are_many(self, db: Database) -> None:
        run_id = run(db, "many by metric")
        log(db, run_id, "loss", [(BEGAN + i, i, 9.0 if i == 777 else 0.0) for i in range(5000)])
        log(db, run_id, "epoch", [(BEGAN + i, i, float(i // 100)) for i in range(0, 5000, 100)])
        seal_job.seal_everything(db)
        _, (line,) = draw(db, [run_id], "loss", axis="metrics.epoch", width=20)
        assert max(line.high) == 9.0
        assert line.high.index(9.0) == line.x.index(max(x for x in line.x if x <= 7.0))


class TestManyRuns:
    def test_are_in_the_order_asked_for_and_unknown_ones_left_out(self, db: Database) -> None:
        ids = [run(db, f"many {i}") for i in range(5)]
        for i, run_id in enumerate(ids[:4]):
            log(db, run_id, "m", [(BEGAN, i, 1.0), (BEGAN + 9, 10 * i, 2.0)], params=[("lr", str(i % 2))] if i else [])
        head, lines = draw(db, [ids[3], "x" * 32, ids[4], ids[0], ids[1], ids[3]], "m", group="params.lr")
        assert [line.head["id"] for line in lines] == [ids[3], ids[0], ids[1]]
        assert [line.head["group"] for line in lines] == ["1", None, "1"]
        assert head["extent"] == [0, 30]
        assert head["live"] is True
        assert draw(db, ids, "never")[1] == draw(db, [], "m")[1] == []

    def test_cost_a_fixed_number_of_statements(self, db: Database, monkeypatch: pytest.MonkeyPatch) -> None:
        counted: list[str] = []

        def counting(real: Any) -> Any:
            def rows(connection: Any, sql: str, values: Any) -> Any:
                counted.append(sql)
                return real(connection, sql, values)

            return rows

        for module in (panels, panel_heads, panel_lines, panel_reading):
            monkeypatch.setattr(module, "raw_rows", counting(raw_rows))
        costs, again = [], []
        for number in (2, 40):
            ids = [run(db, f"cost {number} {i}") for i in range(number)]
            for run_id in ids:
                log(db, run_id, "m", [(BEGAN + i, i, 1.0) for i in range(1000)])
            counted.clear()
            draw(db, ids, "m")
            costs.append(len(counted))
            seal_job.seal_everything(db)
            draw(db, ids, "m")
            counted.clear()
            draw(db, ids, "m", width=4)  # so narrow that no chunk is read
            again.append(len(counted))
            assert not any("min_value" in sql for sql in counted), "what is known of chunks is not asked for again"
        assert costs[0] == costs[1] <= 3
        assert again == [2, 2]

    def test_that_have_not_changed_cost_no_answer(self, db: Database) -> None:
        run_id = run(db, "unchanged")
        log(db, run_id, "m", [(1, 1, 1.0)])
        head, _ = draw(db, [run_id], "m")
        asked = Asked((run_id,), "m", seen=head["version"])
        assert db.read_now(lambda c: panels.draw(c, DEFAULT_SCOPE, asked)) is None
        log(db, run_id, "m", [(2, 2, 1.0)])
        assert db.read_now(lambda c: panels.draw(c, DEFAULT_SCOPE, asked)) is not None


class TestBounds:
    def test_beyond_its_limit_a_panel_is_coarse_and_still_exact(self, db: Database, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(panel_lines.Budget.__init__, "__defaults__", (1000,))
        points = made(11, 6000)
        run_id = run(db, "coarse")
        log(db, run_id, "m", points)
        seal_job.seal_everything(db)
        head, (line,) = draw(db, [run_id], "m")
        assert head["coarse"] is True
        assert max(line.high) == 1e6
        finite = [value for _, _, value in points if math.isfinite(value)]
        assert min(low for low in line.low if not math.isnan(low)) == min(finite)

    def test_too_many_points_by_another_metric_are_refused_in_words(self, db: Database, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(panel_lines, "POINTS_LIMIT", 3)
        run_id = run(db, "refused")
        for key in ("loss", "epoch"):
            log(db, run_id, key, [(i, i, 1.0) for i in range(5)])
        with pytest.raises(InvalidParameter, match="hide some of the runs"):
            draw(db, [run_id], "loss", axis="metrics.epoch")

    def test_what_is_kept_in_memory_stays_small(self, monkeypatch: pytest.MonkeyPatch) -> None:
        import numpy as np

        monkeypatch.setattr(panel_lines, "KEPT_BYTES", 10_000)
        kept = panel_lines._Kept()
        for i in range(100):
            kept.put((i,), np.zeros((6, 32)))
        assert kept._bytes <= 10_000
        assert kept.get([(99,), (0,)])[1] is None
        assert sum(parts is not None for parts in kept.get([(i,) for i in range(100)])) == 10_000 // (6 * 32 * 8)


def test_pairs_of_the_oracle_can_fail() -> None:
    with pytest.raises(AssertionError):
        check_part([1.0, 2.0], 1.5, 1.0, 1.9, 0)
    assert list(itertools.islice(windows(0, 1), 1)) == [(None, None)]
