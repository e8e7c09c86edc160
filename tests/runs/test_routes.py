from __future__ import annotations

from typing import Any

import pytest

from tests.conftest import RunningServer


def run_of(server: RunningServer, run_id: str) -> dict[str, Any]:
    found: dict[str, Any] = server.get("runs/get", run_id=run_id).json()["run"]
    return found


def tags_of(server: RunningServer, run_id: str) -> dict[str, str]:
    return {tag["key"]: tag["value"] for tag in run_of(server, run_id)["data"].get("tags", [])}


class TestCreate:
    def test_answers_the_whole_run(self, server: RunningServer) -> None:
        number = server.experiment()
        body = {"experiment_id": number, "user_id": "ada", "start_time": 1700000000000, "run_name": "first"}
        run = server.ok("runs/create", body | {"tags": [{"key": "a", "value": "1"}]})["run"]
        info = run["info"]
        assert info["run_id"] == info["run_uuid"]
        assert len(info["run_id"]) == 32
        assert info["artifact_uri"] == f"mlflow-artifacts:/{number}/{info['run_id']}/artifacts"
        assert (info["status"], info["start_time"], info["user_id"]) == ("RUNNING", 1700000000000, "ada")
        assert "end_time" not in info
        assert {t["key"]: t["value"] for t in run["data"]["tags"]} == {"a": "1", "mlflow.runName": "first"}
        assert run_of(server, info["run_id"])["inputs"] == {}

    def test_a_run_without_a_name_gets_one(self, server: RunningServer) -> None:
        info = server.ok("runs/create", {"experiment_id": "0"})["run"]["info"]
        assert len(info["run_name"].split("-")) == 3
        assert tags_of(server, info["run_id"])["mlflow.runName"] == info["run_name"]
        assert info["start_time"] == 0

    def test_the_name_may_come_from_the_tag(self, server: RunningServer) -> None:
        tags = [{"key": "mlflow.runName", "value": "tagged"}]
        assert server.ok("runs/create", {"tags": tags})["run"]["info"]["run_name"] == "tagged"
        differing = server.post("runs/create", {"run_name": "other", "tags": tags})
        assert differing.status_code == 400
        assert "Both 'run_name' argument and 'mlflow.runName' tag are specified" in differing.json()["message"]

    @pytest.mark.parametrize(
        ("body", "status"),
        [
            ({"experiment_id": "999999"}, 404),
            ({"experiment_id": "abc"}, 400),
            ({"experiment_id": 1}, 400),
            ({"start_time": "foo"}, 400),
            ({"start_time": 2**63}, 400),
            ({"run_name": 4}, 400),
            ({"tags": {}}, 400),
            ({"tags": None}, 400),
            ({"tags": [{"key": "../x", "value": "1"}]}, 400),
            ({"experiment_id": "0", "experimentId": "0"}, 400),
        ],
    )
    def test_bad_input(self, server: RunningServer, body: dict[str, Any], status: int) -> None:
        assert server.post("runs/create", body).status_code == status

    def test_camel_case_and_int64_texts_are_read(self, server: RunningServer) -> None:
        info = server.ok("runs/create", {"experimentId": "0", "startTime": "1700000000001", "runName": "camel"})["run"]["info"]
        assert (info["run_name"], info["start_time"]) == ("camel", 1700000000001)


class TestUpdate:
    def test_status_end_time_and_name(self, server: RunningServer) -> None:
        run_id = server.run()
        body = {"run_id": run_id, "status": "FINISHED", "end_time": 1700000000999, "run_name": "renamed"}
        info = server.ok("runs/update", body)["run_info"]
        assert (info["status"], info["end_time"], info["run_name"]) == ("FINISHED", 1700000000999, "renamed")
        assert tags_of(server, run_id)["mlflow.runName"] == "renamed"
        assert server.ok("runs/update", {"run_uuid": run_id, "status": 4})["run_info"]["status"] == "FAILED"

    @pytest.mark.parametrize("body", [{"status": "DONE"}, {"status": 99}, {"end_time": "x"}, {"run_name": 3}])
    def test_bad_input_changes_nothing(self, server: RunningServer, body: dict[str, Any]) -> None:
        run_id = server.run()
        before = run_of(server, run_id)
        assert server.post("runs/update", body | {"run_id": run_id}).status_code == 400
        assert run_of(server, run_id) == before

    def test_the_run_must_be_named_once(self, server: RunningServer) -> None:
        one, other = server.run(), server.run()
        assert server.post("runs/update", {"status": "FINISHED"}).status_code == 400
        assert server.post("runs/update", {"run_id": one, "run_uuid": other}).status_code == 400
        assert server.post("runs/update", {"run_id": "nope"}).json()["message"] == "Run with id=nope not found"


