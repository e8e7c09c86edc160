from __future__ import annotations

import json
import random
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import psycopg
import pytest

from tests.conftest import Databases, RunningServer, running

MAX_DOUBLE = 1.7976931348623157e308


def metric(key: str, value: Any, timestamp: int = 1, step: int = 0) -> dict[str, Any]:
    return {"key": key, "value": value, "timestamp": timestamp, "step": step}


def latest(server: RunningServer, run_id: str) -> dict[str, dict[str, Any]]:
    data = server.get("runs/get", run_id=run_id).json()["run"]["data"]
    return {found["key"]: found for found in data.get("metrics", [])}


def history(server: RunningServer, run_id: str, key: str) -> list[tuple[int, int, Any]]:
    found = server.get("metrics/get-history", run_id=run_id, metric_key=key).json()
    return [(m["timestamp"], m["step"], m["value"]) for m in found.get("metrics", [])]


class TestLogMetric:
    def test_latest_is_the_greatest_by_step_timestamp_value(self, server: RunningServer) -> None:
        run_id = server.run()
        for value, timestamp, step in ((1.0, 5, 1), (9.0, 9, 0), (2.0, 4, 1), (3.0, 5, 1), (0.5, 5, 1)):
            server.ok("runs/log-metric", {"run_id": run_id, **metric("m", value, timestamp, step)})
        assert latest(server, run_id)["m"] == metric("m", 3.0, 5, 1)
        assert history(server, run_id, "m") == [(4, 1, 2.0), (5, 1, 0.5), (5, 1, 1.0), (5, 1, 3.0), (9, 0, 9.0)]

    @pytest.mark.parametrize(
        ("sent", "read"),
        [
            ("NaN", "NaN"),
            ("Infinity", MAX_DOUBLE),
            ("-Infinity", -MAX_DOUBLE),
            ("1.5", 1.5),
            (3, 3.0),
            (-0.0, 0.0),
            (5e-324, 5e-324),
            (MAX_DOUBLE, MAX_DOUBLE),
            (0.1, 0.1),
            (2**53 + 1, float(2**53 + 1)),
        ],
    )
    def test_values_come_back_exactly(self, server: RunningServer, sent: Any, read: Any) -> None:
        run_id = server.run()
        server.ok("runs/log-metric", {"run_id": run_id, **metric("m", sent)})
        assert latest(server, run_id)["m"]["value"] == read
        assert history(server, run_id, "m") == [(1, 0, read)]

    def test_bare_tokens_are_read_as_what_they_say(self, server: RunningServer) -> None:
        run_id = server.run()
        raw = f'{{"run_id": "{run_id}", "key": "m", "value": NaN, "timestamp": 1}}'
        answer = server.client.post("/api/2.0/mlflow/runs/log-metric", content=raw, headers={"Content-Type": "application/json"})
        assert answer.status_code == 200
        assert latest(server, run_id)["m"]["value"] == "NaN"

    @pytest.mark.parametrize("step", [2**63 - 1, -(2**63), 0, -5, "7"])
    def test_steps_are_exact(self, server: RunningServer, step: Any) -> None:
        run_id = server.run()
        server.ok("runs/log-metric", {"run_id": run_id, **metric("m", 1.0, 1, step)})
        assert history(server, run_id, "m")[0][1] == int(step)

    @pytest.mark.parametrize(
        ("field", "value"),
        [
            ("value", None), ("value", ""), ("value", True), ("value", "abc"), ("value", [1]), ("value", "1e999"), ("value", 10**400),
            ("step", 2**63), ("step", -(2**63) - 1), ("step", 1.5), ("step", True), ("step", "x"),
            ("timestamp", None), ("timestamp", -1), ("timestamp", 1700000000000.7), ("timestamp", 2**63), ("timestamp", "now"),
            ("key", None), ("run_id", None), ("run_id", 31), ("model_id", 5),
        ],
    )  # fmt: skip
    def test_bad_input_names_the_field_and_stores_nothing(self, server: RunningServer, field: str, value: Any) -> None:
        run_id = server.run()
        body = {"run_id": run_id, **metric("m", 1.0), field: value}
        answer = server.post("runs/log-metric", body)
        assert (answer.status_code, answer.json()["error_code"]) == (400, "INVALID_PARAMETER_VALUE")
        assert field in answer.json()["message"]
        assert latest(server, run_id) == {}

    def test_a_whole_float_is_a_timestamp(self, server: RunningServer) -> None:
        run_id = server.run()
        server.ok("runs/log-metric", {"run_id": run_id, **metric("m", 1.0), "timestamp": 1.5e12})
        assert history(server, run_id, "m")[0][0] == 1_500_000_000_000

    def test_sixteen_writers_on_one_run_lose_nothing(self, server: RunningServer) -> None:
        run_id = server.run()

        def write(writer: int) -> None:
            for i in range(25):
                server.ok("runs/log-metric", {"run_id": run_id, **metric("m", float(writer), i, i)})

        with ThreadPoolExecutor(16) as pool:
            list(pool.map(write, range(16)))
        assert len(history(server, run_id, "m")) == 16 * 25
        assert latest(server, run_id)["m"] == metric("m", 15.0, 24, 24)


