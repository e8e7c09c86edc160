"""Searches of the registry against tables of what they find; the same on both databases."""

from __future__ import annotations

import time
from typing import Any

import pytest

from tests.conftest import RunningServer

PROMPT = {"key": "mlflow.prompt.is_prompt", "value": "true"}
MODELS = {  # in the order of their creation
    "find-Beta": {"stage": "prod", "team": "red"}, "find-alpha": {"stage": "prod"}, "find-gamma": {"stage": "dev", "team": "Red"},
    "find-x_y": {"team": "50%"}, "find-o'brien": {},
}  # fmt: skip


@pytest.fixture(scope="module", autouse=True)
def registry(server: RunningServer) -> None:
    for name, tags in MODELS.items():
        pairs = [{"key": key, "value": value} for key, value in tags.items()]
        server.ok("registered-models/create", {"name": name, "tags": pairs})
        time.sleep(0.002)  # creation times that differ
    server.ok("registered-models/create", {"name": "find-prompt", "tags": [PROMPT]})
    server.ok("model-versions/create", {"name": "find-prompt", "source": "dummy-source", "tags": [PROMPT]})
    server.ok("registered-models/create", {"name": "find-mlflow.prompt.is_prompt"})
    for number in range(1, 12):  # eleven versions, so that 10 must come after 9
        run_id, odd = f"r{number % 3}", {"key": "odd", "value": str(number % 2)}
        body = {"name": "find-alpha", "source": f"runs:/{run_id}/m{number}", "run_id": run_id, "tags": [odd]}
        server.ok("model-versions/create", body)
        time.sleep(0.002)
    server.ok("model-versions/create", {"name": "find-Beta", "source": "s3://bucket/One"})
    server.ok("model-versions/create", {"name": "find-Beta", "source": "s3://bucket/two"})
    server.call("DELETE", "model-versions/delete", {"name": "find-Beta", "version": "1"})


def models(server: RunningServer, text: str | None, **query: Any) -> list[str]:
    answer = server.get("registered-models/search", **({"filter": text} if text is not None else {}), **query)
    assert answer.status_code == 200, answer.text
    return [model["name"].removeprefix("find-") for model in answer.json().get("registered_models", [])]


def versions(server: RunningServer, text: str, **query: Any) -> list[str]:
    answer = server.get("model-versions/search", filter=text, **query)
    assert answer.status_code == 200, answer.text
    return [f"{found['name'].removeprefix('find-')}/{found['version']}" for found in answer.json().get("model_versions", [])]


def alphas(*numbers: int) -> list[str]:
    return [f"alpha/{number}" for number in numbers]


