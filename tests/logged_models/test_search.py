"""Searches of logged models against tables of what they find; the same on both databases."""

from __future__ import annotations

import time
from typing import Any

import pytest

from tests.conftest import RunningServer

MODELS: list[dict[str, Any]] = [  # in the order of their creation
    {"name": "b", "model_type": "agent", "params": {"n": "0", "a b": "x"}, "tags": {"t": "one"}, "status": 2},
    {"name": "a", "model_type": "Agent", "params": {"n": "1"}, "tags": {"t": "two"}, "status": 1},
    {"name": "c", "model_type": "", "params": {"n": "2"}, "tags": {}, "status": 3},
    {"name": "d", "model_type": "agent", "params": {}, "tags": {"t": "One"}, "status": 2},
]
METRICS: dict[
    str, list[tuple[Any, ...]]
] = {  # (key, value, timestamp, step, dataset, digest); the latest is by timestamp, then by step
    "b": [("acc", 0.1, 1, 0, "train", "1"), ("acc", 0.9, 2, 0, "test", "1"), ("acc", 0.95, 2, 1, "test", "2")],
    "a": [("acc", 0.5, 9, 0, "train", "1"), ("acc", 0.2, 3, 9, "train", "1"), ("loss", "NaN", 1, 0, "", "")],
    "c": [("acc", 0.3, 1, 0, "train", "2"), ("loss", 2.5, 1, 0, "", "")],
}


@pytest.fixture(scope="module")
def number(server: RunningServer) -> str:
    """An experiment with the models and their metrics."""
    experiment_id = server.experiment()
    run_id = server.run(experiment_id)

    def pairs(found: dict[str, str]) -> list[dict[str, str]]:
        return [{"key": key, "value": value} for key, value in found.items()]

    for item in MODELS:
        fields = {
            "name": item["name"],
            "model_type": item["model_type"],
            "params": pairs(item["params"]),
            "tags": pairs(item["tags"]),
        }
        body = {"experiment_id": experiment_id, "source_run_id": f"r{item['name']}", **fields}
        model_id = server.ok("logged-models", body)["model"]["info"]["model_id"]
        server.call("PATCH", f"logged-models/{model_id}", {"status": item["status"]})
        names = ("key", "value", "timestamp", "step", "dataset_name", "dataset_digest")
        metrics = [dict(zip(names, row, strict=True), model_id=model_id) for row in METRICS.get(item["name"], [])]
        server.ok("runs/log-batch", {"run_id": run_id, "metrics": metrics})
        time.sleep(0.002)
    deleted = server.ok("logged-models", {"experiment_id": experiment_id, "name": "deleted"})["model"]["info"]["model_id"]
    server.call("DELETE", f"logged-models/{deleted}")
    server.ok("logged-models", {"experiment_id": server.experiment(), "name": "elsewhere"})
    return experiment_id


def found(server: RunningServer, number: str, **body: Any) -> str:
    answer = server.post("logged-models/search", {"experiment_ids": [number], **body})
    assert answer.status_code == 200, answer.text
    return "".join(model["info"]["name"] for model in answer.json().get("models", []))


def by(*names: str, **dataset: str) -> list[dict[str, Any]]:
    """`-name` descends."""
    return [{"field_name": name.removeprefix("-"), "ascending": not name.startswith("-"), **dataset} for name in names]


