"""Artifacts through the server: a large file up and down, many small ones, eight clients, a long listing; memory and stalls.

Each server keeps them in a folder and in SeaweedFS. Under the table stands what the machine can do at best: the same bytes
through a bare HTTP server into a file, and through boto3 straight into the store.
"""

from __future__ import annotations

import http.client
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import orjson

from tests.bench import probed, processes
from tests.bench.bench import expect
from tests.bench.load import Refused, Script, drive
from tests.bench.servers import Running

STORE = "/api/2.0/mlflow-artifacts/artifacts"
PIECE = 1024 * 1024
SMALL_BYTES = 10_000
CLIENTS = 8
PROBE_SECONDS = 0.005
SAMPLE_SECONDS = 0.1
PATIENCE = 600.0


@dataclass(frozen=True)
class Amounts:
    """How much is moved; `entries` of the listed folder."""

    large: int
    small: int
    each_of_eight: int
    entries: int


WHOLE = Amounts(2 * 10**9, 1000, 250 * 10**6, 100_000)
QUICK = Amounts(200 * 10**6, 200, 25 * 10**6, 10_000)


@dataclass
class Watch:
    """What a server does meanwhile: its memory every tenth of a second, and the longest that /health took."""

    running: Running
    samples: list[tuple[float, float]] = field(default_factory=list)  # (seconds, MB)
    longest: float = 0.0  # seconds
    loop: float = 0.0  # seconds that its event loop was late at most, where it has a clock in it
    own: float = 0.0  # seconds that it was late at most with a processor at hand
    idle: float = 0.0  # seconds that a process which does nothing was late at most

    @contextmanager
    def watching(self) -> Iterator[Watch]:
        over = threading.Event()
        threads = [threading.Thread(target=work, args=(over,)) for work in (self._sample, self._probe)]
        for thread in threads:
            thread.start()
        began, lateness = time.monotonic(), self.running.kind.environment.get("RUNSTONE_BENCH_LATENESS")
        try:
            yield self
        finally:
            over.set()
            for thread in threads:
                thread.join()
            if lateness is not None:
                self.loop, self.own = probed.longest(Path(lateness), began)

    @property
    def peak(self) -> float:
        return max(megabytes for _, megabytes in self.samples)

    def _sample(self, over: threading.Event) -> None:
        pids, began = processes.tree(self.running.process.pid), time.perf_counter()
        while True:
            self.samples.append((time.perf_counter() - began, processes.resident_bytes(pids) / 1e6))
            if over.wait(SAMPLE_SECONDS):
                return

    def _probe(self, over: threading.Event) -> None:
        """By a process of its own: what is measured shall not be how long this one was busy."""
        command = [sys.executable, "-c", _PROBE, str(self.running.port), str(PROBE_SECONDS)]
        with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as prober:
            over.wait()
            told = prober.communicate(b"\n")[0]
        self.longest, self.idle = map(float, told.split() or ("nan", "nan"))


_PROBE = """
import select, socket, sys, time
port, pause, longest, late = int(sys.argv[1]), float(sys.argv[2]), 0.0, 0.0
slept = time.perf_counter()
question = b"GET /health HTTP/1.1\\r\\nHost: 127.0.0.1\\r\\n\\r\\n"
with socket.create_connection(("127.0.0.1", port)) as connection:
    while not select.select([sys.stdin], [], [], pause)[0]:
        began = time.perf_counter()
        late = max(late, began - slept - pause)
        connection.sendall(question)
        if not connection.recv(4096):
            break
        slept = time.perf_counter()
        longest = max(longest, slept - began)
print(longest, late)
"""


