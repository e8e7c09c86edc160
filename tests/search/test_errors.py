from __future__ import annotations

import time

import pytest

from runstone.errors import InvalidParameter
from runstone.runs.search import order_of, where_of


class TestFilterErrors:
    @pytest.mark.parametrize(
        ("text", "fragment"),
        [
            ("metrics.acc >", "Invalid clause(s) in filter string"),
            ("metrics.acc > 'x'", "Expected numeric value type for metric"),
            ("params.lr = 0.1", "Expected a quoted string value for parameter"),
            ("attributes.stauts = 'x'", "Did you mean 'status'?"),
            ("statuss = 'x'", "Did you mean 'status'?"),
            ("metricz.acc = 1", "Invalid entity type 'metricz' at character 1"),
            ("status > 'x'", "Invalid comparator '>' for attribute 'status'"),
            ("params.x > '1'", "Invalid comparator '>' for parameter 'x'"),
            ("metrics.x LIKE 'a'", "Invalid comparator 'LIKE' for metric"),
            ("start_time = '5'", "Expected numeric value type"),
            ("MIN(params.x) = '1'", "only there for metrics"),
            ("status == 'x'", "Invalid comparator '=='"),
            ("status = 'x", "at character 10 the quote is never closed"),
            ("status = 'x' AND", "the end: a field was expected"),
            ("(status = 'x'", "a closing bracket was expected"),
            ("status = 'x')", "the filter should end here"),
            ("status IN ()", "a value was expected"),
            ("status BETWEEN 'a'", "BETWEEN needs two values"),
            ("metrics.x = 1e999", "does not fit into 64 bits"),
            ("metrics.x = 99999999999999999999999", "does not fit into 64 bits"),
            ("metrics.x = nan", "a value was expected"),
            ("' OR 1=1; DROP TABLE runs", "the quote is never closed"),
            ("status = 'x'; DROP TABLE runs", "';' has no meaning here"),
            ("status = 'x' -- c", "Invalid clause(s)"),
            ("attributes.user__password_hash = 'x'", "Invalid attribute key"),
            ("datasets.nam = 'x'", "Did you mean 'name'?"),
            ("status = \u2018x\u2019", "has no meaning here"),
            ("status = 'a\x00'", "NUL"),
            ("params. = 'x'", "Invalid"),
        ],
    )
    def test_says_what_and_where(self, text: str, fragment: str) -> None:
        with pytest.raises(InvalidParameter) as error:
            where_of(text, "sqlite")
        assert fragment in error.value.message

    @pytest.mark.parametrize(
        "text",
        [
            "(" * 5000 + "status = 'x'" + ")" * 5000,
            " AND ".join(["status = 'x'"] * 10_000),
            "status = '" + "x" * 2**20 + "'",
            "NOT " * 5000 + "status = 'x'",
            "status IN (" + ",".join(["'x'"] * 2000) + ")",
            "params.x LIKE '" + "%_" * 5000 + "'",
            "(" * 60 + "status = 'x'" + ")" * 60,
        ],
    )
    def test_too_much_is_refused_at_once(self, text: str) -> None:
        started = time.process_time()
        with pytest.raises(InvalidParameter):
            where_of(text, "sqlite")
        assert time.process_time() - started < 5  # a bound on hanging, not a measurement

    @pytest.mark.parametrize("text", ["", "   ", None])
    def test_nothing_filters_nothing(self, text: str | None) -> None:
        assert where_of(text, "sqlite") is None


class TestOrderErrors:
    @pytest.mark.parametrize(
        "item",
        ["", "nope", "metric.x; DROP", "dataset.name", "start_time sideways", "metrics.a b", "a" * 2000, "attributes.x.y z"],
    )
    def test_what_cannot_be_sorted_by(self, item: str) -> None:
        with pytest.raises(InvalidParameter):
            order_of([item], "sqlite")

    def test_a_field_twice_and_too_many(self) -> None:
        with pytest.raises(InvalidParameter, match="duplicate"):
            order_of(["metrics.a", "metric.`a` DESC"], "sqlite")
        with pytest.raises(InvalidParameter, match="at most 20"):
            order_of([f"metrics.m{i}" for i in range(21)], "sqlite")