class TestFilters:
    @pytest.mark.parametrize(
        ("text", "names"),
        [
            ("", "abcd"), ("name = 'a'", "a"), ("attributes.name != 'a'", "bcd"), ("name IN ('a', 'd')", "ad"), ("attributes.name NOT IN ('a', 'd')", "bc"), ("name LIKE 'A'", ""),
            ("name ILIKE 'A'", "a"), ("model_type = 'agent'", "bd"), ("model_type ILIKE 'AGENT'", "abd"), ("model_type = ''", "c"), ("source_run_id = 'rb'", "b"),
            ("status = 'READY'", "bd"), ("status = 'LOGGED_MODEL_READY'", "bd"), ("status = '2'", "bd"), ("status != 'READY'", "ac"), ("status IN ('PENDING', 'UPLOAD_FAILED')", "ac"),
            ("status = 'nonsense'", ""), ("creation_timestamp > 0", "abcd"), ("creation_time < 5", ""), ("last_updated_timestamp >= 0 AND name = 'c'", "c"),
            ("params.n = '1'", "a"), ("params.n != '1'", "bc"), ("params.n LIKE '_'", "abc"), ("params.`a b` = 'x'", "b"), ("params.n IN ('0', '2')", "bc"), ("params.nothing = '1'", ""),
            ("tags.t = 'one'", "b"), ("tags.t ILIKE 'one'", "bd"), ("tags.t != 'two'", "bd"), ("tags.t IS NULL", "c"), ("params.n = '0' AND tags.t = 'one'", "b"),
            ("params.n = '0' OR tags.t = 'One'", "bd"), ("NOT (params.n = '0')", "acd"), ("metrics.acc > 0.4", "ab"), ("metrics.acc >= 0.95", "b"), ("metrics.acc = 0.3", "c"),
            ("metrics.acc > 0.1 AND metrics.acc < 0.3", "ab"), ("metrics.acc > 0.3 AND metrics.acc < 0.1", ""), ("metrics.loss != 2.5", "a"), ("metrics.loss > 0", "c"), ("metrics.nothing > 0", ""),
            ("metrics.`acc · train` > 0.4", "a"), ("metrics.`acc · test` > 0.4", "b"), ("metrics.`acc · train · 2` > 0", "c"), ("metrics.`acc · nobody` > 0", ""), ("experiment_id = '999999'", ""),
        ],
    )  # fmt: skip
    def test_find(self, server: RunningServer, number: str, text: str, names: str) -> None:
        assert found(server, number, filter=text, order_by=by("name")) == names

    @pytest.mark.parametrize(
        ("text", "datasets", "names"),
        [
            ("", [("train", None)], "abc"), ("", [("test", None)], "b"), ("", [("train", "2")], "c"), ("", [("test", "1"), ("train", "2")], "bc"), ("", [("nobody", None)], ""),
            ("metrics.acc > 0.4", [("train", None)], "a"), ("metrics.acc > 0.4", [("test", None)], "b"), ("metrics.acc > 0.92", [("test", "1")], ""),
            ("name = 'metrics.acc' OR name LIKE '%'", [("test", None)], "b"), ("NOT metrics.acc > 0.4", [("train", None)], "bcd"), ("metrics.loss > 0", [("train", None)], ""),
        ],
    )  # fmt: skip
    def test_look_at_the_datasets_only(
        self, server: RunningServer, number: str, text: str, datasets: list[tuple[str, str | None]], names: str
    ) -> None:
        asked = [{"dataset_name": name} | ({"dataset_digest": digest} if digest else {}) for name, digest in datasets]
        assert found(server, number, filter=text, datasets=asked, order_by=by("name")) == names

    @pytest.mark.parametrize(
        "text",
        [
            "metric.acc > 1", "param.n = '1'", "tag.t = '1'", "attribute.name = 'a'", "nam = 'a'", "name > 'a'", "creation_timestamp = 'a'", "creation_timestamp LIKE 1",
            "metrics.acc = 'x'", "metrics.acc LIKE 1", "params.n = 1", "params.n > 'a'", "name = a", "name = 'a' name = 'b'", "name = 'a' AND", "lifecycle_stage = 'deleted'",
        ],
    )  # fmt: skip
    def test_bad_input(self, server: RunningServer, number: str, text: str) -> None:
        answer = server.post("logged-models/search", {"experiment_ids": [number], "filter": text})
        assert (answer.status_code, answer.json()["error_code"]) == (400, "INVALID_PARAMETER_VALUE"), answer.text


