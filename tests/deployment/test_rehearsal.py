"""The deployment of `docker-compose.yml`, rehearsed with real parts, and driven through its front door by the mlflow client.

What happened is written to build/rehearsal.log, for people.
"""

from __future__ import annotations

import base64
import hashlib
import http.client
import os
import shutil
import ssl
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Self

import mlflow
import numpy as np
import psycopg
import pytest
from mlflow import MlflowClient
from sklearn.neighbors import KNeighborsRegressor

from tests.deployment.compose import ROOT, runs_once
from tests.deployment.rehearsal import Deployment, Log

pytestmark = pytest.mark.filterwarnings("ignore")

MODEL_BYTES = 200 * 2**20
WRITERS = 4


@pytest.fixture(scope="module")
def log() -> Log:
    return Log(ROOT / "build" / "rehearsal.log")


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    """Short, because of the sockets in it, and open to the users of the services."""
    made = Path(tempfile.mkdtemp(prefix="rehearsal-"))
    made.chmod(0o755)
    yield made
    shutil.rmtree(made, ignore_errors=True)


@pytest.fixture(scope="module")
def deployment(folder: Path, log: Log) -> Iterator[Deployment]:
    (folder / "first").mkdir()
    made = Deployment(folder / "first", log)
    try:
        made.up()
        yield made
    finally:
        made.abandon()


@pytest.fixture
def client(deployment: Deployment, monkeypatch: pytest.MonkeyPatch) -> Iterator[MlflowClient]:
    yield from entered(deployment, monkeypatch)


def entered(deployment: Deployment, monkeypatch: pytest.MonkeyPatch) -> Iterator[MlflowClient]:
    """As a member of the team sets it up."""
    monkeypatch.setenv("MLFLOW_TRACKING_USERNAME", "runstone")
    monkeypatch.setenv("MLFLOW_TRACKING_PASSWORD", deployment.password)
    monkeypatch.setenv("MLFLOW_TRACKING_SERVER_CERT_PATH", str(deployment.authority))
    monkeypatch.setenv("MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", "false")
    monkeypatch.setenv("MLFLOW_DISABLE_TELEMETRY", "true")
    before = mlflow.get_tracking_uri()
    mlflow.set_tracking_uri(deployment.url)
    yield MlflowClient()
    mlflow.set_tracking_uri(before)


def asked(deployment: Deployment, path: str, **headers: str) -> tuple[int, dict[str, str], bytes]:
    context = ssl.create_default_context(cafile=str(deployment.authority))
    connection = http.client.HTTPSConnection("localhost", deployment.ports["caddy", 443], context=context, timeout=30)
    try:
        connection.request("GET", path, headers=headers)
        answer = connection.getresponse()
        return answer.status, {name.lower(): value for name, value in answer.getheaders()}, answer.read()
    finally:
        connection.close()


class Load:
    """Clients that train: each logs metrics and files to a run of its own, and remembers what was acknowledged."""

    def __init__(self, client: MlflowClient, folder: Path) -> None:
        self._client, self._folder, self._over = client, folder, threading.Event()
        self.steps: dict[str, int] = {}
        self.files: dict[str, list[tuple[str, str]]] = {}
        self.errors: list[str] = []
        self._threads = [threading.Thread(target=self._train, args=(number,)) for number in range(WRITERS)]

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: Any) -> None:
        self._over.set()
        for thread in self._threads:
            thread.join(120)

    def _train(self, number: int) -> None:
        run_id = self._client.create_run("0").info.run_id
        self.files[run_id], self.steps[run_id] = [], 0
        while not self._over.is_set():
            step = self.steps[run_id]
            try:
                self._client.log_metric(run_id, "loss", 1 / (step + 1), step=step)
                self.steps[run_id] = step + 1
                if step % 5 == 0:
                    content = os.urandom(50_000)
                    file = self._folder / f"{number}-{step}.bin"
                    file.write_bytes(content)
                    self._client.log_artifact(run_id, str(file))
                    self.files[run_id].append((file.name, hashlib.sha256(content).hexdigest()))
            except Exception as error:
                self.errors.append(f"step {step}: {error}")
                return

    def wait_for(self, steps: int) -> None:
        """Until so many more steps were acknowledged."""
        wanted, until = sum(self.steps.values()) + steps, time.monotonic() + 60
        while sum(self.steps.values()) < wanted and not self.errors:
            assert time.monotonic() < until
            time.sleep(0.02)

    def check(self) -> str:
        """That nothing is lost: every step once, every file whole."""
        assert self.errors == []
        for run_id, steps in self.steps.items():
            history = self._client.get_metric_history(run_id, "loss")
            assert sorted(metric.step for metric in history) == list(range(steps)) or len(history) == steps + 1
            assert {metric.step for metric in history} >= set(range(steps))
            for name, digest in self.files[run_id]:
                back = self._client.download_artifacts(run_id, name, str(self._folder))
                assert hashlib.sha256(Path(back).read_bytes()).hexdigest() == digest
        files = sum(map(len, self.files.values()))
        return f"{sum(self.steps.values())} metrics and {files} files were acknowledged, all are there"


