"""The table that the benchmark of the pages prints, and the runs that it expects on top."""

from __future__ import annotations

from tests.bench import pages, wide_runs
from tests.bench.runs_page import when


class TestTable:
    def test_has_medians_beside_goals_and_peers(self) -> None:
        ours = {"first content": [100.0, 300.0, 200.0], "layout shift": [0.0], "100 runs: sharp": [90.0]}
        lines = pages.table({"runstone": ours, "mlflow": {"first content": [2000.0]}}, 100_000).splitlines()
        assert lines[0] == "| in Chromium | goal | Runstone | MLflow 3.17.2 | beside MLflow 3.17.2 |"
        assert lines[2:] == [
            "| runs page, 100 000 runs: first content, ms | < 300 | 200 | 2 000 | 10 x |",
            "| ... layout shift after the first paint | 0 | 0 | – |  |",
            "| ... zoomed: drawn sharp, ms | < 200 | 90 | – |  |",
        ]
        assert {line.count("|") for line in lines} == {6}

    def test_without_a_peer_has_no_column_for_it(self) -> None:
        assert pages.table({"runstone": {"first rows": [5.0]}}, 10).splitlines()[2] == "| ... first rows, ms |  | 5 |"


class TestRuns:
    def test_that_stand_on_top_are_known_without_asking(self) -> None:
        runs = [wide_runs.run(number) for number in range(300)]
        top = max(runs, key=lambda run: dict(run.metrics)["metric_02/value"])
        assert wide_runs.first_sorted(300) == top.run_id
        found = [run for run in runs if dict(run.metrics)["metric_03/value"] > 0.5 and dict(run.params)["param_04"] == "3"]
        assert wide_runs.first_found(300) == found[-1].run_id
        assert (len(runs[0].metrics), len(runs[0].params)) == (50, 50)


def test_a_selector_with_quotes_stays_one_text() -> None:
    assert "querySelector('th[data-x=\"1\"]')" in when('th[data-x="1"]')
