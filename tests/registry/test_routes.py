from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from tests.conftest import RunningServer


def register(server: RunningServer, name: str, **fields: Any) -> dict[str, Any]:
    found: dict[str, Any] = server.ok("registered-models/create", {"name": name, **fields})["registered_model"]
    return found


def version(server: RunningServer, name: str, **fields: Any) -> dict[str, Any]:
    body = {"name": name, "source": "s3://elsewhere/model", **fields}
    found: dict[str, Any] = server.ok("model-versions/create", body)["model_version"]
    return found


def get(server: RunningServer, name: str) -> dict[str, Any]:
    found: dict[str, Any] = server.get("registered-models/get", name=name).json()["registered_model"]
    return found


class TestRegisteredModels:
    def test_create_get_update_rename_delete(self, server: RunningServer) -> None:
        made = register(server, "one", description="first", tags=[{"key": "a", "value": "1"}])
        assert made == get(server, "one")
        assert (made["description"], made["tags"]) == ("first", [{"key": "a", "value": "1"}])
        assert "latest_versions" not in made
        server.call("PATCH", "registered-models/update", {"name": "one", "description": "second"})
        assert get(server, "one")["description"] == "second"
        version(server, "one")
        server.ok("registered-models/rename", {"name": "one", "new_name": "uno"})
        assert get(server, "uno")["latest_versions"][0]["name"] == "uno"
        assert server.get("registered-models/get", name="one").status_code == 404
        assert server.call("DELETE", "registered-models/delete", {"name": "uno"}).json() == {}
        assert server.get("registered-models/get", name="uno").status_code == 404
        assert version(server, register(server, "uno")["name"])["version"] == "1"

    @pytest.mark.parametrize("name", ["", "  ", "a/b", "a:b", "../x", ".", "a\x00", "x" * 257, " padded", 5, None])
    def test_bad_names(self, server: RunningServer, name: Any) -> None:
        assert server.post("registered-models/create", {"name": name}).status_code == 400

    def test_names_are_exact(self, server: RunningServer) -> None:
        for name in ("Case", "case", "a%2fb", "é", "e\u0301"):
            register(server, name)
            assert get(server, name)["name"] == name

    def test_a_taken_name(self, server: RunningServer) -> None:
        register(server, "taken")
        answer = server.post("registered-models/create", {"name": "taken"})
        assert (answer.status_code, answer.json()["error_code"]) == (400, "RESOURCE_ALREADY_EXISTS")
        assert answer.json()["message"].startswith("Registered Model (name=taken) already exists.")
        prompt = server.post(
            "registered-models/create", {"name": "taken", "tags": [{"key": "mlflow.prompt.is_prompt", "value": "true"}]}
        )
        assert prompt.json()["error_code"] == "RESOURCE_ALREADY_EXISTS"
        assert "already taken by a registered model" in prompt.json()["message"]

    def test_tags(self, server: RunningServer) -> None:
        register(server, "tagged")
        server.ok("registered-models/set-tag", {"name": "tagged", "key": "k", "value": "v" * 100_000})
        assert server.post("registered-models/set-tag", {"name": "tagged", "key": "k", "value": "v" * 100_001}).status_code == 400
        for _ in range(2):
            assert server.call("DELETE", "registered-models/delete-tag", {"name": "tagged", "key": "k"}).status_code == 200
        assert "tags" not in get(server, "tagged")

    def test_missing(self, server: RunningServer) -> None:
        answer = server.get("registered-models/get", name="nope")
        assert (answer.status_code, answer.json()["error_code"]) == (404, "RESOURCE_DOES_NOT_EXIST")
        assert answer.json()["message"] == "Registered Model with name=nope not found"
        assert server.get("registered-models/get").status_code == 400


