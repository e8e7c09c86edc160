"""Runstone and its peers as processes: how each is started, what it makes sure of before it answers, how it is filled."""

from __future__ import annotations

import base64
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

from tests.bench import processes
from tests.bench.dataset import Seed
from tests.bench.environments import environment
from tests.bench.load import Connection, Refused, get
from tests.bench.schemas import RUNSTONE_NUMBERED, FasttrackmlSchema, MlflowSchema, RunstoneSchema
from tests.bench.seed import Schema, fill
from tests.conftest import free_port

START_PATIENCE = 180.0
FIRST_ANSWER = "/api/2.0/mlflow/experiments/get?experiment_id=0"

MLFLOW = ("mlflow==3.17.2", "psycopg2-binary", "boto3")
FASTTRACKML = ("fasttrackml==0.6.0",)


@dataclass(frozen=True)
class Kind:
    """A server as it is compared. `command(uri, port, folder)`; `prepare(uri, folder)` makes the schema without a start."""

    key: str
    name: str
    durability: dict[str, str]
    command: Callable[[str, int, Path], list[str]]
    schema: Callable[[Any], Schema]
    numbered: Sequence[str] = ()
    prepare: Callable[[str, Path], list[str]] | None = None
    package: tuple[str, ...] = ()  # what is installed from PyPI
    offset_tokens: bool = False  # its page tokens are offsets, so one for a deep page can be written here
    share: float = 1.0  # of the time that a write load lasts
    environment: dict[str, str] = field(default_factory=dict)
    place: str = ""  # where its artifacts are kept, when not in its folder
    sealing: tuple[str, ...] = ()  # the command that packs old points, whose database is in the environment

    def install(self) -> None:
        if self.package:
            environment(*self.package)

    def seal(self) -> list[str] | None:
        """The command, if the server's release has it."""
        if not self.sealing:
            return None
        asked = subprocess.run([*self.sealing, "--help"], capture_output=True, check=False)
        return None if asked.returncode else list(self.sealing)


@dataclass
class Running:
    """A started server."""

    kind: Kind
    port: int
    process: subprocess.Popen[bytes]
    start_seconds: float

    def memory_megabytes(self) -> float:
        return processes.resident_bytes(processes.tree(self.process.pid)) / 1e6

    def peak_megabytes(self) -> float:
        return processes.peak_bytes(processes.tree(self.process.pid)) / 1e6

    def process_count(self) -> int:
        return len(processes.tree(self.process.pid))

    def stop(self, patience: float = 30) -> None:
        processes.end(self.process, patience)


def start(kind: Kind, uri: str, folder: Path) -> Running:
    """Start it and wait for the first answer of its API."""
    folder.mkdir(parents=True, exist_ok=True)
    port = free_port()
    command = kind.command(uri, port, folder)
    began = time.perf_counter()
    log = folder / f"{kind.key}.log"
    with log.open("ab") as output:
        process = subprocess.Popen(command, cwd=folder, stdout=output, stderr=output, env=_clean_environment() | kind.environment)
    while time.perf_counter() - began < START_PATIENCE:
        if process.poll() is not None:
            break
        connection = Connection(port, patience=10)
        try:
            connection.ask(get(FIRST_ANSWER))
            return Running(kind, port, process, time.perf_counter() - began)
        except (OSError, Refused):
            time.sleep(0.01)
        finally:
            connection.close()
    processes.end(process)
    raise RuntimeError(f"{kind.name} did not start:\n{log.read_text(errors='replace')[-3000:]}")


def prepare(kind: Kind, uri: str, folder: Path, seed: Seed, size: Callable[[str], int]) -> int:
    """Let the server make its schema, then fill it while the server is down. Returns the bytes that it had while empty."""
    make_schema(kind, uri, folder)
    empty = size(uri)
    fill(uri, seed, kind.schema, kind.numbered)
    return empty


