"""Where versions may come from: a table of sources, each against what the request names."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.conftest import RunningServer


@pytest.fixture(scope="module")
def made(server: RunningServer) -> dict[str, str]:
    """A run and a logged model with folders of this server, a run and a model whose folders are a training machine's."""
    number, elsewhere = server.experiment(), server.experiment(artifact_location="/data/experiments")
    run_id, other, away = server.run(number), server.run(number), server.run(elsewhere)

    def logged(experiment_id: str, **fields: Any) -> str:
        return str(server.ok("logged-models", {"experiment_id": experiment_id, **fields})["model"]["info"]["model_id"])

    model_id, away_model, gone = logged(number, name="lm", source_run_id=run_id), logged(elsewhere), logged(number)
    server.call("DELETE", f"logged-models/{gone}")
    server.ok("registered-models/create", {"name": "sources"})
    server.ok("registered-models/create", {"name": "origin"})
    server.ok("model-versions/create", {"name": "origin", "source": f"runs:/{run_id}/model", "run_id": run_id})
    server.ok("registered-models/alias", {"name": "origin", "alias": "best", "version": "1"})
    prompt = [{"key": "mlflow.prompt.is_prompt", "value": "true"}]
    server.ok("registered-models/create", {"name": "a-prompt", "tags": prompt})
    server.ok("model-versions/create", {"name": "a-prompt", "source": "dummy-source", "tags": prompt})
    return {
        "exp": number, "run": run_id, "other": other, "model": model_id, "gone": gone,
        "root": f"mlflow-artifacts:/{number}/{run_id}/artifacts",
        "model_root": f"mlflow-artifacts:/{number}/models/{model_id}/artifacts",
        "away": away, "away_root": f"/data/experiments/{away}/artifacts",
        "away_model": away_model, "away_model_root": f"/data/experiments/models/{away_model}/artifacts",
    }  # fmt: skip


def create(server: RunningServer, made: dict[str, str], source: str, **named: str) -> Any:
    named = {field: value.format(**made) for field, value in named.items()}
    return server.post("model-versions/create", {"name": "sources", "source": source.format(**made), **named})


def download_uri(server: RunningServer, version: dict[str, Any]) -> str:
    return str(
        server.get("model-versions/get-download-uri", name=version["name"], version=version["version"]).json()["artifact_uri"]
    )


