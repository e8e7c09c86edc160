"""`runstone gc` beside a running server: what goes, what stays, and what happens when it is disturbed."""

from __future__ import annotations

import itertools
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.cli.test_commands import command
from tests.conftest import Databases, RunningServer, running
from tests.s3server import S3Server

STORE = "/api/2.0/mlflow-artifacts/artifacts"
_names = itertools.count(1)


def gc(server: RunningServer, *words: str, code: int = 0, settings: dict[str, str] | None = None) -> str:
    options = {"RUNSTONE_BACKEND_STORE_URI": server.database, "RUNSTONE_ARTIFACTS_DESTINATION": str(server.artifacts)}
    done = command("gc", *words, folder=server.folder, **(options | (settings or {})))
    assert done.returncode == code, done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    return done.stdout


def line(report: str, kind: str) -> list[int]:
    """count, files, bytes"""
    (found,) = [text for text in report.splitlines() if text.strip().startswith(f"{kind} ")]
    return [int(word) for word in found.split()[-3:]]


def filled_run(server: RunningServer, experiment: str, *sizes: int) -> str:
    run = server.run(experiment)
    server.ok("runs/log-batch", {"run_id": run, "metrics": [{"key": "m", "value": 1, "timestamp": i, "step": i} for i in range(30)],
                                 "params": [{"key": "p", "value": "1"}], "tags": [{"key": "t", "value": "1"}]})  # fmt: skip
    dataset = {"name": f"d{next(_names)}", "digest": "1", "source_type": "local", "source": "x"}
    server.ok("runs/log-inputs", {"run_id": run, "datasets": [{"dataset": dataset, "tags": [{"key": "a", "value": "b"}]}]})
    for i, size in enumerate(sizes):
        put(server, f"{experiment}/{run}/artifacts/deep/{i}", size)
    return run


def put(server: RunningServer, key: str, size: int) -> None:
    assert server.client.put(f"{STORE}/{key}", content=b"x" * size).status_code == 200


def exists(server: RunningServer, run: str) -> bool:
    return server.get("runs/get", run_id=run).status_code == 200


def model_of(server: RunningServer, experiment: str) -> str:
    found = server.ok("logged-models", {"experiment_id": experiment, "name": "m"})["model"]["info"]["model_id"]
    put(server, f"{experiment}/models/{found}/artifacts/MLmodel", 7)
    return str(found)


