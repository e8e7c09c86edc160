"""Rules of the protocol's first server that its own clients and tests lean on: words of errors, names, places, ends of ranges."""

from __future__ import annotations

import re
from typing import Any

import httpx
import pytest

from tests.conftest import RunningServer

STORE = "/api/2.0/mlflow-artifacts/artifacts"
LARGEST = "1.7976931348623157e308"


def refused(answer: httpx.Response, pattern: str, status: int = 400, code: str = "INVALID_PARAMETER_VALUE") -> None:
    found = answer.json()
    assert (answer.status_code, found["error_code"]) == (status, code), answer.text
    assert re.search(pattern, found["message"]), found["message"]


def found_by(server: RunningServer, experiment: str, text: str) -> list[str]:
    answer = server.ok("runs/search", {"experiment_ids": [experiment], "filter": text, "order_by": ["run_name"]})
    return [run["info"]["run_name"] for run in answer.get("runs", [])]


class TestWordsOfErrors:
    @pytest.mark.parametrize(
        ("path", "body", "pattern"),
        [
            ("experiments/create", {"name": "x", "tags": [{"key": "k" * 251, "value": ""}]}, r"'key' exceeds the maximum length of 250 .*tags\[0\]\.key has 251"),
            ("experiments/create", {"name": "x", "tags": [{"key": "k", "value": "v" * 20001}]}, r"'value' exceeds the maximum length of 20000 "),
            ("experiments/create", {"name": "x", "artifact_location": "runs:/a/b"}, r"Artifact location cannot be a runs:/ URI"),
            ("experiments/create", {"name": "x", "artifact_location": "s3://b/c#d"}, r"'artifact_location' URL can't include fragments or params"),
            ("experiments/create", {"name": "x", "artifact_location": "/" + "a" * 2048}, r"Invalid artifact path length"),
            ("experiments/update", {"experiment_id": "0", "new_name": "x" * 501}, r"'name' exceeds the maximum length of 500 .*new_name has 501"),
            ("registered-models/create", {"name": "a/b"}, r"Invalid model name 'a/b'. Names cannot contain '/' or ':'"),
            ("registered-models/create", {"name": "x", "tags": [{"key": "k" * 251, "value": ""}]}, r"'key' exceeds the maximum length of 250 "),
            ("registered-models/alias", {"name": "x", "alias": "a b", "version": "1"}, r"Invalid alias name: 'a b'. Names may only"),
            ("registered-models/alias", {"name": "x", "alias": "a" * 256, "version": "1"}, r"'Registered model alias name' exceeds the maximum length of 255 "),
            ("runs/search", {"experiment_ids": ["0"], "page_token": "x"}, r"Invalid page token, could not base64-decode"),
            ("runs/search", {"experiment_ids": ["x"]}, r"Invalid experiment ID 'x'\. Experiment ID must be a valid integer\."),
            ("runs/search", {"experiment_ids": ["0"], "max_results": 0}, r"Invalid value 0 for parameter 'max_results' supplied\. It must be a positive integer"),
            ("runs/search", {"experiment_ids": ["0"], "max_results": 50001}, r"Invalid value 50001 for parameter 'max_results' supplied\. It must be at most 50000"),
            ("experiments/search", {"max_results": 50001}, r"Invalid value 50001 for parameter 'max_results' supplied\. It must be at most 50000"),
            ("experiments/search", {"max_results": 1, "filter": "name IS NULL"}, r"IS NULL / IS NOT NULL is only supported for tags"),
            ("runs/create", {"run_name": "a", "tags": [{"key": "mlflow.runName", "value": "b"}]}, r"\(run_name='a', mlflow\.runName='b'\)\."),
            ("logged-models/search", {"experiment_ids": ["0"], "datasets": [{}]}, r"`dataset_name` in the `datasets` clause must be specified"),
            ("logged-models/search", {"experiment_ids": ["0"], "order_by": [{}]}, r"Invalid order by field name: "),
            ("experiments/create", {"name": "x", "artifact_location": "http://h/x"}, r"'artifact_location' cannot use the 'http' scheme: .* addresses a host"),
            ("experiments/create", {"name": "x", "artifact_location": "viewfs://h/x"}, r"'artifact_location' cannot use the 'viewfs' scheme"),
            ("experiments/create", {"name": "x", "artifact_location": "abfss://c@h.example/x"}, r"'artifact_location' cannot use the 'abfss' scheme"),
            ("experiments/create", {"name": "x", "artifact_location": "r2://c@r2.cloudflarestorage.com.example/x"}, r"'artifact_location' cannot use the 'r2' scheme"),
            ("experiments/create", {"name": "x", "artifact_location": "mlflow-artifacts://h:1/x"}, r"'artifact_location' cannot use the 'mlflow-artifacts' scheme"),
            ("runs/search", {"experiment_ids": ["0"], "filter": "datasets.colour = 'x'"}, r"Invalid dataset key 'colour' specified"),
            ("runs/search", {"experiment_ids": ["0"], "filter": "attribute.experiment_id = '0'"}, r"Invalid attribute key 'experiment_id' specified"),
        ],
    )  # fmt: skip
    def test_they_begin_as_clients_know_them(self, server: RunningServer, path: str, body: dict[str, Any], pattern: str) -> None:
        refused(server.post(path, body), pattern)

    def test_a_field_inside_is_named_as_it_was_sent(self, server: RunningServer) -> None:
        run = server.run()
        refused(server.post("runs/outputs", {"run_id": run, "models": [{}]}), r"parameter 'models\[0\]\.model_id'")
        dataset = {"name": "n", "digest": "d", "source": "s"}
        answer = server.post("runs/log-inputs", {"run_id": run, "datasets": [{"dataset": dataset}]})
        refused(answer, r"parameter 'datasets\[0\]\.dataset\.source_type'")

    def test_a_deleted_experiment_keeps_its_name(self, server: RunningServer) -> None:
        number = server.experiment()
        server.ok("experiments/delete", {"experiment_id": number})
        answer = server.post("experiments/update", {"experiment_id": number, "new_name": "another"})
        refused(answer, r"Cannot rename a non-active experiment")

    def test_a_negative_number_is_one_that_nothing_has(self, server: RunningServer) -> None:
        gone = (404, "RESOURCE_DOES_NOT_EXIST")
        refused(server.get("experiments/get", experiment_id="-1"), "No Experiment with id=-1 exists", *gone)
        assert server.ok("runs/search", {"experiment_ids": ["-1"]}) == {}
        server.ok("registered-models/create", {"name": (name := f"negative {server.port}")})
        refused(server.get("model-versions/get", name=name, version="-1"), "not found", *gone)

    def test_a_token_of_another_search_for_models_says_what_is_different(self, server: RunningServer) -> None:
        number, other = server.experiment(), server.experiment()
        for _ in range(2):
            server.ok("logged-models", {"experiment_id": number})
        asked = {"experiment_ids": [number], "max_results": 1}
        asked["page_token"] = server.ok("logged-models/search", asked)["next_page_token"]
        assert len(server.ok("logged-models/search", asked)["models"]) == 1
        for change, pattern in (
            ({"experiment_ids": [other]}, "Experiment IDs in the page token do not match"),
            ({"filter": "name = 'x'"}, "Filter string in the page token does not match"),
            ({"order_by": [{"field_name": "creation_time"}]}, "Order by in the page token does not match"),
            ({"datasets": [{"dataset_name": "d"}]}, "Datasets in the page token do not match"),
        ):
            refused(server.post("logged-models/search", asked | change), pattern)


