"""What the panels of charts ask the server for."""

from __future__ import annotations

import json
from typing import Any

import httpx
import pytest

from tests.conftest import RunningServer
from tests.runs.test_panels import Line, opened


def log(server: RunningServer, run_id: str, key: str, values: list[Any]) -> None:
    points = [{"key": key, "value": value, "timestamp": 1_700_000_000_000 + i, "step": i} for i, value in enumerate(values)]
    for start in range(0, len(points), 1000):
        server.ok("runs/log-batch", {"run_id": run_id, "metrics": points[start : start + 1000]})


def post(server: RunningServer, path: str, **body: Any) -> httpx.Response:
    return server.client.post(path, json=body)


def panel(server: RunningServer, **body: Any) -> tuple[dict[str, Any], list[Line]]:
    answer = post(server, "/charts/panel", **body)
    assert answer.status_code == 200, answer.text
    assert answer.headers["cache-control"] == "no-store"
    return opened(answer.content)


@pytest.fixture(scope="module")
def run_ids(server: RunningServer) -> list[str]:
    """Two runs: one with NaN and infinities, and one with a long series whose one spike is in the middle."""
    number = server.experiment()
    odd, long = server.run(number, run_name="odd"), server.run(number, run_name="long")
    log(server, odd, "loss", [1.0, "NaN", "Infinity", "-Infinity", 0.25])
    log(server, long, "loss", [100.0 if i == 1234 else 0.5 for i in range(3000)])
    log(server, long, "train/acc", [0.5])
    for run_id, model in ((odd, "tree"), (long, "net")):
        pairs = [{"key": "model", "value": model}]
        server.ok("runs/log-batch", {"run_id": run_id, "params": pairs, "tags": pairs})
    return [odd, long]


class TestPanel:
    def test_holds_every_run_with_its_marks_and_extremes(self, server: RunningServer, run_ids: list[str]) -> None:
        head, (odd, long) = panel(server, runs=run_ids, key="loss", width=100, group="params.model")
        assert [odd.head["name"], long.head["name"]] == ["odd", "long"]
        assert [odd.head["group"], long.head["group"]] == ["tree", "net"]
        assert head["extent"] == [0, 2999]
        assert odd.head["exact"]
        assert odd.x == [0, 1, 2, 3, 4]
        assert list(odd.flags) == [0, 1 | 8, 2 | 8, 4 | 8, 0]
        assert [odd.y[0], odd.y[4]] == [1.0, 0.25]
        assert max(long.high) == 100.0
        assert max(long.y) < 100.0
        assert len(long.x) <= 102

    def test_zooms_to_single_points(self, server: RunningServer, run_ids: list[str]) -> None:
        _, (line,) = panel(server, runs=run_ids[1:], key="loss", first=1230, last=1238, width=100)
        assert line.head["exact"]
        assert line.x == list(range(1229, 1240))
        assert line.y[5] == 100.0

    def test_by_tag(self, server: RunningServer, run_ids: list[str]) -> None:
        _, lines = panel(server, runs=run_ids, key="loss", group="tags.model")
        assert [line.head["group"] for line in lines] == ["tree", "net"]

    def test_is_not_sent_again_while_nothing_changes(self, server: RunningServer, run_ids: list[str]) -> None:
        head, _ = panel(server, runs=run_ids, key="loss")
        answer = post(server, "/charts/panel", runs=run_ids, key="loss", seen=head["version"])
        assert (answer.status_code, answer.content) == (204, b"")

    @pytest.mark.parametrize(
        ("wrong", "said"),
        [
            ({"key": ""}, "'key'"),
            ({"runs": "abc"}, "'runs'"),
            ({"runs": ["a"] * 1001}, "at most 1000 runs"),
            ({"runs": [5]}, "'runs[0]'"),
            ({"x": "epoch"}, "'x' must be"),
            ({"x": "metrics."}, "'x' must be"),
            ({"first": 1}, "'first' and 'last'"),
            ({"first": 2, "last": 2}, "'last' must be larger"),
            ({"first": "NaN", "last": 2}, "'last' must be larger"),
            ({"first": "-Infinity", "last": "Infinity"}, "'last' must be larger"),
            ({"first": 0, "last": 2, "log": True}, "larger than 0"),
            ({"width": "wide"}, "'width'"),
            ({"log": 1}, "'log'"),
        ],
    )
    def test_bad_input_is_named(self, server: RunningServer, run_ids: list[str], wrong: dict[str, Any], said: str) -> None:
        answer = post(server, "/charts/panel", **({"runs": run_ids, "key": "loss"} | wrong))
        assert answer.status_code == 400, answer.text
        assert said in answer.json()["message"]

    def test_odd_input_is_answered(self, server: RunningServer, run_ids: list[str]) -> None:
        for odd in (
            {"width": -5},
            {"width": 10**9},
            {"group": "params.never"},
            {"group": "x"},
            {"x": "metrics.never"},
            {"key": "never"},
        ):
            panel(server, **({"runs": run_ids, "key": "loss"} | odd))
        for first, last in ((-8e307, 8e307), (1e300, 1.1e300), (0, 5e-324)):
            panel(server, runs=run_ids, key="loss", first=first, last=last)

    def test_no_form_of_another_page_can_ask(self, server: RunningServer, run_ids: list[str]) -> None:
        body = json.dumps({"runs": run_ids, "key": "loss"})
        answer = server.client.post("/charts/panel", content=body, headers={"Content-Type": "text/plain"})
        assert answer.status_code == 400


class TestNames:
    def test_are_those_that_the_runs_have(self, server: RunningServer, run_ids: list[str]) -> None:
        found = post(server, "/charts/names", runs=run_ids).json()
        assert found == {"metrics": ["loss", "train/acc"], "total": 2, "params": ["model"], "tags": ["model"]}

    def test_without_runs_are_none(self, server: RunningServer) -> None:
        assert post(server, "/charts/names", runs=[]).json() == {"metrics": [], "total": 0, "params": [], "tags": []}

    def test_are_at_first_few_of_many_and_found_by_their_words(self, server: RunningServer) -> None:
        run_id = server.run()
        keys = [f"layer{i}/Grad" for i in range(1500)]
        for start in (0, 1000):
            points = [{"key": key, "value": 1, "timestamp": 1} for key in keys[start : start + 1000]]
            server.ok("runs/log-batch", {"run_id": run_id, "metrics": points})
        first = post(server, "/charts/names", runs=[run_id]).json()
        assert (len(first["metrics"]), first["total"]) == (1000, 1500)
        found = post(server, "/charts/names", runs=[run_id], search=True, words=["149", "grad"]).json()
        assert sorted(found["metrics"]) == sorted(key for key in keys if "149" in key)
        assert found["total"] == len(found["metrics"])
        everything = post(server, "/charts/names", runs=[run_id], search=True).json()
        assert sorted(everything["metrics"]) == sorted(keys)

    @pytest.mark.parametrize("words", [["x"] * 17, ["x" * 501], "x", [5]])
    def test_hold_few_words(self, server: RunningServer, words: Any) -> None:
        answer = post(server, "/charts/names", runs=[], search=True, words=words)
        assert answer.status_code == 400
        assert "'words" in answer.json()["message"]