class TestRuns:
    def test_only_what_is_in_the_trash_long_enough_goes_and_only_when_it_is_said(self, server: RunningServer) -> None:
        experiment = server.experiment()
        kept, gone = filled_run(server, experiment, 5), filled_run(server, experiment, 10, 20, 0)
        server.ok("runs/delete", {"run_id": gone})
        assert "nothing" in gc(server, "--older-than", "1h")
        report = gc(server, "--older-than", "0s")
        assert line(report, "runs") == [1, 3, 30]
        assert "Nothing was removed" in report
        server.ok("runs/restore", {"run_id": gone})
        assert server.client.get(f"{STORE}/{experiment}/{gone}/artifacts/deep/1").content == b"x" * 20
        server.ok("runs/delete", {"run_id": gone})
        assert line(gc(server, "--older-than", "0s", "--delete"), "runs") == [1, 3, 30]
        assert not exists(server, gone)
        assert not (server.artifacts / experiment / gone).exists()
        assert server.post("runs/restore", {"run_id": gone}).status_code == 404
        assert exists(server, kept)
        assert server.client.get(f"{STORE}/{experiment}/{kept}/artifacts/deep/0").status_code == 200
        assert server.get("metrics/get-history", run_id=kept, metric_key="m").json()["metrics"]
        assert "nothing" in gc(server, "--older-than", "0s", "--delete")

    def test_by_id(self, server: RunningServer) -> None:
        experiment = server.experiment()
        one, two, alive = (filled_run(server, experiment, 1) for _ in range(3))
        for run in (one, two):
            server.ok("runs/delete", {"run_id": run})
        assert line(gc(server, "--run-ids", one, "--older-than", "0s", "--delete"), "runs") == [1, 1, 1]
        assert (exists(server, one), exists(server, two)) == (False, True)
        assert f"Not found: {alive}" in gc(server, "--run-ids", f"{alive},{two}", "--older-than", "0s", "--delete", code=1)
        assert (exists(server, alive), exists(server, two)) == (True, False)
        assert "Not found" in gc(server, "--run-ids", "x", code=1)

    def test_a_run_that_a_model_version_is_loaded_from_stays(self, server: RunningServer) -> None:
        experiment, name = server.experiment(), f"held-{next(_names)}"
        run = filled_run(server, experiment)
        put(server, f"{experiment}/{run}/artifacts/model/MLmodel", 9)
        server.ok("registered-models/create", {"name": name})
        source = f"mlflow-artifacts:/{experiment}/{run}/artifacts/model"
        server.ok("model-versions/create", {"name": name, "source": source, "run_id": run})
        copy = f"copy-{next(_names)}"
        server.ok("registered-models/create", {"name": copy})
        server.ok("model-versions/create", {"name": copy, "source": f"models:/{name}/1"})
        server.call("DELETE", "model-versions/delete", {"name": name, "version": "1"})
        server.ok("runs/delete", {"run_id": run})
        report = gc(server, "--older-than", "0s", "--delete")
        assert f"Kept: run {run}: its files are loaded through version 1 of the registered model '{copy}'" in report
        query = f"name={copy}&version=1&path=MLmodel"
        assert server.client.get(f"/model-versions/get-artifact?{query}").content == b"x" * 9
        server.call("DELETE", "model-versions/delete", {"name": copy, "version": "1"})
        assert line(gc(server, "--older-than", "0s", "--delete"), "runs") == [1, 1, 9]

    def test_files_that_cannot_go_are_told_and_go_the_next_time(self, server: RunningServer, tmp_path: Path) -> None:
        experiment = server.experiment()
        run = filled_run(server, experiment, 10)
        server.ok("runs/delete", {"run_id": run})
        folder = server.artifacts / experiment / run
        shutil.move(folder, tmp_path / "aside")
        folder.symlink_to(tmp_path / "aside")
        assert f"Failed: files of run {run}" in gc(server, "--older-than", "0s", "--delete", code=1)
        assert not exists(server, run)
        assert (tmp_path / "aside/artifacts/deep/0").exists()
        folder.unlink()
        shutil.move(tmp_path / "aside", folder)
        assert line(gc(server), "left by an earlier run") == [1, 1, 10]
        assert line(gc(server, "--delete"), "left by an earlier run") == [1, 1, 10]
        assert not folder.exists()
        assert "nothing" in gc(server, "--delete")

    def test_a_restore_and_a_collection_at_once_have_one_winner(self, server: RunningServer) -> None:
        experiment = server.experiment()
        runs = [filled_run(server, experiment, 1) for _ in range(24)]
        for run in runs:
            server.ok("runs/delete", {"run_id": run})

        def restore(run: str) -> bool:
            time.sleep(random.uniform(0.5, 2.5))
            return server.post("runs/restore", {"run_id": run}).status_code == 200

        with ThreadPoolExecutor(24) as pool:
            restored = pool.map(restore, runs)
            gc(server, "--older-than", "0s", "--delete")
            for run, won in zip(runs, restored, strict=True):
                assert exists(server, run) is won
                answer = server.client.get(f"{STORE}/{experiment}/{run}/artifacts/deep/0")
                assert answer.status_code == (200 if won else 404)

    def test_killed_in_the_middle(self, server: RunningServer) -> None:
        experiment = server.experiment()
        runs = [filled_run(server, experiment, *[1] * 5) for _ in range(40)]
        for run in runs:
            server.ok("runs/delete", {"run_id": run})
        environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith("RUNSTONE_")},
            "RUNSTONE_BACKEND_STORE_URI": server.database,
            "RUNSTONE_ARTIFACTS_DESTINATION": str(server.artifacts),
        }
        words = [sys.executable, "-m", "runstone", "gc", "--older-than", "0s", "--delete"]
        for wait in (0.9, 1.1, 1.3):
            with subprocess.Popen(words, cwd=server.folder, env=environment, stdout=subprocess.DEVNULL) as process:
                time.sleep(wait)
                process.send_signal(signal.SIGKILL)
            for run in runs:
                if exists(server, run):
                    for i in range(5):
                        assert server.client.get(f"{STORE}/{experiment}/{run}/artifacts/deep/{i}").status_code == 200
        gc(server, "--older-than", "0s", "--delete")
        assert not any(exists(server, run) for run in runs)
        assert list((server.artifacts / experiment).iterdir()) == []