class TestDeleteAndRestore:
    def test_deleted_runs_are_read_but_not_written(self, server: RunningServer) -> None:
        run_id = server.run()
        for _ in range(2):
            server.ok("runs/delete", {"run_id": run_id})
        assert run_of(server, run_id)["info"]["lifecycle_stage"] == "deleted"
        for path, body in (
            ("runs/update", {"status": "FAILED"}),
            ("runs/log-metric", {"key": "m", "value": 1, "timestamp": 1}),
            ("runs/log-parameter", {"key": "p", "value": "1"}),
            ("runs/set-tag", {"key": "t", "value": "1"}),
            ("runs/log-batch", {"tags": [{"key": "t", "value": "1"}]}),
            ("runs/log-inputs", {}),
            ("runs/delete-tag", {"key": "mlflow.runName"}),
        ):
            answer = server.post(path, body | {"run_id": run_id})
            assert answer.status_code == 400, path
            assert f"The run {run_id} must be in the 'active' state" in answer.json()["message"]
        for _ in range(2):
            server.ok("runs/restore", {"run_id": run_id})
        server.ok("runs/set-tag", {"run_id": run_id, "key": "t", "value": "1"})


class TestTags:
    def test_set_overwrite_delete(self, server: RunningServer) -> None:
        run_id = server.run()
        for value in ("1", "", "2"):
            server.ok("runs/set-tag", {"run_id": run_id, "key": "k", "value": value})
        assert tags_of(server, run_id)["k"] == "2"
        server.ok("runs/delete-tag", {"run_id": run_id, "key": "k"})
        assert "k" not in tags_of(server, run_id)
        assert server.post("runs/delete-tag", {"run_id": run_id, "key": "k"}).status_code == 404

    def test_the_name_tag_renames_the_run(self, server: RunningServer) -> None:
        run_id = server.run()
        server.ok("runs/set-tag", {"run_id": run_id, "key": "mlflow.runName", "value": "by tag"})
        assert run_of(server, run_id)["info"]["run_name"] == "by tag"

    def test_long_values_are_cut_as_clients_expect_and_long_keys_refused(self, server: RunningServer) -> None:
        run_id = server.run()
        server.ok("runs/set-tag", {"run_id": run_id, "key": "k" * 250, "value": "v" * 8001})
        assert tags_of(server, run_id)["k" * 250] == "v" * 8000
        assert server.post("runs/set-tag", {"run_id": run_id, "key": "k" * 251, "value": ""}).status_code == 400


class TestParams:
    def test_the_same_value_again_is_fine_another_is_refused(self, server: RunningServer) -> None:
        run_id = server.run()
        for _ in range(2):
            server.ok("runs/log-parameter", {"run_id": run_id, "key": "lr", "value": "0.1"})
        changed = server.post("runs/log-parameter", {"run_id": run_id, "key": "lr", "value": "0.2"})
        assert changed.status_code == 400
        assert changed.json()["message"].startswith(
            f"Changing param values is not allowed. Param with key='lr' was already logged with value='0.1' for run ID='{run_id}'."
        )
        assert run_of(server, run_id)["data"]["params"] == [{"key": "lr", "value": "0.1"}]

    @pytest.mark.parametrize("key", ["a b", "a/b", "a.b-c:d", "größe", "k" * 250])
    def test_good_keys(self, server: RunningServer, key: str) -> None:
        server.ok("runs/log-parameter", {"run_id": server.run(), "key": key, "value": ""})

    @pytest.mark.parametrize("key", ["../x", ".", "a/../b", "a//b", "/a", "a/", "a*b", "k" * 251, "", None, 5])
    def test_bad_keys(self, server: RunningServer, key: Any) -> None:
        for path in ("runs/log-parameter", "runs/log-metric", "runs/set-tag"):
            body = {"run_id": server.run(), "key": key, "value": "1", "timestamp": 1}
            assert server.post(path, body).status_code == 400, path