class TestManyPointsAtOnce:
    """Postgres copies them, and has to take another way when one is there already."""

    def test_the_same_points_from_two_processes_are_stored_once(self, databases: Databases, tmp_path: Path) -> None:
        steps = list(range(500))
        with running(tmp_path, databases.make("postgresql"), "--workers", "2") as server:
            run_id = server.run()

            def send(number: int) -> None:
                dice = random.Random(number)
                for first in range(0, 500, 250):
                    batch = [metric(key, 0.5, step, step) for step in steps[first : first + 250] for key in ("a", "b", "c")]
                    dice.shuffle(batch)
                    server.ok("runs/log-batch", {"run_id": run_id, "metrics": batch})

            with ThreadPoolExecutor(8) as pool:
                list(pool.map(send, range(8)))
            for key in ("a", "b", "c"):
                assert history(server, run_id, key) == [(step, step, 0.5) for step in steps]
            with psycopg.connect(server.database) as session:
                assert session.execute("SELECT count, first_step, max_step FROM series").fetchall() == [(500, 0, 499)] * 3

    def test_some_of_which_are_there(self, server: RunningServer) -> None:
        run_id = server.run()
        server.ok("runs/log-batch", {"run_id": run_id, "metrics": [metric("m", i / 2, i, i) for i in range(0, 300, 3)]})
        again = [metric("m", i / 2, i, i) for i in range(300)]
        server.ok("runs/log-batch", {"run_id": run_id, "metrics": [*again, *again, metric("m", "NaN", 300, 300)]})
        assert history(server, run_id, "m") == [*((i, i, i / 2) for i in range(300)), (300, 300, "NaN")]
        assert latest(server, run_id)["m"] == metric("m", "NaN", 300, 300)


