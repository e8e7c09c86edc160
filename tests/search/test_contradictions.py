"""Filters that nothing can fit are known without a look at the database, and no others are taken for such."""

from __future__ import annotations

import pytest

from runstone.runs.search import filter_of
from runstone.search.intervals import Interval, interval_of

NOTHING = [
    "metrics.a > 5 AND metrics.a < 1",
    "metrics.a > 5 AND LATEST(metrics.a) < 1",
    "metrics.a > 1 AND metrics.a < 1",
    "metrics.a >= 1 AND metrics.a < 1",
    "metrics.a = 1 AND metrics.a = 2",
    "metrics.a = 1 AND metrics.a > 1",
    "metrics.a IN (1, 2) AND metrics.a > 2",
    "metrics.a IN (1, 2) AND metrics.a IN (3, 4)",
    "metrics.a BETWEEN 5 AND 1",
    "metrics.a BETWEEN 1 AND 2 AND metrics.a BETWEEN 3 AND 4",
    "MAX(metrics.a) > 5 AND MAX(metrics.a) < 1",
    "metrics.a IS NULL AND metrics.a > 1",
    "start_time > 10 AND attributes.Created < 5",
    "end_time > 10 AND end_time < 5",
    "params.a = 'x' AND params.a = 'y'",
    "params.a IN ('x', 'y') AND parameters.a = 'z'",
    "params.a IS NULL AND params.a LIKE 'x%'",
    "status = 'RUNNING' AND status = 'FINISHED'",
    "run_name = 'a' AND attributes.`Run name` = 'b'",
    "tags.t = 'x' AND (metrics.a > 5 AND (tags.t != 'y' AND metrics.a < 1))",
    "(metrics.a > 5 AND metrics.a < 1) OR (params.a = 'x' AND params.a = 'y')",
    "tags.t = 'x' AND (metrics.a BETWEEN 2 AND 1 OR params.a = 'x' AND params.a = 'y')",
]
SOMETHING = [
    "metrics.a > 5 OR metrics.a < 1",
    "metrics.a > 5 AND metrics.b < 1",
    "metrics.a >= 1 AND metrics.a <= 1",
    "MAX(metrics.a) > 5 AND MIN(metrics.a) < 1",
    "MAX(metrics.a) > 5 AND metrics.a < 1",
    "metrics.a != 1 AND metrics.a = 2",
    "metrics.a IN (1, 2) AND metrics.a > 1",
    "metrics.a IS NULL AND metrics.b > 1",
    "metrics.a IS NULL AND metrics.a IS NULL",
    "metrics.a = 9007199254740993 AND metrics.a = 9007199254740992",  # one and the same double
    "start_time > 9007199254740992 AND start_time <= 9007199254740993",
    "NOT (metrics.a > 5 AND metrics.a < 1)",
    "params.a = 'x' AND tags.a = 'y'",
    "params.a = 'x' AND params.a != 'y'",
    "params.a = 'x' AND params.A = 'y'",
    "dataset.name = 'x' AND dataset.name = 'y'",  # a run has several
    "metrics.a BETWEEN 1 AND 1",
]


class TestFilters:
    @pytest.mark.parametrize("text", NOTHING)
    def test_nothing_fits(self, dialect: str, text: str) -> None:
        wanted = filter_of(text, dialect)
        assert wanted is not None
        assert wanted.nothing

    @pytest.mark.parametrize("text", SOMETHING)
    def test_something_may_fit(self, dialect: str, text: str) -> None:
        wanted = filter_of(text, dialect)
        assert wanted is not None
        assert not wanted.nothing

    def test_comparisons_of_one_metric_are_one_driver(self, dialect: str) -> None:
        wanted = filter_of("metrics.a > 1 AND tags.t LIKE '%x%' AND metrics.a < 2 AND metrics.b = 5", dialect)
        assert wanted is not None
        assert len(wanted.drivers) == 2
        assert sorted(str(remainder).count("run_pk = runs.id") for remainder in wanted.remainders) == [2, 3]


class TestIntervals:
    @pytest.mark.parametrize(
        ("one", "other", "both"),
        [
            (Interval(1, 5), Interval(2, 9), Interval(2, 5)),
            (Interval(1), Interval(high=5, high_open=True), Interval(1, 5, high_open=True)),
            (Interval(1, 5), Interval(1, 5, low_open=True, high_open=True), Interval(1, 5, True, True)),
            (Interval(), Interval(), Interval()),
        ],
    )
    def test_meet_in_what_both_hold(self, one: Interval, other: Interval, both: Interval) -> None:
        assert one.meet(other) == other.meet(one) == both

    def test_hold_their_closed_ends(self) -> None:
        assert 1 in interval_of("BETWEEN", [1, 2])
        assert 1 in interval_of("<=", [1])
        assert 1 not in interval_of("<", [1])
        assert 1 not in interval_of(">", [1])
        assert Interval(1, 1, low_open=True).empty
        assert not Interval(1, 1).empty