ACCEPTED = [  # source, what the request names, run_id of the version, where clients download
    ("runs:/{run}/model", {"run_id": "{run}"}, "{run}", "runs:/{run}/model"),
    ("runs:/{run}", {"run_id": "{run}"}, "{run}", "runs:/{run}"),
    ("runs:/run_id/model", {"run_id": "run_id"}, "run_id", "runs:/run_id/model"),
    ("{root}", {"run_id": "{run}"}, "{run}", "{root}"),
    ("{root}/model", {"run_id": "{run}"}, "{run}", "{root}/model"),
    ("{root}/model///", {"run_id": "{run}"}, "{run}", "{root}/model"),
    ("{root}/foo///bar/....", {"run_id": "{run}"}, "{run}", "{root}/foo/bar/...."),
    ("{model_root}", {"model_id": "{model}"}, "{run}", "{model_root}"),
    ("{model_root}/x", {"model_id": "{model}", "run_id": "{other}"}, "{other}", "{model_root}/x"),
    ("models:/{model}", {"model_id": "{model}"}, "{run}", "{model_root}"),
    ("models:/{model}", {"model_id": "{model}", "run_id": "{other}"}, "{other}", "{model_root}"),
    ("models:/origin/1", {}, "{run}", "runs:/{run}/model"),
    ("models:/origin/1", {"run_id": "{run}"}, "{run}", "runs:/{run}/model"),
    ("models:/origin@best", {}, "{run}", "runs:/{run}/model"),
    ("models:/origin/Latest", {}, "{run}", "runs:/{run}/model"),
    ("models:/origin/none", {}, "{run}", "runs:/{run}/model"),
    ("{away_root}/m", {"run_id": "{away}"}, "{away}", "{away_root}/m"),
    ("{away_root}/m/..", {"run_id": "{away}"}, "{away}", "{away_root}"),
    ("file://{away_root}/./m", {"run_id": "{away}"}, "{away}", "file://{away_root}/m"),
    ("file:{away_root}/a%20b", {"run_id": "{away}"}, "{away}", "file://{away_root}/a b"),
    ("{away_model_root}/m", {"model_id": "{away_model}"}, "", "{away_model_root}/m"),
    ("s3://bucket/model", {}, "", "s3://bucket/model"),
    ("s3://bucket/model", {"run_id": "of another server"}, "of another server", "s3://bucket/model"),
    ("gs://bucket/a b/model", {"model_id": "{model}"}, "{run}", "gs://bucket/a b/model"),
    ("dbfs:/models/1", {}, "", "dbfs:/models/1"),
]
INSIDE_RUN = "The run_id request parameter must identify the resource that contains the source."
INSIDE_MODEL = "The model_id request parameter must identify the resource that contains the source."
LOCAL = "To use a local path as a model version source"
ABSOLUTE = "If supplying a source as an http, https,"
REFUSED = [  # source, what the request names, a part of the message
    ("runs:/{run}/model", {}, INSIDE_RUN), ("runs:/{run}/model", {"run_id": "{other}"}, INSIDE_RUN),
    ("runs:/{run}/model", {"run_id": "{run}", "model_id": "{model}"}, INSIDE_MODEL), ("runs://{run}/model", {"run_id": "{run}"}, INSIDE_RUN),
    ("runs:/", {"run_id": "{run}"}, INSIDE_RUN), ("runs:/{run}/../{other}/m", {"run_id": "{run}"}, ABSOLUTE),
    ("runs:/{run}/%252e%252e/x", {"run_id": "{run}"}, ABSOLUTE), ("runs:/{run}/a#b", {"run_id": "{run}"}, "Invalid model version source"),
    ("{root}/model", {}, INSIDE_RUN), ("{root}/model", {"run_id": "{other}"}, INSIDE_RUN), ("{root}x/model", {"run_id": "{run}"}, INSIDE_RUN),
    ("{root}/../../{other}/artifacts", {"run_id": "{run}"}, ABSOLUTE), ("{root}/%2e%2e/x", {"run_id": "{run}"}, ABSOLUTE),
    ("{root}/a%00", {"run_id": "{run}"}, ABSOLUTE), ("mlflow-artifacts:/", {"run_id": "{run}"}, INSIDE_RUN),
    ("mlflow-artifacts:/models", {"run_id": "{run}"}, INSIDE_RUN), ("mlflow-artifacts://host:9000/models", {"run_id": "{run}"}, INSIDE_RUN),
    ("mlflow-artifacts://host:9000/models/../../../", {"run_id": "{run}"}, ABSOLUTE), ("{root}/m", {"run_id": "{away}"}, INSIDE_RUN),
    ("mlflow-artifacts://host:9000/models/..%2f..%2fartifacts", {"run_id": "{run}"}, ABSOLUTE),
    ("http://host:9000/models/../../../", {"run_id": "{run}"}, ABSOLUTE), ("http://host/models", {"run_id": "{run}"}, "addresses a host"),
    ("https://host/api/2.0/mlflow-artifacts/artifacts/{exp}/{run}/artifacts/m", {"run_id": "{run}"}, "addresses a host"),
    ("http://host/#/api/2.0/mlflow-artifacts/artifacts/{exp}/{run}/artifacts/m", {"run_id": "{run}"}, "Invalid model version source"),
    ("ftp://host:8888/a/../../../", {"run_id": "{run}"}, ABSOLUTE), ("s3a://bucket/a/..%252f..", {"run_id": "{run}"}, ABSOLUTE),
    ("s3://bucket/" + "%2525252525252525" + "2e", {}, "several times over"),
    ("dbfs:/{run}/artifacts/a%3f/../../../../", {"run_id": "{run}"}, "Invalid model version source"),
    ("{model_root}", {"model_id": "m-0123"}, INSIDE_MODEL), ("{model_root}", {"run_id": "{run}"}, INSIDE_RUN),
    ("models:/{model}", {}, INSIDE_MODEL), ("models:/{model}", {"model_id": "m-0123"}, INSIDE_MODEL), ("models:/{gone}", {"model_id": "{gone}"}, INSIDE_MODEL),
    ("models:/m-0123", {"model_id": "m-0123"}, INSIDE_MODEL), ("models://origin/1", {}, "active model registry"), ("models:/", {}, "active model registry"),
    ("models:/origin/1/2", {}, "Write it as"), ("models:/origin/ ", {}, "Write it as"), ("models:/origin/1", {"run_id": "{other}"}, "must match the referenced"),
    ("models:/origin/1", {"model_id": "{model}"}, "must match the referenced"), ("models:/origin/1", {"run_id": ""}, "must match the referenced"),
    ("models:/origin@nobody", {}, "alias nobody not found"), ("models:/origin/Nowhere", {}, "Invalid Model Version stage"),
    ("models:/a-prompt/1", {}, "Prompt versions cannot be used"), ("models:/../1", {}, ABSOLUTE),
    ("{away_root}/m", {}, LOCAL), ("{away_root}/m", {"run_id": "{run}"}, LOCAL), ("{away_root}/../../x", {"run_id": "{away}"}, LOCAL),
    ("{away_root}/%2e%2e/%2e%2e/x", {"run_id": "{away}"}, LOCAL), ("file:///tmp", {"run_id": "{away}"}, LOCAL), ("file:///path", {"model_id": "{away_model}"}, LOCAL),
    ("file://123.456.789.123/path", {"run_id": "{away}"}, LOCAL), ("file://localhost{away_root}", {"run_id": "{away}"}, LOCAL), ("//{away_root}", {"run_id": "{away}"}, LOCAL),
    ("relative/path", {"run_id": "{away}"}, LOCAL), ("./x", {"run_id": "{away}"}, LOCAL), ("C:\\windows", {"run_id": "{away}"}, LOCAL),
    ("{away_root}/a\\..\\b", {"run_id": "{away}"}, "Invalid model version source"), ("{away_root}", {"model_id": "{away_model}"}, LOCAL),
]  # fmt: skip


