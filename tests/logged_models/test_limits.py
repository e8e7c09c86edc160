"""Names, keys and values at each limit and one past it, and what two writers do to one model."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from tests.conftest import RunningServer


def make(server: RunningServer, **fields: Any) -> str:
    return str(server.ok("logged-models", {"experiment_id": "0", **fields})["model"]["info"]["model_id"])


def pairs(count: int) -> list[dict[str, str]]:
    return [{"key": f"k{i}", "value": "v"} for i in range(count)]


class TestCreate:
    @pytest.mark.parametrize(("field", "limit"), [("name", 500), ("model_type", 500), ("source_run_id", 256)])
    def test_texts(self, server: RunningServer, field: str, limit: int) -> None:
        body = {"experiment_id": "0", "params": []}
        past = server.post("logged-models", {**body, field: "ü" * (limit + 1)})
        assert (past.status_code, past.json()["error_code"]) == (400, "INVALID_PARAMETER_VALUE")
        assert field in past.json()["message"]
        assert server.ok("logged-models", {**body, field: "ü" * limit})["model"]["info"][field] == "ü" * limit

    @pytest.mark.parametrize(
        ("field", "pair", "status"),
        [
            ("params", {"key": "k" * 250, "value": "v" * 6000}, 200), ("params", {"key": "k" * 251, "value": "v"}, 400), ("params", {"key": "k", "value": "v" * 6001}, 400),
            ("tags", {"key": "k" * 250, "value": "v" * 100_000}, 200), ("tags", {"key": "k" * 251, "value": "v"}, 400), ("tags", {"key": "k", "value": "v" * 100_001}, 400),
            ("params", {"key": "a b/c.d:e-f", "value": ""}, 200), ("params", {"key": "", "value": "v"}, 400), ("params", {"key": "a//b", "value": "v"}, 200),
            ("params", {"key": "a;b", "value": "v"}, 200), ("tags", {"key": "../x", "value": "v"}, 200), ("tags", {"key": "k", "value": 5}, 400), ("tags", {"value": "v"}, 400),
        ],
    )  # fmt: skip
    def test_params_and_tags(self, server: RunningServer, field: str, pair: dict[str, Any], status: int) -> None:
        body = {"experiment_id": "0", field: [pair]}
        assert server.post("logged-models", body).status_code == status
        model_id = make(server)
        method, path = (
            ("PATCH", f"logged-models/{model_id}/tags") if field == "tags" else ("POST", f"logged-models/{model_id}/params")
        )
        assert server.call(method, path, {field: [pair]}).status_code == status
        found = server.get(f"logged-models/{model_id}").json()["model"]
        assert (field in found["info" if field == "tags" else "data"]) == (status == 200)

    @pytest.mark.parametrize("field", ["params", "tags"])
    def test_number_of_them(self, server: RunningServer, field: str) -> None:
        assert server.post("logged-models", {"experiment_id": "0", field: pairs(1001)}).status_code == 400
        model = server.ok("logged-models", {"experiment_id": "0", field: pairs(1000)})["model"]
        assert len({**model["info"], **model["data"]}[field]) == 1000
        assert [pair["key"] for pair in {**model["info"], **model["data"]}[field]] == sorted(f"k{i}" for i in range(1000))

    def test_nothing_is_stored_of_a_request_that_is_refused(self, server: RunningServer) -> None:
        number = server.experiment()
        body = {
            "experiment_id": number,
            "name": "half",
            "params": [{"key": "good", "value": "1"}, {"key": "b" * 251, "value": "1"}],
        }
        assert server.post("logged-models", body).status_code == 400
        assert server.ok("logged-models/search", {"experiment_ids": [number]}) == {}


class TestParams:
    def test_all_or_none_of_a_batch_with_a_changed_value(self, server: RunningServer) -> None:
        model_id = make(server, params=[{"key": "lr", "value": "1"}])
        batch = [{"key": "new", "value": "1"}, {"key": "lr", "value": "2"}]
        refused = server.post(f"logged-models/{model_id}/params", {"params": batch})
        assert (refused.status_code, "lr" in refused.json()["message"]) == (400, True)
        assert server.get(f"logged-models/{model_id}").json()["model"]["data"]["params"] == [{"key": "lr", "value": "1"}]

    def test_two_writers_of_one_param_do_not_both_win(self, server: RunningServer) -> None:
        model_id = make(server)
        with ThreadPoolExecutor(8) as pool:
            bodies = [{"params": [{"key": "p", "value": str(i)}]} for i in range(8)]
            answers = list(pool.map(lambda body: server.post(f"logged-models/{model_id}/params", body), bodies))
        winners = [body for body, answer in zip(bodies, answers, strict=True) if answer.status_code == 200]
        assert {answer.status_code for answer in answers} == {200, 400}
        assert server.get(f"logged-models/{model_id}").json()["model"]["data"]["params"] == winners[0]["params"]
        assert len(winners) == 1


class TestTags:
    def test_parallel_writers_lose_nothing(self, server: RunningServer) -> None:
        model_id = make(server)
        with ThreadPoolExecutor(8) as pool:
            bodies = [{"tags": [{"key": f"k{i:02}", "value": "v"}, {"key": "shared", "value": str(i)}]} for i in range(24)]
            statuses = list(
                pool.map(lambda body: server.call("PATCH", f"logged-models/{model_id}/tags", body).status_code, bodies)
            )
        assert set(statuses) == {200}
        tags = server.get(f"logged-models/{model_id}").json()["model"]["info"]["tags"]
        assert [tag["key"] for tag in tags] == [f"k{i:02}" for i in range(24)] + ["shared"]

    def test_a_key_twice_keeps_the_last_value(self, server: RunningServer) -> None:
        model_id = make(server)
        body = {"tags": [{"key": "k", "value": "1"}, {"key": "k", "value": "2"}]}
        assert server.call("PATCH", f"logged-models/{model_id}/tags", body).status_code == 200
        assert server.get(f"logged-models/{model_id}").json()["model"]["info"]["tags"] == [{"key": "k", "value": "2"}]


class TestIds:
    @pytest.mark.parametrize("model_id", ["m-none", "x", "m-%ff", "%ED%A0%80", "m-" + "0" * 400])
    @pytest.mark.parametrize(
        ("method", "rest", "body"),
        [
            ("GET", "", None), ("PATCH", "", {"status": 2}), ("DELETE", "", {}), ("PATCH", "/tags", {"tags": pairs(1)}), ("DELETE", "/tags/k", {}),
            ("POST", "/params", {"params": pairs(1)}),
        ],
    )  # fmt: skip
    def test_unknown(self, server: RunningServer, model_id: str, method: str, rest: str, body: Any) -> None:
        answer = server.client.request(method, f"/api/2.0/mlflow/logged-models/{model_id}{rest}", json=body)
        assert (answer.status_code, answer.json()["error_code"]) == (404, "RESOURCE_DOES_NOT_EXIST"), answer.text

    @pytest.mark.parametrize("path", ["logged-models/m-%00", "logged-models/m-%00/tags/k", "logged-models/m-1/tags/%00"])
    def test_with_a_nul(self, server: RunningServer, path: str) -> None:
        assert server.client.request("DELETE", f"/api/2.0/mlflow/{path}", json={}).status_code == 400

    def test_writes_reach_a_deleted_model(self, server: RunningServer) -> None:
        """An upload that still runs ends well; a deleted model stays deleted."""
        model_id = make(server)
        assert [server.call("DELETE", f"logged-models/{model_id}").status_code for _ in range(2)] == [200, 200]
        assert server.call("PATCH", f"logged-models/{model_id}", {"status": "LOGGED_MODEL_READY"}).status_code == 200
        assert server.call("PATCH", f"logged-models/{model_id}/tags", {"tags": pairs(1)}).status_code == 200
        assert server.get(f"logged-models/{model_id}").status_code == 404
        found = server.get(f"logged-models/{model_id}", allow_deleted="true").json()["model"]["info"]
        assert (found["status"], found["tags"]) == ("LOGGED_MODEL_READY", pairs(1))
