"""What the unmodified client offers beside the beaten track: media, tables, asynchronous logging, sources of code, stages."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import mlflow
import numpy as np
import pytest
from mlflow import MlflowClient
from PIL import Image
from sklearn.linear_model import LogisticRegression

from tests.conftest import RunningServer

pytestmark = pytest.mark.filterwarnings("ignore")


@pytest.fixture
def client(server: RunningServer, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[MlflowClient]:
    monkeypatch.setenv("MLFLOW_DISABLE_TELEMETRY", "true")
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "1")
    monkeypatch.chdir(tmp_path)
    before = mlflow.get_tracking_uri()
    mlflow.set_tracking_uri(server.url)
    mlflow.set_experiment(f"rarer {time.time_ns()}")
    yield MlflowClient()
    while mlflow.active_run():
        mlflow.end_run()
    mlflow.set_tracking_uri(before)


class TestFiles:
    def test_images_are_found_by_key_and_step(self, client: MlflowClient) -> None:
        image = np.arange(300, dtype=np.uint8).reshape(10, 10, 3)
        with mlflow.start_run() as run:
            mlflow.log_image(image, key="dog", step=20, timestamp=100, synchronous=True)
            mlflow.log_image(Image.new("RGB", (7, 5)), "./one.png")
        (png,) = (f.path for f in client.list_artifacts(run.info.run_id, "images") if f.path.endswith(".png"))
        assert (np.asarray(mlflow.artifacts.load_image(f"runs:/{run.info.run_id}/{png}")) == image).all()
        assert mlflow.artifacts.load_image(f"runs:/{run.info.run_id}/one.png").size == (7, 5)

    def test_a_table_grows_and_is_loaded_over_runs(self, client: MlflowClient) -> None:
        for number in range(2):
            with mlflow.start_run() as run:
                mlflow.log_table({"a": [number], "b": ["x"]}, "tables/t.json")
                mlflow.log_table({"a": [10], "b": ["y"]}, "tables/t.json")
        assert sorted(mlflow.load_table("tables/t.json")["a"]) == [0, 1, 10, 10]
        assert list(mlflow.load_table("tables/t.json", run_ids=[run.info.run_id], extra_columns=["run_id"])["a"]) == [1, 10]

    def test_folders_in_folders_come_back_as_they_were(self, client: MlflowClient, tmp_path: Path) -> None:
        sent = {"a/b c/é/f.txt": "1", "a/g.txt": "2", "empty": ""}
        for name, text in sent.items():
            (tmp_path / "sent" / name).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / "sent" / name).write_text(text)
        with mlflow.start_run() as run:
            mlflow.log_artifacts(str(tmp_path / "sent"), "below/here")
        got = Path(mlflow.artifacts.download_artifacts(f"runs:/{run.info.run_id}/below/here", dst_path=str(tmp_path / "got")))
        assert {str(f.relative_to(got)): f.read_text() for f in got.rglob("*") if f.is_file()} == sent
        assert client.list_artifacts(run.info.run_id, "below/here/empty") == []


class TestLogging:
    def test_asynchronous_calls_are_all_stored(self, client: MlflowClient) -> None:
        with mlflow.start_run() as run:
            for step in range(40):
                mlflow.log_metric("m", step, step=step, synchronous=False)
            mlflow.log_params({"p": 1}, synchronous=False)
            mlflow.set_tags({"t": "v"}, synchronous=False)
            mlflow.flush_async_logging()
        found = client.get_run(run.info.run_id).data
        assert (found.metrics["m"], found.params["p"], found.tags["t"]) == (39, "1", "v")
        assert len(client.get_metric_history(run.info.run_id, "m")) == 40

    def test_children_of_a_run_as_a_frame(self, client: MlflowClient) -> None:
        with mlflow.start_run() as parent:
            for number in range(3):
                with mlflow.start_run(nested=True):
                    mlflow.log_param("n", number)
        frame: Any = mlflow.search_runs(
            filter_string=f"tags.mlflow.parentRunId = '{parent.info.run_id}'", order_by=["params.n DESC"], max_results=2
        )
        assert list(frame["params.n"]) == ["2", "1"]
        above = mlflow.get_parent_run(frame["run_id"][0])
        assert above is not None
        assert above.info.run_id == parent.info.run_id


class TestModels:
    def test_code_beside_a_model_and_the_ways_to_it(self, client: MlflowClient, tmp_path: Path) -> None:
        (tmp_path / "beside").mkdir()
        (tmp_path / "beside" / "__init__.py").write_text("X = 1\n")
        with mlflow.start_run() as run:
            model = LogisticRegression().fit([[0], [1]], [0, 1])
            info = mlflow.sklearn.log_model(model, name="m", code_paths=["beside"], registered_model_name="ways", params={"p": 1})
            mlflow.log_metric("acc", 0.5, model_id=info.model_id)
        for uri in (info.model_uri, "models:/ways/1", f"runs:/{run.info.run_id}/m"):
            assert (Path(mlflow.artifacts.download_artifacts(uri)) / "code/beside/__init__.py").read_text() == "X = 1\n"
        found: Any = mlflow.search_logged_models(
            filter_string="metrics.acc > 0.4 AND params.p = '1'", order_by=[{"field_name": "metrics.acc"}]
        )
        assert list(found["model_id"]) == [info.model_id]
        copied = client.copy_model_version("models:/ways/1", "ways too")
        assert (copied.source, client.get_model_version_download_uri("ways too", "1")) == (
            "models:/ways/1",
            client.get_model_version_download_uri("ways", "1"),
        )

    def test_stages_give_way_to_each_other(self, client: MlflowClient) -> None:
        client.create_registered_model("staged")
        for _ in range(3):
            client.create_model_version("staged", "s3://elsewhere/model")
        client.transition_model_version_stage("staged", "1", "Production")
        client.transition_model_version_stage("staged", "2", "Production", archive_existing_versions=True)
        assert {v.current_stage: v.version for v in client.get_latest_versions("staged")} == {
            "Archived": "1",
            "Production": "2",
            "None": "3",
        }