class TestVersions:
    def test_shape(self, server: RunningServer) -> None:
        register(server, "shaped")
        made = version(server, "shaped", tags=[{"key": "k", "value": "v"}], description="d")
        assert made == server.get("model-versions/get", name="shaped", version="1").json()["model_version"]
        fixed = {
            k: made[k]
            for k in ("name", "version", "current_stage", "status", "source", "run_id", "run_link", "description", "tags")
        }
        assert fixed == {
            "name": "shaped", "version": "1", "current_stage": "None", "status": "READY", "source": "s3://elsewhere/model",
            "run_id": "", "run_link": "", "description": "d", "tags": [{"key": "k", "value": "v"}],
        }  # fmt: skip
        uri = server.get("model-versions/get-download-uri", name="shaped", version="1").json()
        assert uri == {"artifact_uri": "s3://elsewhere/model"}

    def test_fifty_parallel_creations_get_fifty_numbers(self, server: RunningServer) -> None:
        register(server, "raced")
        with ThreadPoolExecutor(25) as pool:
            numbers = list(pool.map(lambda _: int(version(server, "raced")["version"]), range(50)))
        assert sorted(numbers) == list(range(1, 51))

    def test_numbers_are_not_reused_and_a_deleted_version_is_gone(self, server: RunningServer) -> None:
        register(server, "numbered")
        for _ in range(2):
            version(server, "numbered")
        server.ok("registered-models/alias", {"name": "numbered", "alias": "best", "version": "2"})
        assert server.call("DELETE", "model-versions/delete", {"name": "numbered", "version": "2"}).json() == {}
        for path in ("model-versions/get", "model-versions/get-download-uri"):
            answer = server.get(path, name="numbered", version="2")
            assert answer.json()["message"] == "Model Version (name=numbered, version=2) not found"
        assert "aliases" not in get(server, "numbered")
        assert version(server, "numbered")["version"] == "3"

    def test_a_version_that_is_no_number(self, server: RunningServer) -> None:
        register(server, "texted")
        answer = server.get("model-versions/get", name="texted", version="x")
        assert answer.json()["message"] == "Parameter 'version' must be an integer, got 'x'."

    def test_stages(self, server: RunningServer) -> None:
        register(server, "staged")
        for _ in range(3):
            version(server, "staged")

        def move(number: int, stage: str, archive: bool) -> int:
            body = {"name": "staged", "version": str(number), "stage": stage, "archive_existing_versions": archive}
            return server.post("model-versions/transition-stage", body).status_code

        assert move(1, "production", False) == 200
        assert move(2, "Production", True) == 200
        assert [move(3, "Archived", True), move(3, "nope", False)] == [400, 400]
        latest = server.ok("registered-models/get-latest-versions", {"name": "staged"})["model_versions"]
        assert {(v["version"], v["current_stage"]) for v in latest} == {("1", "Archived"), ("2", "Production"), ("3", "None")}
        by_get = server.get("registered-models/get-latest-versions", name="staged", stages=["Production"]).json()
        assert [v["version"] for v in by_get["model_versions"]] == ["2"]

    @pytest.mark.parametrize(
        "source",
        [
            "/etc", "file:///etc", "file://localhost/etc", "../../etc", "http:///?/../../etc/", "http:///#/../..", "s3://b/../../x",
            "mlflow-artifacts:/1/x", "mlflow-artifacts://evil/x", "ftp://h/x", "javascript:alert(1)", "C:\\windows", "models:/none/1",
            "runs:/none/x", "models:/m-0123", "s3://b/a?x=1", "s3://b/a#f", "dummy-source", "http://h/api/2.0/mlflow-artifacts/artifacts/1/x",
            "x" * 3000, "mlflow-artifacts:/%2e%2e/x", "..\\..\\x",
        ],
    )  # fmt: skip
    @pytest.mark.parametrize("tags", [[], [{"key": "mlflow.prompt.is_prompt", "value": "true"}]])
    def test_a_source_outside_what_the_request_names_is_refused(
        self, server: RunningServer, source: str, tags: list[Any]
    ) -> None:
        server.post("registered-models/create", {"name": "sourced"})
        answer = server.post("model-versions/create", {"name": "sourced", "source": source, "tags": tags})
        assert answer.status_code in (400, 404), answer.text
        assert "latest_versions" not in get(server, "sourced")

    def test_update_and_tags(self, server: RunningServer) -> None:
        register(server, "edited")
        version(server, "edited")
        body = {"name": "edited", "version": "1"}
        changed = server.call("PATCH", "model-versions/update", body | {"description": "text"}).json()["model_version"]
        assert changed["description"] == "text"
        server.ok("model-versions/set-tag", body | {"key": "k", "value": "1"})
        assert server.get("model-versions/get", **body).json()["model_version"]["tags"] == [{"key": "k", "value": "1"}]
        for _ in range(2):
            assert server.call("DELETE", "model-versions/delete-tag", body | {"key": "k"}).status_code == 200