class TestInputsAndOutputs:
    def test_datasets_are_known_by_name_and_digest(self, server: RunningServer) -> None:
        number = server.experiment()
        run_id = server.run(number)
        dataset = {"name": "iris", "digest": "abc", "source_type": "local", "source": "{}", "schema": "s", "profile": "p"}
        tags = [{"key": "mlflow.data.context", "value": "train"}]
        server.ok("runs/log-inputs", {"run_id": run_id, "datasets": [{"dataset": dataset, "tags": tags}]})
        server.ok("runs/log-inputs", {"run_id": run_id, "datasets": [{"dataset": dataset | {"schema": "other"}, "tags": []}]})
        assert run_of(server, run_id)["inputs"]["dataset_inputs"] == [{"tags": tags, "dataset": dataset}]
        found = server.ok(
            "runs/search", {"experiment_ids": [number], "filter": "dataset.context = 'train' AND datasets.name = 'iris'"}
        )
        assert found["runs"][0]["inputs"]["dataset_inputs"][0]["dataset"]["digest"] == "abc"
        summaries = server.client.post("/ajax-api/2.0/mlflow/experiments/search-datasets", json={"experiment_ids": [number]})
        assert summaries.json() == {
            "dataset_summaries": [{"experiment_id": number, "name": "iris", "digest": "abc", "context": "train"}]
        }

    @pytest.mark.parametrize(
        "dataset",
        [
            {},
            {"name": "n" * 501},
            {"digest": "d" * 37},
            {"source": "s" * 65_536},
            {"schema": "s" * 1_048_576},
            {"name": None},
            {"name": 5},
        ],
    )
    def test_limits(self, server: RunningServer, dataset: dict[str, Any]) -> None:
        whole = {"name": "iris", "digest": "abc", "source_type": "local", "source": "{}"} | dataset if dataset else {}
        answer = server.post("runs/log-inputs", {"run_id": server.run(), "datasets": [{"dataset": whole}]})
        assert answer.status_code == 400

    def test_models_in_and_out(self, server: RunningServer) -> None:
        run_id = server.run()
        server.ok("runs/log-inputs", {"run_id": run_id, "models": [{"model_id": "m-1"}]})
        for _ in range(2):
            server.ok(
                "runs/outputs", {"run_id": run_id, "models": [{"model_id": "m-2", "step": 3}, {"model_id": "m-3", "step": "0"}]}
            )
        run = run_of(server, run_id)
        assert run["inputs"]["model_inputs"] == [{"model_id": "m-1"}]
        assert run["outputs"]["model_outputs"] == [{"model_id": "m-2", "step": 3}, {"model_id": "m-3", "step": 0}]
        assert server.post("runs/outputs", {"run_id": run_id}).status_code == 400

    def test_the_old_log_model_call_keeps_a_history(self, server: RunningServer) -> None:
        run_id = server.run()
        model = (
            '{"artifact_path": "m", "flavors": {"sklearn": {"config": {}, "v": 1}}, "utc_time_created": "now", "run_id": "%s"}'
        )
        for _ in range(2):
            server.ok("runs/log-model", {"run_id": run_id, "model_json": model % run_id})
        assert tags_of(server, run_id)["mlflow.log-model.history"].count("artifact_path") == 2
        for bad in ("{", "[]", "{}", '{"artifact_path": "m"}'):
            assert server.post("runs/log-model", {"run_id": run_id, "model_json": bad}).status_code == 400
