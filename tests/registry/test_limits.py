"""Names, keys and values at each limit and one past it; fields of a wrong type."""

from __future__ import annotations

from typing import Any

import pytest

from tests.conftest import RunningServer

MODEL = "limits"


@pytest.fixture(scope="module", autouse=True)
def model(server: RunningServer) -> None:
    server.ok("registered-models/create", {"name": MODEL})
    server.ok("model-versions/create", {"name": MODEL, "source": "s3://b/m"})


def pairs(count: int) -> list[dict[str, str]]:
    return [{"key": f"k{i}", "value": "v"} for i in range(count)]


VERSION = {"name": MODEL, "version": "1"}
SOURCE = {"name": MODEL, "source": "s3://b/m"}
AT_AND_PAST = [  # method, path, the rest of the body, field, what repeats, limit
    ("POST", "registered-models/create", {}, "name", "n", 256),
    ("POST", "registered-models/create", {"name": "described"}, "description", "d", 100_000),
    ("PATCH", "registered-models/update", {"name": MODEL}, "description", "d", 100_000),
    ("POST", "registered-models/set-tag", {"name": MODEL, "value": "v"}, "key", "k", 250),
    ("POST", "registered-models/set-tag", {"name": MODEL, "key": "k"}, "value", "v", 100_000),
    ("POST", "registered-models/alias", VERSION, "alias", "a", 255),
    ("POST", "model-versions/create", {"name": MODEL}, "source", "s3://b/" + "x" * 41, 2048 // 48),
    ("POST", "model-versions/create", SOURCE, "run_id", "r", 256),
    ("POST", "model-versions/create", SOURCE, "run_link", "r", 2048),
    ("POST", "model-versions/create", SOURCE, "description", "d", 100_000),
    ("PATCH", "model-versions/update", VERSION, "description", "d", 100_000),
    ("POST", "model-versions/set-tag", {**VERSION, "value": "v"}, "key", "k", 250),
    ("POST", "model-versions/set-tag", {**VERSION, "key": "k"}, "value", "v", 100_000),
    ("POST", "model-versions/set-tag", {**VERSION, "key": "mlflow.prompt.text"}, "value", "é", 100_000),
]


class TestLengths:
    @pytest.mark.parametrize(("method", "path", "body", "field", "unit", "limit"), AT_AND_PAST)
    def test_at_the_limit_and_one_past_it(
        self, server: RunningServer, method: str, path: str, body: dict[str, Any], field: str, unit: str, limit: int
    ) -> None:
        past = server.call(method, path, {**body, field: unit * (limit + 1)})
        assert (past.status_code, past.json()["error_code"]) == (400, "INVALID_PARAMETER_VALUE"), past.text
        assert len(past.text) < 1000
        at = server.call(method, path, {**body, field: unit * limit})
        assert at.status_code == 200, at.text

    @pytest.mark.parametrize("path", ["registered-models/create", "model-versions/create"])
    def test_number_of_tags(self, server: RunningServer, path: str) -> None:
        body = {"name": f"many tags {path.partition('/')[0]}", "source": "s3://b/m"}
        if path.startswith("model-versions"):
            server.ok("registered-models/create", {"name": body["name"]})
        assert server.post(path, {**body, "tags": pairs(1001)}).status_code == 400
        assert len(next(iter(server.ok(path, {**body, "tags": pairs(1000)}).values()))["tags"]) == 1000

    def test_long_names_are_found_again(self, server: RunningServer) -> None:
        name = "ü" * 256
        server.ok("registered-models/create", {"name": name})
        server.ok("registered-models/set-tag", {"name": name, "key": "ü" * 250, "value": ""})
        assert server.get("registered-models/get", name=name).json()["registered_model"]["tags"][0]["value"] == ""


class TestWrongTypes:
    @pytest.mark.parametrize(
        ("method", "path", "body"),
        [
            ("POST", "registered-models/create", {"name": ["a"]}), ("POST", "registered-models/create", {"name": "t", "tags": {}}),
            ("POST", "registered-models/create", {"name": "t", "tags": ["a"]}), ("POST", "registered-models/create", {"name": "t", "tags": [{"value": "v"}]}),
            ("POST", "registered-models/create", {"name": "t", "tags": [{"key": "a", "value": 1}]}), ("POST", "registered-models/create", {"name": "t", "description": 5}),
            ("POST", "registered-models/create", {"name": "t", "tags": [{"key": "../x", "value": "v"}]}), ("POST", "registered-models/rename", {"name": MODEL}),
            ("POST", "registered-models/rename", {"name": MODEL, "new_name": "a/b"}), ("POST", "registered-models/rename", {"name": MODEL, "new_name": " "}),
            ("PATCH", "registered-models/update", {}), ("DELETE", "registered-models/delete", {"name": 5}), ("DELETE", "registered-models/delete", {}),
            ("POST", "registered-models/get-latest-versions", {"name": MODEL, "stages": "None"}), ("POST", "registered-models/get-latest-versions", {"name": MODEL, "stages": ["x"]}),
            ("POST", "registered-models/set-tag", {"name": MODEL, "value": "v"}), ("POST", "registered-models/set-tag", {"name": MODEL, "key": "a//b"}),
            ("DELETE", "registered-models/delete-tag", {"name": MODEL}), ("POST", "registered-models/alias", {"name": MODEL, "alias": "a"}),
            ("POST", "registered-models/alias", {"name": MODEL, "alias": "a", "version": "one"}), ("DELETE", "registered-models/alias", {"name": MODEL, "alias": "a b"}),
            ("POST", "model-versions/create", {"name": MODEL}), ("POST", "model-versions/create", {"source": "s3://b/m"}), ("POST", "model-versions/create", {**SOURCE, "model_id": "m" * 257}),
            ("POST", "model-versions/create", {**SOURCE, "tags": [{"key": "a", "value": {}}]}), ("PATCH", "model-versions/update", {"name": MODEL}),
            ("PATCH", "model-versions/update", {"name": MODEL, "version": 1.5}), ("POST", "model-versions/transition-stage", VERSION),
            ("POST", "model-versions/transition-stage", {**VERSION, "stage": "None", "archive_existing_versions": "yes"}), ("DELETE", "model-versions/delete", {"version": "1"}),
            ("POST", "model-versions/set-tag", {**VERSION, "key": ""}), ("DELETE", "model-versions/delete-tag", {**VERSION, "key": "a/../b"}),
        ],
    )  # fmt: skip
    def test_are_named(self, server: RunningServer, method: str, path: str, body: dict[str, Any]) -> None:
        answer = server.call(method, path, body)
        assert (answer.status_code, answer.json()["error_code"]) == (400, "INVALID_PARAMETER_VALUE"), answer.text

    @pytest.mark.parametrize(
        ("path", "query"),
        [
            ("registered-models/get", {}), ("registered-models/get", {"name": ["a", "b"]}), ("registered-models/get", {"name": "a\x00"}),
            ("registered-models/alias", {"name": MODEL}), ("registered-models/alias", {"name": MODEL, "alias": "a b"}),
            ("model-versions/get", {"name": MODEL}), ("model-versions/get", {"name": MODEL, "version": "-1.0"}), ("model-versions/get", {"name": MODEL, "version": "9" * 30}),
            ("model-versions/get", {"name": MODEL, "version": "١"}), ("model-versions/get-download-uri", {"name": MODEL, "version": "1.0"}),
            ("model-versions/search", {"max_results": 200_001}), ("model-versions/search", {"max_results": 0}), ("registered-models/search", {"max_results": -1}),
            ("model-versions/search", {"page_token": "x"}), ("registered-models/search", {"page_token": "eyJvZmZzZXQiOiAxfQ=="}),
        ],
    )  # fmt: skip
    def test_in_a_query(self, server: RunningServer, path: str, query: dict[str, Any]) -> None:
        answer = server.get(path, **query)
        assert (answer.status_code, answer.json()["error_code"]) == (400, "INVALID_PARAMETER_VALUE"), answer.text

    @pytest.mark.parametrize(
        ("method", "path", "body"),
        [
            ("POST", "registered-models/rename", {"name": "nobody", "new_name": "x"}), ("PATCH", "registered-models/update", {"name": "nobody"}),
            ("DELETE", "registered-models/delete", {"name": "nobody"}), ("POST", "registered-models/get-latest-versions", {"name": "nobody"}),
            ("POST", "registered-models/set-tag", {"name": "nobody", "key": "k", "value": "v"}), ("DELETE", "registered-models/delete-tag", {"name": "nobody", "key": "k"}),
            ("POST", "registered-models/alias", {"name": "nobody", "alias": "a", "version": "1"}), ("POST", "registered-models/alias", {"name": MODEL, "alias": "a", "version": "999999"}),
            ("DELETE", "registered-models/alias", {"name": "nobody", "alias": "a"}), ("POST", "model-versions/create", {"name": "nobody", "source": "s3://b/m"}),
            ("PATCH", "model-versions/update", {"name": MODEL, "version": "999999"}), ("DELETE", "model-versions/delete", {"name": MODEL, "version": "999999"}),
            ("POST", "model-versions/transition-stage", {"name": MODEL, "version": "999999", "stage": "Staging"}),
            ("POST", "model-versions/set-tag", {"name": MODEL, "version": "999999", "key": "k", "value": "v"}),
            ("DELETE", "model-versions/delete-tag", {"name": MODEL, "version": "999999", "key": "k"}),
        ],
    )  # fmt: skip
    def test_what_is_not_there(self, server: RunningServer, method: str, path: str, body: dict[str, Any]) -> None:
        answer = server.call(method, path, body)
        assert (answer.status_code, answer.json()["error_code"]) == (404, "RESOURCE_DOES_NOT_EXIST"), answer.text