class TestTimes:
    """What counts as a change: of the version, and of its model."""

    @pytest.mark.parametrize(
        ("method", "path", "body", "of_version", "of_model"),
        [
            ("PATCH", "model-versions/update", {"description": "text"}, True, False),
            ("POST", "model-versions/transition-stage", {"stage": "Staging"}, True, True),
            ("POST", "model-versions/set-tag", {"key": "k", "value": "v"}, False, False),
            ("PATCH", "registered-models/update", {"description": "text"}, False, True),
            ("POST", "model-versions/create", {"source": "s3://elsewhere/model"}, False, True),
        ],
    )
    def test_are_kept(
        self, server: RunningServer, method: str, path: str, body: dict[str, Any], of_version: bool, of_model: bool
    ) -> None:
        name = f"timed {path} {method}".replace("/", "-")
        register(server, name)
        version(server, name)

        def times() -> tuple[int, int]:
            found = server.get("model-versions/get", name=name, version="1").json()["model_version"]
            assert found["creation_timestamp"] <= found["last_updated_timestamp"]
            return found["last_updated_timestamp"], get(server, name)["last_updated_timestamp"]

        before = times()
        time.sleep(0.005)
        assert server.call(method, path, {"name": name, "version": "1", **body}).status_code == 200
        after = times()
        assert (after[0] > before[0], after[1] > before[1]) == (of_version, of_model)

    def test_a_new_name_is_a_change_of_both(self, server: RunningServer) -> None:
        register(server, "old name")
        made = version(server, "old name")
        time.sleep(0.005)
        renamed = server.ok("registered-models/rename", {"name": "old name", "new_name": "new name"})["registered_model"]
        assert renamed["last_updated_timestamp"] > made["last_updated_timestamp"]
        assert renamed["latest_versions"][0]["last_updated_timestamp"] > made["last_updated_timestamp"]
        assert server.ok("registered-models/rename", {"name": "new name", "new_name": "new name"})["registered_model"]["name"]


class TestPresence:
    """Which fields an answer holds, and which it leaves out."""

    def test_of_descriptions(self, server: RunningServer) -> None:
        assert "description" not in register(server, "undescribed")
        assert version(server, "undescribed")["description"] == ""
        server.call("PATCH", "registered-models/update", {"name": "undescribed", "description": "text"})
        cleared = server.call("PATCH", "registered-models/update", {"name": "undescribed"}).json()["registered_model"]
        assert "description" not in cleared
        unset = server.call("PATCH", "model-versions/update", {"name": "undescribed", "version": "1"}).json()["model_version"]
        assert "description" not in unset

    def test_the_owner_is_never_taken_from_a_tag(self, server: RunningServer) -> None:
        register(server, "owned")
        made = version(server, "owned", tags=[{"key": "mlflow.user", "value": "somebody else"}])
        assert made.get("user_id", "") == ""
        assert made["tags"] == [{"key": "mlflow.user", "value": "somebody else"}]

    def test_of_a_deleted_version(self, server: RunningServer) -> None:
        register(server, "redacted")
        version(server, "redacted", source="s3://secret/place", run_id="secret", description="secret")
        server.ok("registered-models/alias", {"name": "redacted", "alias": "champ", "version": "1"})
        body = {"name": "redacted", "version": "1"}
        assert server.call("DELETE", "model-versions/delete", body).json() == {}
        missing = server.call("DELETE", "model-versions/delete", body)
        assert missing.json()["message"] == "Model Version (name=redacted, version=1) not found"
        for path in ("model-versions/get", "model-versions/get-download-uri"):
            assert server.get(path, **body).status_code == 404
        for text in ("run_id = 'secret'", "source_path LIKE '%secret%'", "name = 'redacted'"):
            assert server.get("model-versions/search", filter=text).json() == {}
        assert set(get(server, "redacted")) == {"name", "creation_timestamp", "last_updated_timestamp"}
        assert server.get("registered-models/alias", name="redacted", alias="latest").status_code == 404


