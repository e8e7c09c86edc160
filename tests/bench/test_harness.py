from __future__ import annotations

import pytest

from tests.bench.report import Results, ratio, shown


class TestReport:
    def test_medians_and_ratios_know_what_is_better(self) -> None:
        results = Results()
        for figure in (100.0, 300.0, 200.0):
            results.add("writes", "requests/s", "A", figure)
            results.add("reads", "ms", "A", figure)
        results.add("writes", "requests/s", "B", 50.0)
        results.add("reads", "ms", "B", 50.0)
        lines = results.markdown(["A", "B"]).splitlines()
        assert lines[2] == "| writes, requests/s | 200 | 50 | 4 x |"
        assert lines[3] == "| reads, ms | 200 | 50 | 0.25 x |"

    @pytest.mark.parametrize(("figure", "text"), [(12345.6, "12 346"), (0.1234, "0.123"), (99.94, "99.9")])
    def test_figures_are_short(self, figure: float, text: str) -> None:
        assert shown(figure) == text

    def test_nothing_to_compare_is_empty(self) -> None:
        assert ratio(1.0, None, "ms") == ""