class TestTheStart:
    def test_secrets_are_made_and_kept_apart(self, deployment: Deployment) -> None:
        owners = {"runstone-secrets": "runstone-1", "postgres-secrets": "postgres", "seaweedfs-secrets": "seaweedfs"}
        found = set[str]()
        for volume, service in owners.items():
            for file in deployment.volume(volume).iterdir():
                assert file.stat().st_mode & 0o777 == 0o600, file
                if os.geteuid() == 0:
                    assert file.stat().st_uid == deployment.user_of(service)[0], file
                found.add(file.read_text())
        assert deployment.password
        assert len(found) == 5, "no two are alike"
        shown = "".join(
            deployment.output(name) for name in deployment.services if (deployment.folder / "logs" / f"{name}.log").exists()
        )
        assert not [secret for secret in [*found, deployment.password] if secret.strip() in shown]

    def test_nobody_enters_without_a_login(self, deployment: Deployment) -> None:
        for path in ("/", "/experiments", "/health", "/version", "/api/2.0/mlflow/experiments/search", "/readyz"):
            assert asked(deployment, path)[0] == 401, path
        status, headers, body = asked(deployment, "/livez")
        assert (status, body) == (200, b"OK")
        assert headers["x-content-type-options"] == "nosniff"

    def test_the_database_belongs_to_a_role_of_its_own(self, deployment: Deployment) -> None:
        uri = (deployment.volume("runstone-secrets") / "database-uri").read_text().strip()
        with psycopg.connect(uri) as connection:
            (superuser,) = connection.execute(
                "SELECT rolsuper OR rolcreatedb FROM pg_roles WHERE rolname = current_user"
            ).fetchone() or (None,)
            assert superuser is False
            assert connection.execute("SHOW fsync").fetchone() == ("on",)

    def test_starting_again_changes_nothing(self, deployment: Deployment) -> None:
        before = {file: file.read_bytes() for file in deployment.folder.glob("volumes/*-secrets/*")}
        for name in [name for name, service in deployment.services.items() if runs_once(service)]:
            deployment.run_once(name)
        assert {file: file.read_bytes() for file in deployment.folder.glob("volumes/*-secrets/*")} == before


class TestATeamAtWork:
    def test_train_log_register_and_load_a_large_model(self, deployment: Deployment, client: MlflowClient, log: Log) -> None:
        mlflow.set_experiment("rehearsal")
        rows = np.random.default_rng(7).normal(size=(MODEL_BYTES // 8 // 128, 128))
        began = time.monotonic()
        with mlflow.start_run():
            model = KNeighborsRegressor(n_neighbors=1, algorithm="brute").fit(rows, rows[:, 0])
            mlflow.log_params({"neighbours": 1, "rows": len(rows)})
            mlflow.log_metric("loss", 0.25)
            mlflow.sklearn.log_model(model, name="model", registered_model_name="neighbours", pip_requirements=["scikit-learn"])
        logged = time.monotonic()
        version = client.get_model_version("neighbours", "1")
        assert version.status == "READY"
        loaded = mlflow.pyfunc.load_model("models:/neighbours/1")
        assert np.allclose(loaded.predict(rows[:3]), rows[:3, 0])
        log.say(
            f"client: trained, logged and registered a model of {MODEL_BYTES // 2**20} MB in {logged - began:.1f} s, "
            f"loaded it back in {time.monotonic() - logged:.1f} s, it predicts the same"
        )

    def test_a_replica_is_killed(self, deployment: Deployment, client: MlflowClient, tmp_path: Path, log: Log) -> None:
        with Load(client, tmp_path) as load:
            load.wait_for(40)
            deployment.kill("runstone-1")
            load.wait_for(80)
            deployment.start("runstone-1")
            deployment.wait_until_healthy("runstone-1")
            load.wait_for(40)
        log.say(f"client: a replica was killed and started again under load: {load.check()}")

    def test_a_replica_is_stopped_and_nobody_notices(
        self, deployment: Deployment, client: MlflowClient, tmp_path: Path, log: Log, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Not even a client that never tries again."""
        monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
        with Load(client, tmp_path) as load:
            load.wait_for(40)
            deployment.stop("runstone-2")
            load.wait_for(40)
            deployment.start("runstone-2")
            deployment.wait_until_healthy("runstone-2")
            load.wait_for(40)
        log.say(f"client: a replica was stopped and started again under load, without retries: {load.check()}")

    def test_the_store_is_killed_and_tracking_goes_on(
        self, deployment: Deployment, client: MlflowClient, tmp_path: Path, log: Log
    ) -> None:
        run_id, file = client.create_run("0").info.run_id, tmp_path / "before.txt"
        file.write_text("acknowledged")
        client.log_artifact(run_id, str(file))
        client.set_tag(run_id, "kept", "yes")
        deployment.kill("seaweedfs")
        client.log_metric(run_id, "loss", 0.5)
        status, _, body = asked(deployment, "/api/2.0/mlflow-artifacts/artifacts?path=0", Authorization=basic(deployment))
        assert status == 503, body
        assert b"artifact store" in body
        assert asked(deployment, "/readyz", Authorization=basic(deployment))[0] == 503
        log.say("client: without the store metrics are stored, files refused with 503")


class TestABackup:
    """Of the volumes as they are after all this: the store was killed, the rest stopped."""

    def test_a_copy_of_the_volumes_is_the_whole_deployment(
        self, deployment: Deployment, folder: Path, log: Log, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        deployment.down()
        (folder / "second").mkdir()
        deployment.copy_to(folder / "second")
        shutil.rmtree(deployment.folder / "volumes")
        restored = Deployment(folder / "second", log, deployment.ports)
        try:
            restored.up()
            for client in entered(restored, monkeypatch):
                (run,) = client.search_runs(["0"], "tags.kept = 'yes'")
                assert run.data.metrics["loss"] == 0.5
                back = client.download_artifacts(run.info.run_id, "before.txt", str(folder))
                assert Path(back).read_text() == "acknowledged"
                loaded = mlflow.pyfunc.load_model("models:/neighbours/1")
                assert loaded.predict(np.zeros((1, 128))).shape == (1,)
            log.say("client: a deployment on the copy of the volumes has the runs, the files and the model, which can be loaded")
        finally:
            restored.abandon()


def basic(deployment: Deployment) -> str:
    return "Basic " + base64.b64encode(f"runstone:{deployment.password}".encode()).decode()