class TestAliases:
    def test_set_move_get_delete(self, server: RunningServer) -> None:
        register(server, "aliased")
        for _ in range(2):
            version(server, "aliased")
        for number in ("1", "2"):
            server.ok("registered-models/alias", {"name": "aliased", "alias": "champ", "version": number})
        found = server.get("registered-models/alias", name="aliased", alias="champ").json()["model_version"]
        assert (found["version"], found["aliases"]) == ("2", ["champ"])
        assert get(server, "aliased")["aliases"] == [{"alias": "champ", "version": "2"}]
        assert server.get("registered-models/alias", name="aliased", alias="Latest").json()["model_version"]["version"] == "2"
        for _ in range(2):
            assert server.call("DELETE", "registered-models/alias", {"name": "aliased", "alias": "champ"}).json() == {}
        unknown = server.get("registered-models/alias", name="aliased", alias="champ")
        assert (unknown.status_code, unknown.json()["error_code"]) == (400, "INVALID_PARAMETER_VALUE")
        assert unknown.json()["message"] == "Registered model alias champ not found."

    @pytest.mark.parametrize("alias", ["latest", "LATEST", "v1", "V22", "a b", "a/b", "x" * 256, ""])
    def test_reserved_and_bad(self, server: RunningServer, alias: str) -> None:
        server.post("registered-models/create", {"name": "alias rules"})
        body = {"name": "alias rules", "alias": alias, "version": "1"}
        assert server.post("registered-models/alias", body).status_code == 400


class TestSearch:
    def test_models(self, server: RunningServer) -> None:
        for name in ("find/".replace("/", "-") + letter for letter in "cab"):
            register(server, name, tags=[{"key": "stage", "value": name[-1]}])
        register(server, "find-prompt", tags=[{"key": "mlflow.prompt.is_prompt", "value": "true"}])

        def names(**query: Any) -> list[str]:
            page = server.get("registered-models/search", **query).json()
            return [model["name"] for model in page.get("registered_models", [])]

        assert names(filter="name LIKE 'find-%'") == ["find-a", "find-b", "find-c"]
        assert names(filter="name ILIKE 'FIND%'", order_by=["name DESC"]) == ["find-c", "find-b", "find-a"]
        assert names(filter="tags.stage = 'b'") == ["find-b"]
        assert names(filter="name LIKE 'find%' AND tags.`mlflow.prompt.is_prompt` = 'true'") == ["find-prompt"]
        assert names(filter="name LIKE 'find%' AND tags.`mlflow.prompt.is_prompt` != 'true'") == ["find-a", "find-b", "find-c"]
        first = server.get("registered-models/search", filter="name LIKE 'find-%'", max_results="2").json()
        rest = server.get(
            "registered-models/search", filter="name LIKE 'find-%'", max_results="2", page_token=first["next_page_token"]
        )
        assert [m["name"] for m in rest.json()["registered_models"]] == ["find-c"]
        for bad in ("0", "1001", "x"):
            assert server.get("registered-models/search", max_results=bad).status_code == 400
        assert server.get("registered-models/search", filter="nam = 'x'").status_code == 400

    def test_versions(self, server: RunningServer) -> None:
        run_id = server.run()
        register(server, "searched")
        for i in range(3):
            version(server, "searched", source=f"runs:/{run_id}/{i}", run_id=run_id, tags=[{"key": "i", "value": str(i)}])

        def numbers(text: str, **query: Any) -> list[str]:
            page = server.get("model-versions/search", filter=text, **query).json()
            return [found["version"] for found in page.get("model_versions", [])]

        assert numbers("name = 'searched'", order_by=["version_number ASC"]) == ["1", "2", "3"]
        assert numbers(f"run_id = '{run_id}' and tags.i != '1'", order_by=["version_number DESC"]) == ["3", "1"]
        assert numbers(f"source_path = 'runs:/{run_id}/1'") == ["2"]
        assert numbers("name = 'searched' AND version_number >= 2", order_by=["version_number"]) == ["2", "3"]
        assert sorted(numbers(f"run_id IN ('{run_id}')")) == ["1", "2", "3"]

    def test_a_prompt_lives_in_the_registry(self, server: RunningServer) -> None:
        tag = [{"key": "mlflow.prompt.is_prompt", "value": "true"}]
        register(server, "greeting", tags=tag)
        body = {
            "name": "greeting",
            "source": "dummy-source",
            "tags": [*tag, {"key": "mlflow.prompt.text", "value": "hi {{name}}"}],
        }
        assert server.ok("model-versions/create", body)["model_version"]["source"] == "dummy-source"
        assert server.post("model-versions/create", body | {"source": "/etc"}).status_code == 400
        assert server.get("model-versions/search", filter="name = 'greeting'").json() == {}
        found = server.get("model-versions/search", filter="name = 'greeting' AND tag.`mlflow.prompt.is_prompt` = 'true'").json()
        assert [v["version"] for v in found["model_versions"]] == ["1"]
