from __future__ import annotations

import time

import pytest

from runstone.errors import InvalidParameter
from runstone.runs.search import filter_of, order_of


class TestFilterErrors:
    @pytest.mark.parametrize(
        ("text", "fragment"),
        [
            ("metrics.acc >", "Invalid clause(s) in filter string"),
            ("metrics.acc > 'x'", "Expected numeric value type for metric"),
            ("params.lr = 0.1", "Expected a quoted string value for parameter"),
            ("attributes.stauts = 'x'", "Did you mean 'status'?"),
            ("statuss = 'x'", "Did you mean 'status'?"),
            ("metricz.acc = 1", "Invalid entity type 'metricz'. Valid values are"),
            ("start_time > 1 AND metricz.acc = 1", "It stands at character 20. Did you mean 'metric"),
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
            ("status IN ()", "expected a non-empty list of string values, but got empty list at character 12"),
            ("status IN (,)", "but got ill-formed list"),
            ("status IN ('a',,'b')", "but got ill-formed list"),
            ("status IN ('a' 'b')", "a closing bracket was expected"),
            ("status IN (1, 2)", "but got different type in list"),
            ("status IN (", "Invalid clause(s) in filter string"),
            ("status IN", "Invalid clause(s) in filter string"),
            ("status LIKE", "Invalid clause(s) in filter string"),
            ("status", "Invalid clause(s) in filter string"),
            ("status NOT", "Invalid clause(s) in filter string"),
            ("status IS", "IS must be followed by NULL or NOT NULL"),
            ("status BETWEEN 'a'", "BETWEEN needs two values"),
            ("metrics.x = 1e999", "does not fit into 64 bits"),
            ("metrics.x = 99999999999999999999999", "does not fit into 64 bits"),
            ("metrics.x = nan", "Expected numeric value type for metric. Found nan at character 13"),
            ("metrics.x != metrics.x", "Expected numeric value type for metric"),
            ("params.x = LR", "value is either not quoted or unidentified quote types used for string value LR"),
            ("params.x = `LR`", "value is either not quoted or unidentified quote types"),
            ("status = true", "Invalid clause(s) in filter string"),
            ("status = 1", "Expected a quoted string value for attributes"),
            ("tags.x = 5", "Expected a quoted string value for tag"),
            ("1.0 > metrics.x", "Expected 'Identifier' found '1.0' at character 1"),
            ("1 == 2", "Expected 'Identifier' found"),
            ("params.x = = 'LR'", "Invalid clause(s) in filter string"),
            ("params.x LR != 'a'", "Invalid clause(s) in filter string"),
            ("params.'x = LR", "Invalid clause(s) in filter string"),
            ("`metrics.x > 0.1", "Invalid clause(s) in filter string"),
            ("param`.x > 0.1", "Invalid clause(s) in filter string"),
            ("metrics.x > 0.1 NAND params.y = 'LR'", "Invalid clause(s) in filter string"),
            ("metrics.x ~ 1", "Invalid comparator '~'"),
            ("status ~= 'x'", "Invalid comparator '~='"),
            ("start_time LIKE 'x'", "Invalid comparator 'LIKE' for attribute 'start_time' at character 1, not one of =, !=, <"),
            ("MIN(MAX(metrics.x)) > 1", "cannot hold another function"),
            ("params.`` = 'x'", "a key is missing after the dot at character 1"),
            ("' OR 1=1; DROP TABLE runs", "the quote is never closed"),
            ("status = 'x'; DROP TABLE runs", "Search filter contained multiple expression: there is a ';' at character 13"),
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
            filter_of(text, "sqlite")
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
            "params.x LIKE '" + "%a" * 101 + "'",
            "params.x LIKE '" + "a" * 8193 + "'",
            "params.x = '" + "'" * 2**17,
            "params." + "-" * 60_000 + " = 'x'",
            "metrics" + " " * 60_000 + "x",
            "(" * 60 + "status = 'x'" + ")" * 60,
        ],
    )
    def test_too_much_is_refused_at_once(self, text: str) -> None:
        started = time.process_time()
        with pytest.raises(InvalidParameter):
            filter_of(text, "sqlite")
        assert time.process_time() - started < 5  # a bound on hanging, not a measurement

    @pytest.mark.parametrize(
        "text",
        [
            " OR ".join(["status = 'x'"] * 200),
            "(" * 50 + "status = 'x'" + ")" * 50,
            "NOT " * 50 + "status = 'x'",
            "status IN (" + ",".join(["'x'"] * 1000) + ")",
            "params.x LIKE '" + "%" * 8193 + "'",
            "params.x LIKE '" + "a%" * 100 + "'",
        ],
    )
    def test_what_just_fits(self, text: str) -> None:
        assert filter_of(text, "sqlite") is not None

    @pytest.mark.parametrize("text", ["", "   ", None])
    def test_nothing_filters_nothing(self, text: str | None) -> None:
        assert filter_of(text, "sqlite") is None


class TestOrderErrors:
    @pytest.mark.parametrize(
        ("item", "fragment"),
        [
            ("", "Invalid order_by clause"),
            ("nope", "Invalid attribute key 'nope' specified"),
            ("stat_time", "Did you mean 'start_time'?"),
            ("metrix.x", "Did you mean 'metric'?"),
            ("metric.x; DROP", "Invalid order_by clause"),
            ("metrics.", "Invalid order_by clause"),
            ("metrics.`` DESC", "Invalid order_by clause"),
            ("dataset.name", "Invalid order_by entity 'dataset'"),
            ("start_time sideways", "Invalid ordering key in order_by clause 'start_time sideways'"),
            ("start_time DESC blah", "Invalid order_by clause 'start_time DESC blah'"),
            ("start_time,", "Invalid order_by clause"),
            ("'start_time'", "Invalid order_by clause"),
            ("1", "Invalid order_by clause"),
            ("metrics.a b", "Invalid ordering key"),
            ("metrics.a b DESC", "quote keys that hold spaces"),
            ("a" * 2000, "at most 1000 characters"),
            ("metrics.a\x00", "NUL"),
            ("metrics.a\ud800", "surrogate"),
        ],
    )
    def test_what_cannot_be_sorted_by(self, item: str, fragment: str) -> None:
        with pytest.raises(InvalidParameter) as error:
            order_of([item], "sqlite")
        assert fragment in error.value.message

    def test_a_field_twice_and_too_many(self) -> None:
        with pytest.raises(InvalidParameter, match="`order_by` contains duplicate fields"):
            order_of(["metrics.a", "metric.`a` DESC"], "sqlite")
        with pytest.raises(InvalidParameter, match="`order_by` contains duplicate fields"):
            order_of(["Created", "attributes.start_time"], "sqlite")
        with pytest.raises(InvalidParameter, match="at most 20"):
            order_of([f"metrics.m{i}" for i in range(21)], "sqlite")

    def test_a_position_of_another_order(self) -> None:
        with pytest.raises(InvalidParameter, match="another order_by"):
            order_of(["metrics.a"], "sqlite").after([1, 2])
