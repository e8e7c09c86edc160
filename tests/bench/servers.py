"""Runstone and its peers as processes: installed into environments of their own, started, measured, ended by process id."""

from __future__ import annotations

import subprocess
import sys
import time
import urllib.request
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from tests.conftest import free_port

CACHE = Path(__file__).resolve().parents[2] / ".bench"


@dataclass
class Peer:
    """A server to measure. `command` gets the port and a fresh folder."""

    name: str
    package: str | None
    durability: str
    _process: subprocess.Popen[bytes] | None = field(default=None, repr=False)
    port: int = 0
    start_seconds: float = 0.0

    def command(self, folder: Path) -> list[str]:
        if self.name.startswith("Runstone"):
            return [
                sys.executable,
                "-m",
                "runstone",
                "server",
                "--port",
                str(self.port),
                "--backend-store-uri",
                f"sqlite:///{folder}/r.db",
            ]
        binaries = environment(str(self.package))
        if self.name.startswith("MLflow"):
            store = f"sqlite:///{folder}/m.db"
            return [
                str(binaries / "mlflow"),
                "server",
                "--port",
                str(self.port),
                "--backend-store-uri",
                store,
                "--artifacts-destination",
                str(folder / "a"),
            ]
        return [
            str(binaries / "fml"),
            "server",
            "-a",
            f"127.0.0.1:{self.port}",
            "-d",
            f"sqlite://{folder}/f.db",
            "--default-artifact-root",
            str(folder / "a"),
        ]

    def start(self, folder: Path) -> None:
        """Start and wait for the first answer of the API."""
        folder.mkdir(parents=True)
        self.port = free_port()
        command = self.command(folder)
        began = time.perf_counter()
        with (folder / "log").open("wb") as log:
            self._process = subprocess.Popen(command, cwd=folder, stdout=log, stderr=log)
        url = f"http://127.0.0.1:{self.port}/api/2.0/mlflow/experiments/get?experiment_id=0"
        while time.perf_counter() - began < 120:
            try:
                urllib.request.urlopen(url, timeout=2).close()
                self.start_seconds = time.perf_counter() - began
                return
            except OSError:
                time.sleep(0.02)
        raise RuntimeError(f"{self.name} did not start: {(folder / 'log').read_text()[-2000:]}")

    def memory_megabytes(self) -> float:
        """Of the process and all its children."""
        assert self._process is not None
        parent = psutil.Process(self._process.pid)
        return float(sum(process.memory_info().rss for process in [parent, *parent.children(recursive=True)])) / 1e6

    def stop(self) -> None:
        if self._process is None:
            return
        children = psutil.Process(self._process.pid).children(recursive=True)
        self._process.terminate()
        try:
            self._process.wait(30)
        except subprocess.TimeoutExpired:
            self._process.kill()
        for child in children:
            if child.is_running():
                child.kill()
        self._process = None


def environment(package: str) -> Path:
    """The binaries of a virtual environment that holds `package`, made on first use."""
    place = CACHE / package.replace("==", "-")
    if not (place / "ready").exists():
        subprocess.run([sys.executable, "-m", "venv", str(place)], check=True)
        subprocess.run([str(place / "bin" / "pip"), "install", "--quiet", package], check=True)
        (place / "ready").touch()
    return place / "bin"


def peers(names: list[str]) -> list[Peer]:
    known = {
        "runstone": Peer("Runstone", None, "WAL, synchronous=FULL"),
        "fasttrackml": Peer("FastTrackML 0.6.0", "fasttrackml==0.6.0", "as it ships"),
        "mlflow": Peer("MLflow 3.17.2", "mlflow==3.17.2", "as it ships"),
    }
    return [known[name] for name in names]