class TestOrders:
    @pytest.mark.parametrize(
        ("order", "names"),
        [
            ([], "dcab"), (by("name"), "abcd"), (by("-name"), "dcba"), (by("creation_time"), "bacd"), (by("-creation_timestamp"), "dcab"), (by("model_type", "name"), "cabd"),
            (by("status", "-name"), "adbc"), (by("metrics.acc"), "cabd"), (by("-metrics.acc"), "bacd"), (by("metrics.acc", dataset_name="train"), "bcad"),
            (by("-metrics.acc", dataset_name="test"), "bdca"), (by("metrics.acc", dataset_name="test", dataset_digest="1"), "bdca"), (by("metrics.loss", "name"), "cabd"),
            (by("-metrics.loss", "name"), "cabd"), (by("metrics.nothing"), "dcab"), (by("metrics.acc", dataset_name="train") + by("metrics.acc", dataset_name="test"), "bcad"),
        ],
    )  # fmt: skip
    def test_sort(self, server: RunningServer, number: str, order: list[dict[str, Any]], names: str) -> None:
        assert found(server, number, order_by=order) == names

    @pytest.mark.parametrize("order", [by("-metrics.acc"), by("name"), by("metrics.loss", "-status"), []])
    def test_pages_hold_everything_once(self, server: RunningServer, number: str, order: list[dict[str, Any]]) -> None:
        names = ""
        token: str | None = ""
        while token is not None:
            body = {"experiment_ids": [number], "max_results": 1, "order_by": order, "page_token": token}
            page = server.ok("logged-models/search", body)
            names += page["models"][0]["info"]["name"]
            token = page.get("next_page_token")
        assert names == found(server, number, order_by=order)
        assert sorted(names) == ["a", "b", "c", "d"]

    @pytest.mark.parametrize(
        "change",
        [
            {"filter": "name != 'x'"}, {"order_by": by("-name")}, {"experiment_ids": ["0"]}, {"datasets": [{"dataset_name": "train"}]},
            {"order_by": by("name", dataset_name="x")},
        ],
    )  # fmt: skip
    def test_a_token_belongs_to_its_query(self, server: RunningServer, number: str, change: dict[str, Any]) -> None:
        body = {"experiment_ids": [number], "max_results": 1, "order_by": by("name")}
        token = server.ok("logged-models/search", body)["next_page_token"]
        assert server.post("logged-models/search", body | {"page_token": token}).status_code == 200
        refused = server.post("logged-models/search", body | change | {"page_token": token})
        assert (refused.status_code, "another query" in refused.json()["message"]) == (400, True)


class TestLimits:
    def test_a_page_holds_fifty_unless_asked_for_more(self, server: RunningServer) -> None:
        number = server.experiment()
        for i in range(51):
            server.ok("logged-models", {"experiment_id": number, "name": f"m{i}"})
        page = server.ok("logged-models/search", {"experiment_ids": [number]})
        assert (len(page["models"]), "next_page_token" in page) == (50, True)
        assert len(server.ok("logged-models/search", {"experiment_ids": [number], "max_results": 51})["models"]) == 51

    @pytest.mark.parametrize(
        ("body", "status"),
        [
            ({"datasets": [{"dataset_name": f"d{i}"} for i in range(100)]}, 200), ({"datasets": [{"dataset_name": f"d{i}"} for i in range(101)]}, 400),
            ({"order_by": by(*(f"metrics.m{i}" for i in range(20)))}, 200), ({"order_by": by(*(f"metrics.m{i}" for i in range(21)))}, 400),
            ({"experiment_ids": [str(i) for i in range(10_000)]}, 200), ({"experiment_ids": [str(i) for i in range(10_001)]}, 400),
            ({"max_results": 50_000}, 200), ({"max_results": 50_001}, 400), ({"max_results": -1}, 400), ({"max_results": "x"}, 400),
            ({"experiment_ids": ["0", "0"]}, 200), ({"experiment_ids": ["1e3"]}, 400), ({"experiment_ids": [0]}, 400), ({"experiment_ids": ["9" * 40]}, 400),
        ],
    )  # fmt: skip
    def test_at_the_limit_and_one_past_it(self, server: RunningServer, body: dict[str, Any], status: int) -> None:
        answer = server.post("logged-models/search", {"experiment_ids": ["0"], **body})
        assert answer.status_code == status, answer.text