def make_schema(kind: Kind, uri: str, folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    if kind.prepare is not None:
        made = subprocess.run(kind.prepare(uri, folder), cwd=folder, capture_output=True, check=False, timeout=300)
        if made.returncode:
            raise RuntimeError(f"{kind.name} made no schema:\n{made.stderr.decode(errors='replace')[-3000:]}")
    else:
        start(kind, uri, folder).stop()


def offset_token(offset: int) -> str:
    """The page token of MLflow and FastTrackML."""
    return base64.b64encode(json.dumps({"offset": offset}).encode()).decode()


def _clean_environment() -> dict[str, str]:
    """Without settings meant for a server of the person who measures."""
    ours = ("RUNSTONE_", "MLFLOW_", "FML_", "_MLFLOW_")
    return {name: value for name, value in os.environ.items() if not name.startswith(ours)}


def _runstone(uri: str, port: int, folder: Path, workers: int = 1) -> list[str]:
    options = ["--port", str(port), "--backend-store-uri", uri, "--artifacts-destination", str(folder / "artifacts")]
    return [sys.executable, "-m", "runstone", "server", *options, *(["--workers", str(workers)] if workers > 1 else [])]


def runstone_with(workers: int) -> Kind:
    kind = KINDS["runstone"]
    return kind if workers == 1 else replace(kind, command=partial(_runstone, workers=workers))


def _mlflow(uri: str, port: int, folder: Path) -> list[str]:
    options = [
        "--port",
        str(port),
        "--backend-store-uri",
        _with_driver(uri),
        "--artifacts-destination",
        str(folder / "artifacts"),
    ]
    return [str(environment(*MLFLOW) / "mlflow"), "server", *options]


def _mlflow_schema(uri: str, _: Path) -> list[str]:
    return [str(environment(*MLFLOW) / "mlflow"), "db", "upgrade", _with_driver(uri)]


def _with_driver(uri: str) -> str:
    """SQLAlchemy's default driver depends on its release: this is the one that is installed."""
    return uri.replace("postgresql://", "postgresql+psycopg2://")


def _fasttrackml(uri: str, port: int, folder: Path, *, full: bool = True) -> list[str]:
    uri = uri.replace("sqlite:////", "sqlite:///") + ("?_synchronous=FULL" if full and uri.startswith("sqlite") else "")
    options = ["-a", f"127.0.0.1:{port}", "-d", uri, "--default-artifact-root", str(folder / "artifacts")]
    return [str(environment(*FASTTRACKML) / "fml"), "server", *options]


def _fasttrackml_as_shipped(uri: str, port: int, folder: Path) -> list[str]:
    return _fasttrackml(uri, port, folder, full=False)


_COMMITTED = "synchronous_commit=on, fsync=on"
KINDS = {
    kind.key: kind
    for kind in (
        Kind(
            "runstone",
            "Runstone",
            {"sqlite": "WAL, synchronous=FULL: an answer is fsynced", "postgresql": _COMMITTED},
            _runstone,
            RunstoneSchema,
            numbered=RUNSTONE_NUMBERED,
            sealing=(sys.executable, "-m", "runstone", "points", "seal"),
        ),
        Kind(
            "fasttrackml",
            "FastTrackML 0.6.0",
            {
                "sqlite": "WAL, set to synchronous=FULL here: fsynced; it ships with NORMAL, which loses the last writes with the power",
                "postgresql": _COMMITTED,
            },
            _fasttrackml,
            FasttrackmlSchema,
            package=FASTTRACKML,
            offset_tokens=True,
        ),
        Kind(
            "fasttrackml-as-shipped",
            "FastTrackML 0.6.0 as shipped",
            {"sqlite": "WAL, synchronous=NORMAL: not fsynced", "postgresql": _COMMITTED},
            _fasttrackml_as_shipped,
            FasttrackmlSchema,
            package=FASTTRACKML,
            offset_tokens=True,
        ),
        Kind(
            "mlflow",
            "MLflow 3.17.2",
            {"sqlite": "as it ships: rollback journal, synchronous=FULL, fsynced", "postgresql": _COMMITTED},
            _mlflow,
            MlflowSchema,
            prepare=_mlflow_schema,
            package=MLFLOW,
            offset_tokens=True,
            share=0.5,
        ),
    )
}