class TestNamesOfRuns:
    def test_an_empty_name_leaves_the_one_that_is_there(self, server: RunningServer) -> None:
        run = server.run(run_name="kept")
        tag = {"key": "mlflow.runName", "value": ""}
        server.ok("runs/set-tag", {"run_id": run, **tag})
        server.ok("runs/log-batch", {"run_id": run, "tags": [{"key": "other", "value": ""}, tag]})
        found = server.get("runs/get", run_id=run).json()["run"]
        assert found["info"]["run_name"] == "kept"
        assert {each["key"]: each["value"] for each in found["data"]["tags"]} == {"mlflow.runName": "kept", "other": ""}


class TestEnds:
    def test_the_largest_numbers_are_found_by_what_is_shown_of_them(self, server: RunningServer) -> None:
        number = server.experiment()
        for name, value in (("down", "-Infinity"), ("nan", "NaN"), ("one", 1), ("top", float(LARGEST)), ("up", "Infinity")):
            body = {"run_id": server.run(number, run_name=name), "key": "m", "value": value, "timestamp": 1}
            server.ok("runs/log-metric", body)
        for text, names in (
            (f"metrics.m = {LARGEST}", ["top", "up"]),
            (f"metrics.m >= {LARGEST}", ["top", "up"]),
            (f"metrics.m > {LARGEST}", []),
            (f"metrics.m < {LARGEST}", ["down", "one"]),
            (f"metrics.m != {LARGEST}", ["down", "nan", "one"]),
            (f"metrics.m = -{LARGEST}", ["down"]),
            (f"metrics.m IN (1, -{LARGEST})", ["down", "one"]),
            (f"metrics.m > 0 AND metrics.m <= {LARGEST}", ["one", "top", "up"]),
            (f"MAX(metrics.m) = {LARGEST} AND metrics.m = {LARGEST}", ["top", "up"]),
        ):
            assert found_by(server, number, text) == names, text

    def test_nothing_is_a_list_too(self, server: RunningServer) -> None:
        run = server.run()
        assert server.ok("runs/outputs", {"run_id": run, "models": []}) == {}
        dataset = {"name": "n", "digest": "d", "source_type": "t", "source": "s"}
        tags = [{"key": "mlflow.data.context", "value": ""}]
        server.ok("runs/log-inputs", {"run_id": run, "datasets": [{"dataset": dataset, "tags": tags}]})
        inputs = server.get("runs/get", run_id=run).json()["run"]["inputs"]
        assert inputs["dataset_inputs"][0]["tags"] == tags

    def test_more_datasets_than_a_summary_shows_fit_into_one_request(self, server: RunningServer) -> None:
        number = server.experiment()
        run = server.run(number)
        datasets = [
            {"dataset": {"name": f"n{i}", "digest": "d", "source_type": "t", "source": "s"}, "tags": []} for i in range(1010)
        ]
        server.ok("runs/log-inputs", {"run_id": run, "datasets": datasets})
        body = {"experiment_ids": [number]}
        answer = server.client.post("/ajax-api/2.0/mlflow/experiments/search-datasets", json=body)
        assert len(answer.json()["dataset_summaries"]) == 1000


class TestPlaces:
    @pytest.mark.parametrize(("given", "kept"), [("my_location", "my_location"), ("./a/b", "a/b"), ("mlruns/é/", "mlruns/é")])
    def test_a_folder_without_its_beginning_is_below_that_of_the_server(
        self, server: RunningServer, given: str, kept: str
    ) -> None:
        found = server.get("experiments/get", experiment_id=server.experiment(artifact_location=given)).json()["experiment"]
        assert found["artifact_location"] == str(server.folder / kept)
        number = server.experiment(artifact_location=f"file:{given}")
        found = server.get("experiments/get", experiment_id=number).json()["experiment"]
        assert found["artifact_location"] == (server.folder / kept).as_uri()

    def test_what_is_not_there_can_be_removed(self, server: RunningServer) -> None:
        for _ in range(2):
            answer = server.client.delete(f"{STORE}/nothing/of/this/name")
            assert (answer.status_code, answer.json()) == (200, {})
