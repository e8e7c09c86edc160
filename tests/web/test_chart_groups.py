"""Groups of runs in charts are those of the table beside them, with figures over all that the client logged."""

from __future__ import annotations

from typing import Any

import httpx
import mlflow
import numpy as np
import pytest
from mlflow import MlflowClient

from tests.conftest import RunningServer
from tests.runs.test_panel_groups import Line, opened

STEPS = 50
Logged = tuple[str, list[str], Any]


def post(server: RunningServer, **body: Any) -> httpx.Response:
    return server.client.post("/charts/groups", json={"by": ["params.g"], "key": "loss", **body})


def groups(server: RunningServer, **body: Any) -> tuple[dict[str, Any], list[Line]]:
    answer = post(server, **body)
    assert answer.status_code == 200, answer.text
    assert answer.headers["cache-control"] == "no-store"
    return opened(answer.content)


def sizes(server: RunningServer, table: str) -> dict[str | None, int]:
    head, lines = groups(server, table=table)
    assert head["runs"] == head["measured"] == sum(int(line.runs.max()) for line in lines)
    return {group["values"][0]: group["size"] for group in head["groups"]}


@pytest.fixture(scope="module")
def logged(server: RunningServer) -> Logged:
    """Seven runs of an experiment in two groups, and what was logged to them; the last is nested below the first."""
    client = MlflowClient(server.url)
    number = client.create_experiment("grouped by the client")
    values = np.random.default_rng(5).normal(0, 1, (7, STEPS))
    ids: list[str] = []
    for i in range(7):
        tags = {"mlflow.parentRunId": ids[0]} if i == 6 else {}
        ids.append(client.create_run(number, run_name=f"run {i}", tags=tags).info.run_id)
        points = [mlflow.entities.Metric("loss", value, 1_700_000_000_000 + step, step) for step, value in enumerate(values[i])]
        params = [mlflow.entities.Param("g", "ab"[i % 2]), mlflow.entities.Param("lr", str(i // 2))]
        client.log_batch(ids[i], metrics=points, params=params)
    return number, ids, values


class TestRuns:
    def test_are_those_of_the_table(self, server: RunningServer, logged: Logged) -> None:
        number, ids, _ = logged
        table = f"experiments={number}"
        assert sizes(server, table) == {"a": 4, "b": 3}
        assert sizes(server, f"{table}&filter=params.lr = '0'") == {"a": 1, "b": 1}
        assert sizes(server, f"{table}&hidden={ids[0]}&hidden={ids[1]}") == {"a": 3, "b": 2}
        assert sizes(server, f"{table}&nested=1") == {"a": 3, "b": 3}
        assert sizes(server, f"{table}&view=deleted") == {}
        pinned = f"{table}&filter=params.lr = '0'&top={ids[4]}"
        assert sizes(server, pinned) == {"a": 2, "b": 1}
        assert sizes(server, f"{pinned}&hidden={ids[4]}") == {"a": 1, "b": 1}
        assert sizes(server, f"{pinned}&group=params.g") == {"a": 1, "b": 1}  # a table of groups has none on top
        other = server.experiment()
        server.ok("runs/log-batch", {"run_id": server.run(other), "metrics": [{"key": "loss", "value": 1, "timestamp": 1}]})
        assert sizes(server, f"experiments={number},{other}") == {"a": 4, "b": 3, None: 1}

    def test_that_are_shown_are_told_their_groups(self, server: RunningServer, logged: Logged) -> None:
        number, ids, _ = logged
        assert groups(server, table=f"experiments={number}", runs=ids[:2])[0]["shown"] == {ids[0]: 0, ids[1]: 1}

    def test_figures_are_those_of_what_the_client_logged(self, server: RunningServer, logged: Logged) -> None:
        number, ids, values = logged
        for body in ({"table": f"experiments={number}"}, {"runs": ids}):
            for line, some in zip(groups(server, **body)[1], (values[::2], values[1::2]), strict=True):
                assert list(line.x) == list(range(STEPS))
                wanted = (some.mean(0), np.median(some, axis=0), some.std(0, ddof=1), some.min(0), some.max(0))
                found = (line.mean, line.median, line.std, line.low, line.high)
                assert all(np.allclose(one, other) for one, other in zip(found, wanted, strict=True))
                assert set(line.runs) == {len(some)}

    def test_that_did_not_change_are_not_sent_again(self, server: RunningServer, logged: Logged) -> None:
        table = f"experiments={logged[0]}"
        head, _ = groups(server, table=table)
        assert post(server, table=table, seen=head["version"]).status_code == 204


class TestAsking:
    @pytest.mark.parametrize(
        ("wrong", "said"),
        [
            ({"by": []}, "'by'"),
            ({"by": ["metrics.loss"]}, "'by'"),
            ({"by": [f"params.{i}" for i in range(5)]}, "'by'"),
            ({"runs": []}, "'runs'"),
            ({"runs": ["a"] * 1001}, "at most 1000 runs"),
            ({"table": ""}, "Name the experiments"),
            ({"table": "experiments=x"}, "Invalid experiment ID"),
            ({"table": "experiments=0&filter=metrcs.a = 1"}, "metrcs"),
            ({"x": "epoch"}, "'x' must be"),
            ({"first": 2, "last": 2}, "'last' must be larger"),
            ({"first": 0, "last": 2, "log": True}, "larger than 0"),
        ],
    )
    def test_bad_input_is_named(self, server: RunningServer, wrong: dict[str, Any], said: str) -> None:
        answer = post(server, **({"runs": ["a"]} | wrong))
        assert answer.status_code == 400, answer.text
        assert said in answer.json()["message"]

    def test_odd_input_is_answered(self, server: RunningServer, logged: Logged) -> None:
        number, ids, _ = logged
        for odd in (
            {"width": -5}, {"width": 10**9}, {"by": ["params.never"]}, {"key": "never"}, {"x": "metrics.never"},
            {"first": 1e300, "last": 1.1e300}, {"first": -8e307, "last": 8e307}, {"first": 0.2, "last": 0.4},
            {"x": "place", "log": True}, {"x": "relative", "log": True}, {"runs": ["never"]},
        ):  # fmt: skip
            groups(server, **({"table": f"experiments={number}", "runs": ids} | odd))