class TestRegisteredModels:
    @pytest.mark.parametrize(
        ("text", "names"),
        [
            ("", ["Beta", "alpha", "gamma", "mlflow.prompt.is_prompt", "o'brien", "x_y"]), (None, ["Beta", "alpha", "gamma", "mlflow.prompt.is_prompt", "o'brien", "x_y"]),
            ("name = 'find-alpha'", ["alpha"]), ("name = 'FIND-ALPHA'", []), ("attribute.name = 'find-alpha'", ["alpha"]), ("name = 'find-o''brien'", ["o'brien"]),
            ("name = \"find-o'brien\"", ["o'brien"]), ("name != 'find-alpha' AND name LIKE 'find-%a'", ["Beta", "gamma"]), ("name LIKE 'find-B%'", ["Beta"]),
            ("name LIKE 'find-b%'", []), ("name ILIKE 'FIND-b%'", ["Beta"]), ("name LIKE 'find-x\\_y'", []), ("name LIKE '%x_y'", ["x_y"]), ("name IN ('find-alpha', 'nobody')", ["alpha"]),
            ("name NOT IN ('find-alpha') AND name LIKE '%a'", ["Beta", "gamma"]), ("tags.stage = 'prod'", ["Beta", "alpha"]), ("tag.stage != 'prod'", ["gamma"]),
            ("tags.team = 'red'", ["Beta"]), ("tags.team ILIKE 'RED'", ["Beta", "gamma"]), ("tags.team LIKE '50%'", ["x_y"]), ("tags.nothing = 'x'", []),
            ("tags.stage = 'prod' AND tags.team = 'red'", ["Beta"]), ("tags.stage = 'dev' OR tags.team = '50%'", ["gamma", "x_y"]),
            ("NOT (tags.stage = 'prod') AND name LIKE '%a'", ["gamma"]), ("tags.`mlflow.prompt.is_prompt` = 'true'", ["prompt"]), ("tags.`mlflow.prompt.is_prompt` != 'false'", ["prompt"]),
            ("tags.`mlflow.prompt.is_prompt` = 'false' AND name LIKE '%a'", ["Beta", "alpha", "gamma"]), ("tags.`mlflow.prompt.is_prompt` != 'true' AND name LIKE '%a'", ["Beta", "alpha", "gamma"]),
            ("name = 'find-mlflow.prompt.is_prompt' OR name = 'find-prompt'", ["mlflow.prompt.is_prompt"]),
            ("(tags.`mlflow.prompt.is_prompt` = 'true' AND name LIKE '%t') OR name = 'find-alpha'", ["alpha", "prompt"]),
        ],
    )  # fmt: skip
    def test_filters(self, server: RunningServer, text: str | None, names: list[str]) -> None:
        assert models(server, text) == names

    @pytest.mark.parametrize(
        ("order", "names"),
        [
            (["name ASC"], ["Beta", "alpha", "gamma"]), (["name DESC"], ["gamma", "alpha", "Beta"]), (["creation_timestamp"], ["Beta", "alpha", "gamma"]),
            (["creation_timestamp DESC"], ["gamma", "alpha", "Beta"]), (["timestamp DESC"], ["Beta", "alpha", "gamma"]), (["last_updated_timestamp ASC", "name"], ["gamma", "alpha", "Beta"]),
        ],
    )  # fmt: skip
    def test_orders(self, server: RunningServer, order: list[str], names: list[str]) -> None:
        assert models(server, "name LIKE '%a'", order_by=order) == names

    @pytest.mark.parametrize("order", [["name DESC"], ["timestamp ASC"], []])
    def test_pages_hold_everything_once(self, server: RunningServer, order: list[str]) -> None:
        found: list[str] = []
        token = ""
        while True:
            page = server.get("registered-models/search", max_results=2, page_token=token, order_by=order).json()
            found += [model["name"] for model in page["registered_models"]]
            token = page.get("next_page_token")
            if not token:
                break
        assert len(found) == 6
        assert [name.removeprefix("find-") for name in found] == models(server, "", order_by=order)

    @pytest.mark.parametrize(
        "query",
        [
            {"filter": "nam = 'x'"}, {"filter": "name > 'a'"}, {"filter": "name = x"}, {"filter": "name = 'x"}, {"filter": "run_id = 'x'"}, {"filter": "params.x = '1'"},
            {"filter": "tags.x = 5"}, {"filter": "name = 'a' name = 'b'"}, {"filter": "name IN ()"}, {"order_by": "nobody"}, {"order_by": ["name", "name DESC"]},
            {"order_by": "metrics.x"}, {"order_by": "name SIDEWAYS"}, {"filter": "tags.`mlflow.prompt.is_prompt` > 'true'"},
        ],
    )  # fmt: skip
    def test_bad_input(self, server: RunningServer, query: dict[str, Any]) -> None:
        answer = server.get("registered-models/search", **query)
        assert (answer.status_code, answer.json()["error_code"]) == (400, "INVALID_PARAMETER_VALUE"), answer.text

    def test_a_token_belongs_to_its_query(self, server: RunningServer) -> None:
        token = server.get("registered-models/search", max_results=1).json()["next_page_token"]
        assert server.get("registered-models/search", max_results=1, page_token=token, filter="name LIKE '%'").status_code == 400
        assert server.get("model-versions/search", max_results=1, page_token=token).status_code == 400