class TestExperiments:
    def test_with_all_that_is_in_it(self, server: RunningServer) -> None:
        gc(server, "--older-than", "0s", "--delete")
        experiment = server.experiment()
        filled_run(server, experiment, 3), filled_run(server, experiment, 4)
        model_of(server, experiment)
        put(server, f"{experiment}/traces/tr-1/artifacts/traces.json", 50)
        server.ok("experiments/delete", {"experiment_id": experiment})
        report = gc(server, "--experiment-ids", experiment, "--older-than", "0s", "--delete")
        assert (line(report, "runs"), line(report, "logged models")) == ([2, 2, 7], [1, 1, 7])
        assert line(report, "experiments") == [1, 1, 50]
        assert server.get("experiments/get", experiment_id=experiment).status_code == 404
        assert not (server.artifacts / experiment).exists()

    def test_a_model_in_use_keeps_it(self, server: RunningServer) -> None:
        experiment, name = server.experiment(), f"used-{next(_names)}"
        model = model_of(server, experiment)
        server.ok("registered-models/create", {"name": name})
        source = f"mlflow-artifacts:/{experiment}/models/{model}/artifacts"
        server.ok("model-versions/create", {"name": name, "source": source, "model_id": model})
        server.ok("experiments/delete", {"experiment_id": experiment})
        assert f"its logged model {model} is loaded" in gc(
            server, "--experiment-ids", experiment, "--older-than", "0s", "--delete", code=1
        )
        assert (server.artifacts / experiment / "models" / model).exists()
        server.ok("experiments/restore", {"experiment_id": experiment})

    def test_files_at_a_place_that_was_chosen_stay(self, server: RunningServer) -> None:
        place = f"shared-{next(_names)}"
        put(server, f"{place}/data.csv", 5)
        experiment = server.experiment(artifact_location=f"mlflow-artifacts:/{place}")
        run = server.run(experiment)
        put(server, f"{place}/{run}/artifacts/x", 5)
        server.ok("experiments/delete", {"experiment_id": experiment})
        gc(server, "--older-than", "0s", "--delete")
        assert [path.name for path in (server.artifacts / place).iterdir()] == ["data.csv"]


class TestLoggedModels:
    def test_by_id(self, server: RunningServer) -> None:
        model, other = model_of(server, "0"), model_of(server, "0")
        server.call("DELETE", f"logged-models/{model}")
        report = gc(server, "--logged-model-ids", f"{model},{other}", "--older-than", "0s", "--delete", code=1)
        assert line(report, "logged models") == [1, 1, 7]
        assert not (server.artifacts / "0/models" / model).exists()
        assert (server.artifacts / "0/models" / other).exists()


class TestLeftovers:
    def test_files_of_owners_that_do_not_exist(self, server: RunningServer) -> None:
        gc(server, "--older-than", "0s", "--delete")
        made_up = "0123456789abcdef" * 2
        put(server, f"0/{made_up}/artifacts/x", 11)
        put(server, "somewhere/else.bin", 13)
        assert "nothing" in gc(server)
        assert line(gc(server, "--older-than", "0s", "--delete"), "folders of no run") == [1, 1, 11]
        assert not (server.artifacts / "0" / made_up).exists()
        assert server.client.get(f"{STORE}/somewhere/else.bin").status_code == 200

    def test_uploads_that_nobody_completed(self, server: RunningServer) -> None:
        answer = server.client.post("/api/2.0/mlflow-artifacts/mpu/create/left", json={"path": "f", "num_parts": 2}).json()
        assert server.client.put(answer["credentials"][0]["url"], content=b"x" * 1000).status_code == 200
        (folder,) = (server.artifacts / ".runstone-staging").glob("parts-*")
        assert "unfinished" not in gc(server, "--older-than", "0s", "--delete")
        old = time.time() - 2 * 24 * 3600
        os.utime(folder, (old, old))
        assert line(gc(server), "unfinished uploads") == [1, 0, 1000]
        assert line(gc(server, "--delete"), "unfinished uploads") == [1, 0, 1000]
        assert not folder.exists()


def test_on_s3(seaweedfs: S3Server, databases: Databases, tmp_path: Path) -> None:
    place = seaweedfs.place()
    with running(tmp_path, databases.make("sqlite"), "--artifacts-destination", place, settings=seaweedfs.settings) as server:
        run = filled_run(server, "0", 10, 20)
        server.ok("runs/delete", {"run_id": run})
        settings = {"RUNSTONE_ARTIFACTS_DESTINATION": place, **seaweedfs.settings}
        assert line(gc(server, "--older-than", "0s", settings=settings), "runs") == [1, 2, 30]
        assert line(gc(server, "--older-than", "0s", "--delete", settings=settings), "runs") == [1, 2, 30]
        assert server.client.get(f"{STORE}/0/{run}/artifacts/deep/0").status_code == 404


@pytest.mark.parametrize(
    ("words", "fragment"),
    [
        (["--older-than", "soon"], "is no age"),
        (["--experiment-ids", "x"], "--experiment-ids"),
        (["--artifacts-destination", "nowhere"], "no such folder"),
        (["--backend-store-uri", "sqlite:///none.db"], "no database"),
    ],
)
def test_what_cannot_be_meant(sqlite_server: RunningServer, words: list[str], fragment: str) -> None:
    options = {"RUNSTONE_BACKEND_STORE_URI": sqlite_server.database}
    done = command("gc", "--artifacts-destination", str(sqlite_server.artifacts), *words, folder=sqlite_server.folder, **options)
    assert (done.returncode, fragment in done.stderr) == (1, True), done.stderr