class TestLogBatch:
    def test_everything_at_once_and_again(self, server: RunningServer) -> None:
        run_id = server.run()
        body = {
            "run_id": run_id,
            "metrics": [metric("a", 1.0), metric("a", 1.0), metric("a", "NaN", 2, 1), metric("b", 2.5)],
            "params": [{"key": "p", "value": "1"}, {"key": "q", "value": ""}],
            "tags": [{"key": "t", "value": "x"}],
        }
        for _ in range(2):
            server.ok("runs/log-batch", body)
        data = server.get("runs/get", run_id=run_id).json()["run"]["data"]
        assert {p["key"]: p["value"] for p in data["params"]} == {"p": "1", "q": ""}
        assert history(server, run_id, "a") == [(1, 0, 1.0), (2, 1, "NaN")]
        found = server.ok("runs/search", {"experiment_ids": ["0"], "filter": "metrics.b = 2.5 AND tags.t = 'x'"})
        assert run_id in [run["info"]["run_id"] for run in found["runs"]]

    @pytest.mark.parametrize(
        ("part", "message"),
        [
            ({"metrics": [metric("good", 1.0), {"key": "bad", "value": "x", "timestamp": 1}]}, "metrics[1].value"),
            ({"metrics": [metric("good", 1.0), {"key": "bad", "value": 1}]}, "metrics[1].timestamp"),
            ({"metrics": ["a"]}, "metrics[0]"),
            ({"metrics": {}}, "metrics"),
            ({"tags": None}, "tags"),
            ({"params": "x"}, "params"),
            ({"params": [{"key": "lr", "value": 0.1}]}, "params[0].value"),
            ({"params": [{"value": "1"}]}, "params[0].key"),
            ({"tags": [{"key": "", "value": "1"}]}, "tags[0].key"),
            ({"params": [{"key": "p", "value": "1"}, {"key": "p", "value": "2"}]}, "Duplicate parameter keys"),
            ({"params": [{"key": "stored", "value": "other"}]}, "Changing param values is not allowed"),
            ({"metrics": [metric("m", i) for i in range(1001)]}, "at most 1000 metrics"),
            ({"params": [{"key": f"p{i}", "value": "1"} for i in range(101)]}, "at most 100 params"),
            ({"tags": [{"key": f"t{i}", "value": "1"} for i in range(101)]}, "at most 100 tags"),
            (
                {"metrics": [metric("m", i) for i in range(950)], "params": [{"key": f"p{i}", "value": "1"} for i in range(51)]},
                "at most 1000 metrics, params, and tags",
            ),
            ({"metrics": [metric("k" * 251, 1.0)]}, "exceeds the maximum length of 250"),
        ],
    )
    def test_one_bad_item_leaves_nothing_behind(self, server: RunningServer, part: dict[str, Any], message: str) -> None:
        run_id = server.run()
        server.ok("runs/log-parameter", {"run_id": run_id, "key": "stored", "value": "1"})
        before = server.get("runs/get", run_id=run_id).json()
        whole = {"metrics": [metric("ok", 1.0)], "params": [{"key": "new", "value": "1"}], "tags": [{"key": "t", "value": "1"}]}
        answer = server.post("runs/log-batch", whole | part | {"run_id": run_id})
        assert answer.status_code == 400
        assert message in answer.json()["message"]
        assert server.get("runs/get", run_id=run_id).json() == before

    def test_the_limits_themselves_are_accepted(self, server: RunningServer) -> None:
        run_id = server.run()
        server.ok(
            "runs/log-batch",
            {
                "run_id": run_id,
                "metrics": [metric("m", float(i), i, i) for i in range(800)],
                "params": [{"key": f"p{i}", "value": "v" * 6001} for i in range(100)],
                "tags": [{"key": f"t{i}", "value": "1"} for i in range(100)],
            },
        )
        data = server.get("runs/get", run_id=run_id).json()["run"]["data"]
        assert (len(data["params"]), len(data["params"][0]["value"]), len(data["tags"])) == (100, 6000, 101)

    def test_racing_params_have_one_winner(self, server: RunningServer) -> None:
        run_id = server.run()

        def write(value: int) -> int:
            return server.post("runs/log-parameter", {"run_id": run_id, "key": "raced", "value": str(value)}).status_code

        with ThreadPoolExecutor(16) as pool:
            codes = list(pool.map(write, range(32)))
        assert sorted(codes) == [200] + [400] * 31

    def test_a_metric_may_measure_a_logged_model(self, server: RunningServer) -> None:
        number = server.experiment()
        run_id = server.run(number)
        model_id = server.ok("logged-models", {"experiment_id": number, "name": "m"})["model"]["info"]["model_id"]
        measured = metric("acc", 0.5) | {"model_id": model_id, "dataset_name": "d", "dataset_digest": "1"}
        for _ in range(2):
            server.ok("runs/log-batch", {"run_id": run_id, "metrics": [measured]})
        model = server.get(f"logged-models/{model_id}").json()["model"]
        assert model["data"]["metrics"] == [measured | {"run_id": run_id}]
        assert latest(server, run_id)["acc"] == metric("acc", 0.5)
        unknown = server.post("runs/log-batch", {"run_id": run_id, "metrics": [measured | {"model_id": "m-none", "key": "zz"}]})
        assert unknown.status_code == 404
        assert "zz" not in latest(server, run_id)


