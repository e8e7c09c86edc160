"""The unmodified mlflow client, in the sequences that training scripts make, on both databases."""

from __future__ import annotations

import math
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import mlflow
import numpy as np
import pytest
from mlflow import MlflowClient
from mlflow.exceptions import MlflowException
from sklearn.datasets import load_iris
from sklearn.linear_model import LogisticRegression

from tests.conftest import RunningServer

pytestmark = pytest.mark.filterwarnings("ignore")
ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def client(server: RunningServer, monkeypatch: pytest.MonkeyPatch) -> Iterator[MlflowClient]:
    monkeypatch.setenv("MLFLOW_DISABLE_TELEMETRY", "true")
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "1")
    before = mlflow.get_tracking_uri()
    mlflow.set_tracking_uri(server.url)
    yield MlflowClient()
    while mlflow.active_run():
        mlflow.end_run()
    mlflow.set_tracking_uri(before)


class TestTracking:
    def test_a_run_from_start_to_end(self, client: MlflowClient) -> None:
        mlflow.set_experiment("flow")
        with mlflow.start_run(run_name="first", tags={"team": "red"}) as run:
            mlflow.log_param("lr", 0.1)
            mlflow.log_params({f"p{i}": i for i in range(150)})
            for step in range(5):
                mlflow.log_metric("loss", 1 / (step + 1), step=step)
            mlflow.log_metrics({"nan": math.nan, "inf": math.inf, "low": -math.inf})
            mlflow.set_tags({"a": "1", "b": ""})
            mlflow.log_text("hello", "notes/hello.txt")
            mlflow.log_dict({"x": [1, 2]}, "d.json")
        found = client.get_run(run.info.run_id)
        assert (found.info.status, found.info.run_name, found.data.params["lr"], len(found.data.params)) == (
            "FINISHED",
            "first",
            "0.1",
            151,
        )
        assert math.isnan(found.data.metrics["nan"])
        assert found.data.metrics["inf"] > 1e308
        assert found.data.metrics["low"] < -1e308
        assert found.data.tags["team"] == "red"
        assert [m.value for m in client.get_metric_history(run.info.run_id, "loss")] == [1, 0.5, 1 / 3, 0.25, 0.2]
        assert {f.path: f.is_dir for f in client.list_artifacts(run.info.run_id)} == {"notes": True, "d.json": False}
        assert mlflow.artifacts.load_text(f"runs:/{run.info.run_id}/notes/hello.txt") == "hello"
        assert mlflow.artifacts.load_dict(f"{found.info.artifact_uri}/d.json") == {"x": [1, 2]}
        with mlflow.start_run(run_id=run.info.run_id):
            mlflow.log_metric("loss", 0.1, step=9)
        assert client.get_run(run.info.run_id).data.metrics["loss"] == 0.1

    def test_search_with_pages_and_frames(self, client: MlflowClient) -> None:
        number = client.create_experiment("searched by client")
        for i in range(12):
            run = client.create_run(number, run_name=f"run {i}")
            client.log_batch(
                run.info.run_id,
                metrics=[mlflow.entities.Metric("acc", i / 12, 1, 0)],
                params=[mlflow.entities.Param("i", str(i))],
            )
            client.set_terminated(run.info.run_id)
        first = client.search_runs([number], "metrics.acc >= 0.25", order_by=["metrics.acc ASC"], max_results=5)
        rest = client.search_runs(
            [number], "metrics.acc >= 0.25", order_by=["metrics.acc ASC"], max_results=5, page_token=first.token
        )
        assert [run.data.params["i"] for run in [*first, *rest]] == [str(i) for i in range(3, 12)]
        assert rest.token is None
        frame: Any = mlflow.search_runs(
            experiment_names=["searched by client"], filter_string="params.i IN ('3', '4') OR run_name = 'run 7'"
        )
        assert sorted(frame["params.i"]) == ["3", "4", "7"]
        assert [e.name for e in client.search_experiments(filter_string="name LIKE 'searched by%'")] == ["searched by client"]

    def test_nested_runs_inputs_and_deletion(self, client: MlflowClient) -> None:
        mlflow.set_experiment("nested")
        with mlflow.start_run() as parent, mlflow.start_run(nested=True) as child:
            dataset = mlflow.data.from_numpy(np.arange(6.0).reshape(3, 2), targets=np.arange(3), name="numbers")
            mlflow.log_input(dataset, context="training", tags={"k": "v"})
        found = client.get_run(child.info.run_id)
        assert found.data.tags["mlflow.parentRunId"] == parent.info.run_id
        assert found.inputs.dataset_inputs[0].dataset.name == "numbers"
        client.delete_run(child.info.run_id)
        experiment = client.get_experiment_by_name("nested")
        assert [run.info.run_id for run in client.search_runs([experiment.experiment_id])] == [parent.info.run_id]
        client.restore_run(child.info.run_id)
        client.delete_experiment(experiment.experiment_id)
        with pytest.raises(MlflowException, match="deleted"):
            mlflow.set_experiment("nested")
        client.restore_experiment(experiment.experiment_id)
        client.rename_experiment(experiment.experiment_id, "nested no more")

    def test_errors_have_the_codes_that_the_client_acts_on(self, client: MlflowClient) -> None:
        with pytest.raises(MlflowException) as missing:
            client.get_run("0" * 32)
        assert missing.value.error_code == "RESOURCE_DOES_NOT_EXIST"
        assert client.get_experiment_by_name("no such") is None
        run = client.create_run("0")
        client.log_param(run.info.run_id, "p", "1")
        with pytest.raises(MlflowException, match="Changing param values is not allowed"):
            client.log_param(run.info.run_id, "p", "2")