@dataclass
class Client:
    """One kept connection to a server's artifact store."""

    port: int
    connection: http.client.HTTPConnection = field(init=False)

    def __post_init__(self) -> None:
        self.connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE)

    def put(self, path: str, file: Path) -> None:
        with file.open("rb") as opened:
            self._begin("PUT", path, {"Content-Length": str(file.stat().st_size)})
            self.connection.sock.sendfile(opened)
        self._end(path)

    def get(self, path: str) -> int:
        """The bytes that came; they are thrown away."""
        return self.get_from(f"{STORE}/{path}")

    def get_from(self, target: str) -> int:
        self.connection.request("GET", target)
        answer = self.connection.getresponse()
        if answer.status != 200:
            raise Refused(f"GET of an artifact answered {answer.status}")
        buffer, size = bytearray(PIECE), 0
        while count := answer.readinto(buffer):
            size += count
        return size

    def ask(self, target: str) -> bytes:
        self.connection.request("GET", target)
        answer = self.connection.getresponse()
        body = answer.read()
        if answer.status != 200:
            raise Refused(f"GET {target[:60]} answered {answer.status}: {body[:200]!r}")
        return body

    def close(self) -> None:
        self.connection.close()

    def _begin(self, method: str, path: str, headers: dict[str, str]) -> None:
        self.connection.putrequest(method, f"{STORE}/{path}")
        for name, value in headers.items():
            self.connection.putheader(name, value)
        self.connection.endheaders()

    def _end(self, path: str) -> None:
        answer = self.connection.getresponse()
        body = answer.read()
        if answer.status != 200:
            raise Refused(f"PUT of {path} answered {answer.status}: {body[:200]!r}")


def large(running: Running, source: Path, watches: dict[str, Watch]) -> dict[str, float]:
    """MB/s of one file up and down; what was seen of the server meanwhile stays in `watches`."""
    client, size, found = Client(running.port), source.stat().st_size, dict[str, float]()
    try:
        moves: tuple[tuple[str, Callable[[], None]], ...] = (
            ("upload", lambda: client.put("large/file.bin", source)),
            ("download", lambda: _got(client, size)),
        )
        for name, work in moves:
            with Watch(running).watching() as watch:
                began = time.perf_counter()
                work()
                found[name] = size / 1e6 / (time.perf_counter() - began)
            watches[name] = watch
    finally:
        client.close()
    return found


def _got(client: Client, size: int) -> None:
    found = client.get("large/file.bin")
    expect(found == size, f"{found} of {size} bytes came back")


def small(running: Running, count: int, clients: int = CLIENTS) -> float:
    """Seconds for `count` files of 10 KB from so many clients, each on one connection."""
    folder = f"small-{clients}"
    taken = put_small(running.port, count, clients, folder)
    client = Client(running.port)
    listed = orjson.loads(client.ask(f"{STORE}?path={folder}"))["files"]
    client.close()
    expect(len(listed) == count, f"{count} files were acknowledged, {len(listed)} are listed")
    return taken


def put_small(port: int, count: int, clients: int, folder: str) -> float:
    """`small`, for whatever answers at that port. From the light generator: `http.client` takes longer for a file than a server."""
    content = os.urandom(SMALL_BYTES)

    def send(first: int) -> Script:
        for file in range(first, count, clients):
            head = f"PUT {STORE}/{folder}/{file}.bin HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: {SMALL_BYTES}\r\n\r\n"
            yield head.encode() + content
        return len(range(first, count, clients))

    return drive(port, [send(number) for number in range(clients)]).seconds


def eight(running: Running, source: Path, watches: dict[str, Watch]) -> dict[str, float]:
    """MB/s of eight clients together, each with a file of its own."""
    size, found = source.stat().st_size, dict[str, float]()

    def send(number: int) -> None:
        client = Client(running.port)
        client.put(f"eight/{number}.bin", source)
        client.close()

    def fetch(number: int) -> None:
        client = Client(running.port)
        expect(client.get(f"eight/{number}.bin") == size, "a file came back shorter")
        client.close()

    for name, work in (("uploads", send), ("downloads", fetch)):
        with Watch(running).watching() as watch:
            began = time.perf_counter()
            _together(work)
            found[name] = size * CLIENTS / 1e6 / (time.perf_counter() - began)
        watches[name] = watch
    return found


def listing(running: Running, target: str, wanted: Callable[[bytes], bool], watches: dict[str, Watch]) -> float:
    """Milliseconds of the second answer; the first one warms the caches of the file system."""
    client = Client(running.port)
    try:
        client.ask(target)
        with Watch(running).watching() as watch:
            began = time.perf_counter()
            answer = client.ask(target)
            taken = (time.perf_counter() - began) * 1000
        watches["listing"] = watch
        expect(wanted(answer), "the listing is not what is in the folder")
        return taken
    finally:
        client.close()


def _together(work: Callable[[int], Any], clients: int = CLIENTS) -> None:
    with ThreadPoolExecutor(clients) as threads:
        list(threads.map(work, range(clients)))