class TestHistory:
    def test_pages(self, server: RunningServer) -> None:
        run_id = server.run()
        server.ok("runs/log-batch", {"run_id": run_id, "metrics": [metric("m", float(i % 3), i // 2, i) for i in range(10)]})
        found: list[Any] = []
        token = None
        while True:
            query = {"run_id": run_id, "metric_key": "m", "max_results": 3} | ({"page_token": token} if token else {})
            page = server.get("metrics/get-history", **query).json()
            found += page["metrics"]
            token = page.get("next_page_token")
            if token is None:
                break
        assert [m["step"] for m in found] == list(range(10))

    def test_unknown_run_or_key_is_empty_and_bad_limits_are_refused(self, server: RunningServer) -> None:
        assert server.get("metrics/get-history", run_id="none", metric_key="m").json() == {}
        assert server.get("metrics/get-history", run_id=server.run(), metric_key="m").json() == {}
        for limit in ("0", "-1", "x"):
            assert server.get("metrics/get-history", run_id="r", metric_key="m", max_results=limit).status_code == 400
        assert server.get("metrics/get-history", run_id="r", metric_key="m", page_token="zz").status_code == 400

    def test_bulk_is_ordered_and_prints_a_bare_nan(self, server: RunningServer) -> None:
        runs = sorted(server.run() for _ in range(2))
        for run_id in runs:
            server.ok("runs/log-batch", {"run_id": run_id, "metrics": [metric("m", "NaN", 2), metric("m", 1.0, 1)]})
        answer = server.client.get("/ajax-api/2.0/mlflow/metrics/get-history-bulk", params={"run_id": runs, "metric_key": "m"})
        assert '"value":NaN' in answer.text
        found = json.loads(answer.text)["metrics"]
        assert [(m["run_id"], m["timestamp"]) for m in found] == [(r, t) for r in runs for t in (1, 2)]

    @pytest.mark.parametrize("query", [{}, {"run_id": "a"}, {"run_id": ["r"] * 101, "metric_key": "m"}])
    def test_bulk_bad_input(self, server: RunningServer, query: dict[str, Any]) -> None:
        assert server.client.get("/ajax-api/2.0/mlflow/metrics/get-history-bulk", params=query).status_code == 400

    @pytest.mark.parametrize(
        ("buckets", "steps", "expected"),
        [
            (100, None, list(range(20))),
            (20, None, list(range(20))),
            (5, None, [0, 4, 8, 12, 19]),
            (1, None, [19]),
            (2, None, [0, 19]),
            (3, (5, 10), [5, 7, 10]),
        ],
    )
    def test_interval_keeps_first_and_last(
        self, server: RunningServer, buckets: int, steps: tuple[int, int] | None, expected: list[int]
    ) -> None:
        run_id = server.run()
        server.ok("runs/log-batch", {"run_id": run_id, "metrics": [metric("m", float(i), 100 - i, i) for i in range(20)]})
        query: dict[str, Any] = {"run_ids": [run_id], "metric_key": "m", "max_results": buckets}
        if steps:
            query |= {"start_step": steps[0], "end_step": steps[1]}
        found = server.get("metrics/get-history-bulk-interval", **query).json()["metrics"]
        assert [m["step"] for m in found] == expected
        assert {m["run_id"] for m in found} == {run_id}

    @pytest.mark.parametrize(
        "query",
        [
            {"metric_key": "m"},
            {"run_ids": "r"},
            {"start_step": 1},
            {"start_step": 2, "end_step": 1},
            {"max_results": 0},
            {"max_results": 2501},
        ],
    )
    def test_interval_bad_input(self, server: RunningServer, query: dict[str, Any]) -> None:
        whole = {"run_ids": "r", "metric_key": "m"} if (len(query) == 1 and "max" in str(query)) or "start_step" in query else {}
        assert server.get("metrics/get-history-bulk-interval", **(whole | query)).status_code == 400