class TestAccepted:
    @pytest.mark.parametrize(("source", "named", "run_id", "uri"), ACCEPTED)
    def test_is_kept_with_the_run_it_comes_from(
        self, server: RunningServer, made: dict[str, str], source: str, named: dict[str, str], run_id: str, uri: str
    ) -> None:
        answer = create(server, made, source, **named)
        assert answer.status_code == 200, answer.text
        version = answer.json()["model_version"]
        assert version["run_id"] == run_id.format(**made)
        assert version["source"] == ("models:/origin/1" if source.startswith("models:/origin") else source.format(**made))
        assert "model_id" not in version
        assert download_uri(server, version) == uri.format(**made)

    def test_a_copy_of_a_copy_is_downloaded_from_the_first(self, server: RunningServer, made: dict[str, str]) -> None:
        first = create(server, made, "models:/{model}", model_id="{model}").json()["model_version"]
        second = create(server, made, f"models:/sources/{first['version']}").json()["model_version"]
        third = create(server, made, f"models:/sources/{second['version']}", model_id="{model}").json()["model_version"]
        assert third["source"] == f"models:/sources/{second['version']}"
        assert download_uri(server, third) == made["model_root"]

    def test_a_copy_outlives_its_origin(self, server: RunningServer, made: dict[str, str]) -> None:
        for name in ("short lived", "heir"):
            server.ok("registered-models/create", {"name": name})
        body = {"name": "short lived", "source": "{root}/model".format(**made), "run_id": made["run"]}
        server.ok("model-versions/create", body)
        copied = server.ok("model-versions/create", {"name": "heir", "source": "models:/short lived/1"})["model_version"]
        server.call("DELETE", "registered-models/delete", {"name": "short lived"})
        assert download_uri(server, copied) == "{root}/model".format(**made)

    def test_the_logged_model_lists_its_versions(self, server: RunningServer, made: dict[str, str]) -> None:
        model_id = server.ok("logged-models", {"experiment_id": made["exp"]})["model"]["info"]["model_id"]
        server.ok("registered-models/create", {"name": "listed"})
        for _ in range(2):
            server.ok("model-versions/create", {"name": "listed", "source": f"models:/{model_id}", "model_id": model_id})
        (tag,) = server.get(f"logged-models/{model_id}").json()["model"]["info"]["tags"]
        assert tag["key"] == "mlflow.modelVersions"
        assert json.loads(tag["value"]) == [{"name": "listed", "version": 1}, {"name": "listed", "version": 2}]

    def test_files_of_a_run_are_found_in_the_logged_model_of_that_name(self, server: RunningServer, made: dict[str, str]) -> None:
        version = create(server, made, "runs:/{run}/lm/data", run_id="{run}").json()["model_version"]
        key = "{model_root}/data/a.txt".format(**made).removeprefix("mlflow-artifacts:/")
        server.client.put(f"/api/2.0/mlflow-artifacts/artifacts/{key}", content=b"bytes").raise_for_status()
        query = {"name": "sources", "version": version["version"], "path": "a.txt"}
        assert server.client.get("/model-versions/get-artifact", params=query).content == b"bytes"