class TestModelVersions:
    @pytest.mark.parametrize(
        ("text", "found"),
        [
            ("name = 'find-alpha'", alphas(11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1)), ("version_number > 9", alphas(11, 10)), ("version_number >= 9 AND version_number != 10", alphas(11, 9)),
            ("version_number < 99999999999 AND name = 'find-Beta'", ["Beta/2"]), ("version_number BETWEEN 2 AND 3 AND name LIKE '%alpha'", alphas(3, 2)),
            ("run_id = 'r0'", alphas(9, 6, 3)), ("run_id IN ('r0', 'r1')", alphas(10, 9, 7, 6, 4, 3, 1)), ("run_id NOT IN ('r0', 'r1') AND name = 'find-alpha'", alphas(11, 8, 5, 2)),
            ("run_id LIKE 'r_' AND version_number <= 2", alphas(2, 1)), ("source_path = 'runs:/r2/m5'", alphas(5)), ("source_path LIKE '%two'", ["Beta/2"]), ("source_path LIKE '%Two'", []),
            ("source_path ILIKE '%TWO'", ["Beta/2"]), ("source_path LIKE '%One'", []), ("source_path LIKE 'REDACTED%'", []), ("tags.odd = '1' AND version_number > 8", alphas(11, 9)),
            ("tag.odd != '1' AND version_number > 8", alphas(10)), ("name = 'find-prompt'", []), ("name = 'find-prompt' AND tag.`mlflow.prompt.is_prompt` = 'true'", ["prompt/1"]),
            ("tags.`mlflow.prompt.is_prompt` = 'false' AND version_number > 10", alphas(11)), ("name = 'mlflow.prompt.is_prompt' OR name = 'find-prompt'", []),
        ],
    )  # fmt: skip
    def test_filters(self, server: RunningServer, text: str, found: list[str]) -> None:
        assert versions(server, text) == found

    @pytest.mark.parametrize(
        ("order", "found"),
        [
            (["version_number ASC"], alphas(8, 9, 10, 11)), (["version_number DESC"], alphas(11, 10, 9, 8)), (["creation_timestamp ASC"], alphas(8, 9, 10, 11)),
            (["name DESC"], alphas(11, 10, 9, 8)), (["last_updated_timestamp ASC"], alphas(8, 9, 10, 11)),
        ],
    )  # fmt: skip
    def test_orders(self, server: RunningServer, order: list[str], found: list[str]) -> None:
        assert versions(server, "name = 'find-alpha' AND version_number >= 8", order_by=order) == found

    def test_an_asked_order_is_continued_by_name(self, server: RunningServer) -> None:
        """Beta's version is newer than alpha's, and stands before it by its name alone."""
        assert versions(server, "version_number = 2", order_by=["version_number DESC"]) == ["Beta/2", "alpha/2"]
        server.call("PATCH", "model-versions/update", {"name": "find-alpha", "version": "2", "description": "newer now"})
        assert versions(server, "version_number = 2", order_by=["version_number DESC"]) == ["Beta/2", "alpha/2"]
        assert versions(server, "version_number = 2") == ["alpha/2", "Beta/2"]

    def test_pages_hold_everything_once(self, server: RunningServer) -> None:
        found: list[str] = []
        query: dict[str, Any] = {"filter": "name LIKE 'find-%'", "max_results": 5, "order_by": ["version_number DESC"]}
        token = ""
        while token is not None:
            page = server.get("model-versions/search", **query, page_token=token).json()
            found += [version["version"] for version in page["model_versions"]]
            token = page.get("next_page_token")
        assert found == ["11", "10", "9", "8", "7", "6", "5", "4", "3", "2", "2", "1"]

    @pytest.mark.parametrize(
        "query",
        [
            {"filter": "version_number = '1.5'"}, {"filter": "version_number LIKE 1"}, {"filter": "run_id = 5"}, {"filter": "run_id > 'a'"}, {"filter": "versions = 1"},
            {"filter": "metrics.x > 1"}, {"filter": "version_number = 99999999999999999999"}, {"order_by": "run"}, {"order_by": ["version_number", "version_number DESC"]},
        ],
    )  # fmt: skip
    def test_bad_input(self, server: RunningServer, query: dict[str, Any]) -> None:
        answer = server.get("model-versions/search", **query)
        assert (answer.status_code, answer.json()["error_code"]) == (400, "INVALID_PARAMETER_VALUE"), answer.text
