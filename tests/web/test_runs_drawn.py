"""Of which runs the charts beside a grouped table are."""

from __future__ import annotations

import json

import pytest

from tests.conftest import RunningServer
from tests.web.reading import one, page, words


@pytest.fixture(scope="module")
def number(server: RunningServer) -> str:
    """120 runs, newer ones with higher numbers: ten of `rare` are the oldest, the others alternate; every third has no param."""
    made = server.experiment()
    for i in range(120):
        run_id = server.run(made, run_name=f"{i:03}", start_time=1_700_000_000_000 + i)
        params = [{"key": "model", "value": "rare" if i < 10 else ["net", "it's"][i % 2]}] if i % 3 else []
        server.ok(
            "runs/log-batch", {"run_id": run_id, "params": params, "metrics": [{"key": "loss", "value": i, "timestamp": 1}]}
        )
    return made


def drawn(server: RunningServer, number: str, **query: str) -> list[int]:
    soup = page(server, f"/experiments/{number}", group="params.model", layout="both", **query)
    return [int(run["name"]) for run in json.loads(one(soup, "#shown-runs").text)]


class TestDrawn:
    def test_the_newest_of_each_group_come_first(self, server: RunningServer, number: str) -> None:
        found = drawn(server, number)
        assert len(found) == 100
        assert set(range(10)) <= {*found} | {0, 3, 6, 9}  # all of the rare ones
        assert found[:4] == [119, 118, 117, 8]  # net, it's, none and rare: the newest of each

    def test_all_of_them_when_more_are_asked_for(self, server: RunningServer, number: str) -> None:
        assert sorted(drawn(server, number, draw="1000")) == [*range(120)]

    def test_only_those_that_the_filter_lets_pass(self, server: RunningServer, number: str) -> None:
        assert drawn(server, number, filter="metrics.loss < 2") == [1, 0]

    def test_the_page_says_so(self, server: RunningServer, number: str) -> None:
        place = f"/experiments/{number}"
        soup = page(server, place, group="params.model")
        assert "Charts draw 100 of 120 runs: the newest of each group" in words(one(soup, "#drawn-runs"))
        for query in ({"group": "params.model", "draw": "1000"}, {"group": "params.model", "filter": "metrics.loss < 50"}, {}):
            assert not page(server, place, **query).select("#drawn-runs")
