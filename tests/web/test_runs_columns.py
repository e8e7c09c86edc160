"""Columns of the table of runs as the URL names them, and which way is better."""

from __future__ import annotations

import pytest

from runstone.web.direction import lower_is_better
from runstone.web.runs_columns import Column, column_of_clause
from runstone.web.runs_table import within


class TestColumn:
    @pytest.mark.parametrize(
        ("text", "field", "sorted_by"),
        [
            ("metrics.loss", "metrics.`loss`", "metrics.loss"),
            ("min:metrics.a b/c", "MIN(metrics.`a b/c`)", "min:metrics.a b/c"),
            ("best:metrics.val/loss", "MIN(metrics.`val/loss`)", "min:metrics.val/loss"),
            ("best:metrics.accuracy", "MAX(metrics.`accuracy`)", "max:metrics.accuracy"),
            ("params.it`s", 'params."it`s"', "params.it`s"),
            ('tags.a"`b', 'tags."a""`b"', 'tags.a"`b'),
            ("attributes.duration", "duration", "attributes.duration"),
        ],
    )
    def test_has_one_name_in_urls_filters_and_orders(self, text: str, field: str, sorted_by: str) -> None:
        column = Column.of(text)
        assert column is not None
        assert column.id == text
        assert column.field == field
        assert column_of_clause(f"{field} DESC") == (sorted_by, "DESC")

    @pytest.mark.parametrize("text", ["", "x", "x.y", "metrics.", "attributes.nothing", "mean:metrics.a", "metrics." + "x" * 251])
    def test_what_names_none(self, text: str) -> None:
        assert Column.of(text) is None

    def test_the_last_value_has_no_prefix_and_params_have_no_other(self) -> None:
        assert Column.of("last:metrics.a") == Column.of("metrics.a")
        assert Column.of("min:params.a") == Column.of("params.a")

    def test_members_of_a_group(self) -> None:
        by = (Column("params", "a"), Column("tags", "b"))
        assert within(by, ("it's", None)) == "params.`a` = 'it''s' AND tags.`b` IS NULL"


class TestDirection:
    @pytest.mark.parametrize(
        "name", ["loss", "val/loss", "trainLoss", "RMSE", "test_error", "latency_ms", "val.perplexity", "crossEntropyLoss"]
    )
    def test_less_is_better(self, name: str) -> None:
        assert lower_is_better(name)

    @pytest.mark.parametrize("name", ["accuracy", "f1", "val/auc", "reward", "glossary", "timeline_score"])
    def test_more_is_better(self, name: str) -> None:
        assert not lower_is_better(name)