class TestRefused:
    @pytest.mark.parametrize(("source", "named", "reason"), REFUSED)
    def test_with_a_reason_and_without_a_trace(
        self, server: RunningServer, made: dict[str, str], source: str, named: dict[str, str], reason: str
    ) -> None:
        def count() -> int:
            found = server.get(
                "model-versions/search", filter="name = 'sources'", order_by="version_number DESC", max_results="1"
            )
            return int(found.json().get("model_versions", [{"version": "0"}])[0]["version"])

        before = count()
        answer = create(server, made, source, **named)
        assert (answer.status_code, answer.json()["error_code"]) == (400, "INVALID_PARAMETER_VALUE"), answer.text
        assert reason in answer.json()["message"]
        assert count() == before

    @pytest.mark.parametrize(
        ("source", "named"),
        [
            ("models:/nobody/1", {}),
            ("models:/origin/99", {}),
            ("models:/sources/9999999999", {}),
            ("s3://b/m", {"model_id": "m-0123"}),
        ],
    )
    def test_what_it_names_does_not_exist(
        self, server: RunningServer, made: dict[str, str], source: str, named: dict[str, str]
    ) -> None:
        assert create(server, made, source, **named).json()["error_code"] == "RESOURCE_DOES_NOT_EXIST"

    def test_a_client_place_is_never_opened(self, server: RunningServer, made: dict[str, str]) -> None:
        version = create(server, made, "{away_root}/m", run_id="{away}").json()["model_version"]
        query = {"name": "sources", "version": version["version"], "path": "a.txt"}
        assert server.client.get("/model-versions/get-artifact", params=query).status_code == 400


class TestPrompts:
    TAGS = [{"key": "mlflow.prompt.is_prompt", "value": "true"}]

    @pytest.mark.parametrize(
        ("name", "source", "tagged", "status"),
        [
            ("a-prompt", "dummy-source", True, 200), ("a-prompt", "prompt-template", True, 200), ("a-prompt", "/etc", True, 400),
            ("a-prompt", "Dummy-Source", True, 400), ("a-prompt", "dummy-source", False, 400), ("sources", "dummy-source", True, 400),
            ("sources", "dummy-source", False, 400), ("sources", "/etc", True, 400), ("sources", "s3://b/m", True, 400),
        ],
    )  # fmt: skip
    def test_only_prompts_take_a_placeholder(
        self, server: RunningServer, made: dict[str, str], name: str, source: str, tagged: bool, status: int
    ) -> None:
        body = {"name": name, "source": source, "tags": self.TAGS if tagged else []}
        answer = server.post("model-versions/create", body)
        assert answer.status_code == status, answer.text
        if status == 400:
            assert ("Invalid prompt source" if tagged else "Invalid model version source") in answer.json()["message"]
