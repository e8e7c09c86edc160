"""What small files cost at best: through a bare server that fsyncs each and its folder, and through boto3 straight into the store."""

from __future__ import annotations

import os
import shutil
import socket
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.bench import transfers
from tests.bench.bench import expect
from tests.s3server import BUCKET, S3Server

_ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"
_NEW_FILE = os.O_WRONLY | os.O_CREAT | os.O_EXCL


def through_bare_server(folder: Path, count: int, clients: int) -> float:
    """Seconds for `count` files under the load of `transfers.small`: a thread for each connection, nothing recorded of a file."""
    folder.mkdir(parents=True)
    with _serving(folder) as port:
        taken = transfers.put_small(port, count, clients, "small")
    expect(len(os.listdir(folder)) == count, "the bare server has not stored all files")
    shutil.rmtree(folder)
    return taken


def through_boto3(s3: S3Server, count: int, clients: int) -> float:
    """Seconds for `count` files, from so many threads."""
    client, content = s3.client(), os.urandom(transfers.SMALL_BYTES)

    def put(number: int) -> None:
        for file in range(number, count, clients):
            client.put_object(Bucket=BUCKET, Key=f"floor/{clients}/{file}.bin", Body=content)

    began = time.perf_counter()
    with ThreadPoolExecutor(clients) as threads:
        list(threads.map(put, range(clients)))
    taken = time.perf_counter() - began
    client.close()
    return taken


@contextmanager
def _serving(folder: Path) -> Iterator[int]:
    """In a process of its own, as the servers that are compared are."""
    listener = socket.create_server(("127.0.0.1", 0))
    port: int = listener.getsockname()[1]
    pid = os.fork()
    if pid == 0:
        while True:
            connection, _ = listener.accept()
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            threading.Thread(target=_serve, args=(connection, folder), daemon=True).start()
    listener.close()
    try:
        yield port
    finally:
        os.kill(pid, 9)
        os.waitpid(pid, 0)


def _serve(connection: socket.socket, folder: Path) -> None:
    place = os.open(folder, os.O_RDONLY)
    got: Any = b""
    while True:
        while (end := got.find(b"\r\n\r\n")) < 0:
            if not (more := connection.recv(65536)):
                os.close(place)
                return
            got += more
        head = got[:end]
        name = head.split(b" ", 2)[1].rpartition(b"/")[2].decode()
        size = int(head.lower().partition(b"content-length:")[2].partition(b"\r\n")[0])
        body, got = got[end + 4 :], b""
        while len(body) < size:
            body += connection.recv(65536)
        _store(place, name, body)
        connection.sendall(_ANSWER)


def _store(place: int, name: str, body: bytes) -> None:
    """Whole under its name, and on the disk, when this returns."""
    descriptor = os.open(f".{name}", _NEW_FILE, 0o644, dir_fd=place)
    os.write(descriptor, body)
    os.fsync(descriptor)
    os.close(descriptor)
    os.rename(f".{name}", name, src_dir_fd=place, dst_dir_fd=place)
    os.fsync(place)