class TestModels:
    def test_log_register_load(self, client: MlflowClient) -> None:
        mlflow.set_experiment("models")
        x, y = load_iris(return_X_y=True)
        model = LogisticRegression(max_iter=300).fit(x, y)
        with mlflow.start_run() as run:
            mlflow.log_metric("accuracy", model.score(x, y))
            info = mlflow.sklearn.log_model(model, name="classifier", registered_model_name="iris", input_example=x[:2])
        expected = model.predict(x[:20])
        client.set_registered_model_alias("iris", "champion", 1)
        for uri in (
            "models:/iris/1",
            "models:/iris@champion",
            "models:/iris/latest",
            info.model_uri,
            f"runs:/{run.info.run_id}/classifier",
        ):
            assert (mlflow.pyfunc.load_model(uri).predict(x[:20]) == expected).all(), uri
        version = client.get_model_version("iris", "1")
        assert version.source == f"models:/{info.model_id}"
        logged = client.get_logged_model(info.model_id)
        assert logged.status == "READY"
        assert logged.metrics[0].key == "accuracy"
        assert [found.model_id for found in client.search_logged_models([logged.experiment_id])] == [info.model_id]
        assert client.get_run(run.info.run_id).outputs.model_outputs[0].model_id == info.model_id
        second = mlflow.register_model(f"runs:/{run.info.run_id}/classifier", "iris")
        client.transition_model_version_stage("iris", second.version, "Production", archive_existing_versions=True)
        assert [v.version for v in client.get_latest_versions("iris", ["Production"])] == [second.version]
        copied = client.copy_model_version("models:/iris@champion", "copied")
        assert (mlflow.pyfunc.load_model(f"models:/copied/{copied.version}").predict(x[:20]) == expected).all()
        client.delete_model_version("iris", "1")
        assert {v.version for v in client.search_model_versions("name = 'iris'")} == {second.version}

    def test_prompts_live_in_the_registry(self, client: MlflowClient) -> None:
        mlflow.genai.register_prompt("greeting", "Hello {{name}}", commit_message="first", tags={"lang": "en"})
        mlflow.genai.register_prompt("greeting", "Hi {{name}}")
        assert mlflow.genai.load_prompt("greeting", version=1).format(name="Ada") == "Hello Ada"
        assert mlflow.genai.load_prompt("prompts:/greeting/2").template == "Hi {{name}}"
        assert "greeting" not in [found.name for found in client.search_registered_models()]
        assert [found.name for found in mlflow.genai.search_prompts()] == ["greeting"]
        assert mlflow.genai.load_prompt("prompts:/greeting@nobody", allow_missing=True) is None


class TestCommandLine:
    def test_the_clients_own_commands(self, client: MlflowClient, server: RunningServer, tmp_path: Path) -> None:
        number = client.create_experiment("commands")
        run = client.create_run(number)
        client.log_text(run.info.run_id, "content", "a/b.txt")

        def run_command(*words: str) -> str:
            environment = {**os.environ, "MLFLOW_TRACKING_URI": server.url, "MLFLOW_DISABLE_TELEMETRY": "true"}
            done = subprocess.run(
                [sys.executable, "-m", "mlflow", *words],
                env=environment,
                capture_output=True,
                text=True,
                check=True,
                cwd=tmp_path,
            )
            return done.stdout

        assert "commands" in run_command("experiments", "search")
        assert run.info.run_id in run_command("runs", "list", "--experiment-id", number)
        run_command("artifacts", "download", "--run-id", run.info.run_id, "--artifact-path", "a", "-d", str(tmp_path / "got"))
        assert [path.read_text() for path in (tmp_path / "got").rglob("b.txt")] == ["content"]


class TestReadmeScript:
    def test_works_when_pasted(self, server: RunningServer, tmp_path: Path) -> None:
        script = re.findall(r"```python\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)[0]
        assert len(script.splitlines()) <= 22
        pasted = script.replace("http://127.0.0.1:5000", server.url)
        environment = {**os.environ, "MLFLOW_DISABLE_TELEMETRY": "true"}
        done = subprocess.run(
            [sys.executable, "-c", pasted], env=environment, capture_output=True, text=True, check=False, cwd=tmp_path
        )
        assert done.returncode == 0, done.stderr
        assert server.get("model-versions/get", name="wine", version="1").status_code == 200
        assert server.client.get("/models/wine/versions/1").status_code == 200
