"""A full disk: writes are refused in words, reads go on, and when there is room again everything works by itself."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import RunningServer, start_server, stop_server
from tests.faults.load import Trainer

DISK_BYTES, KEPT_BYTES = 48 << 20, 4 << 20


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of its own, which can be full without harm."""
    place = tmp_path / "disk"
    place.mkdir()
    mounting = ["mount", "-t", "tmpfs", "-o", f"size={DISK_BYTES}", "tmpfs", str(place)]
    if os.geteuid() != 0 or subprocess.run(mounting, capture_output=True, check=False).returncode != 0:
        pytest.skip("needs the right to mount a file system")
    yield place
    subprocess.run(["umount", str(place)], check=True)


def fill(disk: Path, keep: int) -> Path:
    filler = disk / "filler"
    with filler.open("wb") as file:
        free = os.statvfs(disk).f_bavail * os.statvfs(disk).f_frsize
        for _ in range(max(0, free - keep) // 65536):
            file.write(b"\0" * 65536)
    return filler


@pytest.fixture
def server(small_disk: Path, tmp_path: Path) -> Iterator[RunningServer]:
    # The log stays outside: a full disk must not decide whether something is logged.
    started = start_server(tmp_path, f"sqlite:///{small_disk}/runstone.db", "--artifacts-destination", str(small_disk / "files"))
    yield started
    stop_server(started)


def refusal(server: RunningServer, run_id: str) -> tuple[int, str]:
    """Write until it is refused: the status and what is said."""
    for number in range(20_000):
        body = {"run_id": run_id, "tags": [{"key": f"long.{number}", "value": "x" * 4000}]}
        answer = server.client.post("/api/2.0/mlflow/runs/log-batch", json=body)
        if answer.status_code != 200:
            assert "retry-after" in answer.headers
            return answer.status_code, answer.text
    raise AssertionError("the disk was never full")


class TestDiskIsFull:
    def test_writes_are_refused_reads_go_on_and_it_recovers(self, server: RunningServer, small_disk: Path) -> None:
        run_id = server.run()
        trainers = [Trainer(server.url, server.run(), f"w{number}", patient=True) for number in range(2)]
        filler = fill(small_disk, KEPT_BYTES)
        status, said = refusal(server, run_id)
        assert status in (503, 507)
        assert "nothing was stored" in said
        assert str(small_disk) not in said
        for trainer in trainers:
            trainer.start()
        upload = server.client.put("/api/2.0/mlflow-artifacts/artifacts/full/large.bin", content=b"x" * (8 << 20))
        assert upload.status_code == 507, upload.text
        assert server.client.get("/health").status_code == 200
        assert server.client.get("/api/2.0/mlflow/runs/get", params={"run_id": run_id}).status_code == 200
        found = server.ok("runs/search", {"experiment_ids": ["0"]})
        assert {run["info"]["run_id"] for run in found["runs"]} >= {run_id}
        assert server.client.get("/experiments/0").status_code == 200
        filler.unlink()
        before = [trainer.done.count() for trainer in trainers]
        deadline = time.monotonic() + 120
        while any(trainer.done.count() < old + 12 for trainer, old in zip(trainers, before, strict=True)):
            assert time.monotonic() < deadline, "the server did not recover"
            assert all(trainer.is_alive() for trainer in trainers), [trainer.unexpected for trainer in trainers]
            time.sleep(0.02)
        for trainer in trainers:
            trainer.stop.set()
            trainer.join(70)
            trainer.check(server.client)
        assert not [path for path in (small_disk / "files").rglob("*") if path.is_file() and "large" in path.name]
