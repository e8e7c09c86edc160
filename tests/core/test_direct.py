"""Small requests of hot paths take a short way through the server, and get the answers of the long one."""

from __future__ import annotations

import json
import re
import socket
import time
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import Databases, RunningServer, running

API = "/api/2.0/mlflow"
LIMIT = 16 * 1024
# Which no part of the server looks at: it alone sends a request the long way.
LONG_WAY = {"X-Other": "1"}
POINT = {"key": "m", "value": 1.5, "timestamp": 1, "step": 0}


def request(path: str, body: bytes, *, method: str = "POST", host: str = "127.0.0.1", **headers: str) -> bytes:
    lines = [f"{method} {path} HTTP/1.1", f"Host: {host}", f"Content-Length: {len(body)}"]
    lines += [f"{name}: {value}" for name, value in ({"Content-Type": "application/json"} | headers).items()]
    return "\r\n".join([*lines, "\r\n"]).encode() + body


def answers(server: RunningServer, *pieces: bytes, count: int = 1) -> list[tuple[int, dict[str, str], Any]]:
    """The first `count` answers on one connection that gets `pieces` one after another: (status, headers, JSON)."""
    found: list[tuple[int, dict[str, str], Any]] = []
    with socket.create_connection(("127.0.0.1", server.port), timeout=30) as connection:
        for i, piece in enumerate(pieces):
            time.sleep(0.05 if i else 0)
            connection.sendall(piece)
        stream = connection.makefile("rb")
        while len(found) < count:
            status = int(stream.readline().split()[1])
            headers = dict(line.decode().strip().lower().split(": ", 1) for line in iter(stream.readline, b"\r\n"))
            found.append((status, headers, json.loads(stream.read(int(headers["content-length"])))))
    return found


def alike(answer: tuple[int, dict[str, str], Any]) -> Any:
    """Without what differs from request to request."""
    status, headers, body = answer
    fixed = {name: value for name, value in headers.items() if name not in ("date", "x-request-id", "content-length")}
    return status, fixed, set(headers), re.sub(r"[0-9a-f]{32}|\w+-\w+-\d+", "?", json.dumps(body))


class TestTheAnswerIsTheSame:
    @pytest.mark.parametrize(
        ("path", "body"),
        [
            ("runs/log-metric", POINT), ("runs/log-metric", POINT | {"value": "NaN"}), ("runs/log-metric", POINT | {"value": "x"}),
            ("runs/log-metric", POINT | {"run_id": "nothing"}), ("runs/log-batch", {"metrics": [POINT]}), ("runs/log-batch", {}),
            ("runs/log-batch", {"metrics": [POINT | {"key": ""}]}), ("runs/set-tag", {"key": "t", "value": "v"}), ("runs/set-tag", {}),
            ("runs/log-parameter", {"key": "p", "value": "v"}), ("runs/log-parameter", {"key": "p", "value": "w"}),
            ("runs/create", {"experiment_id": "0"}), ("runs/create", {"experiment_id": "77"}), ("runs/create", {"tags": 5}),
            ("runs/update", {"status": "FINISHED"}), ("runs/update", {"status": "DONE"}), ("runs/nothing", {}),
        ],
    )  # fmt: skip
    def test_good_and_bad(self, server: RunningServer, path: str, body: dict[str, Any]) -> None:
        run_id = server.run()
        server.ok("runs/log-parameter", {"run_id": run_id, "key": "p", "value": "v"})
        sent = json.dumps({"run_id": run_id} | body).encode()
        for twin in (API, "/ajax-api/2.0/mlflow"):
            ((short,), (long,)) = (answers(server, request(f"{twin}/{path}", sent, **extra)) for extra in ({}, LONG_WAY))
            assert alike(short) == alike(long)

    @pytest.mark.parametrize(
        "body", [b"", b"{", b"[]", b'"{}"', b'{"run_id": "a", "run_id": "b"}', b"\xff", b"{}" + b" " * LIMIT]
    )
    def test_what_is_no_request(self, sqlite_server: RunningServer, body: bytes) -> None:
        ((short,), (long,)) = (
            answers(sqlite_server, request(f"{API}/runs/log-metric", body, **extra)) for extra in ({}, LONG_WAY)
        )
        assert alike(short) == alike(long)
        assert short[0] == 400

    @pytest.mark.parametrize(
        ("changed", "status"),
        [
            ({"host": "evil.example"}, 403), ({"Origin": "http://evil.example"}, 403), ({"Sec-Fetch-Site": "cross-site"}, 403),
            ({"Content-Type": "text/plain"}, 400), ({"Content-Encoding": "gzip"}, 400), ({"method": "PUT"}, 405),
            ({"User-Agent": "u" * 40_000}, 400), ({"Content-Type": "application/json; charset=latin-1"}, 400),
        ],
    )  # fmt: skip
    def test_what_may_not_be_is_refused(self, sqlite_server: RunningServer, changed: dict[str, str], status: int) -> None:
        run_id = sqlite_server.run()
        body = json.dumps({"run_id": run_id, **POINT}).encode()
        ((found, headers, _),) = answers(sqlite_server, request(f"{API}/runs/log-metric", body, **changed))
        assert (found, headers["x-frame-options"]) == (status, "sameorigin")
        assert sqlite_server.get("runs/get", run_id=run_id).json()["run"]["data"].get("metrics") is None


class TestOneConnection:
    def test_requests_sent_together_are_answered_in_order(self, server: RunningServer) -> None:
        run_id = server.run()
        bodies = [json.dumps({"run_id": run_id, **POINT, "key": f"m{i}" if i % 3 else ""}).encode() for i in range(12)]
        together = b"".join(request(f"{API}/runs/log-metric", body) for body in bodies)
        found = answers(server, together + request(f"{API}/runs/log-metric", b"{}"), count=13)
        assert [status for status, _, _ in found] == [200 if i % 3 else 400 for i in range(12)] + [400]
        assert len({headers["x-request-id"] for _, headers, _ in found}) == 13

    @pytest.mark.parametrize("cut", [1, 60, -70, -1])
    def test_a_request_may_come_in_pieces(self, server: RunningServer, cut: int) -> None:
        whole = request(f"{API}/runs/log-metric", json.dumps({"run_id": server.run(), **POINT}).encode())
        assert [status for status, _, _ in answers(server, whole[:cut], whole[cut:] + whole, count=2)] == [200, 200]

    def test_it_is_closed_when_that_was_asked_for(self, server: RunningServer) -> None:
        whole = request(f"{API}/runs/log-metric", json.dumps({"run_id": server.run(), **POINT}).encode(), Connection="close")
        with socket.create_connection(("127.0.0.1", server.port), timeout=30) as connection:
            connection.sendall(whole)
            received = b"".join(iter(lambda: connection.recv(65536), b""))
        assert received.startswith(b"HTTP/1.1 200")
        assert b"connection: close" in received


class TestPrefix:
    def test_only_below_it(self, databases: Databases, tmp_path: Path) -> None:
        with running(tmp_path, databases.make("sqlite"), settings={"RUNSTONE_STATIC_PREFIX": "/below"}) as server:
            body = json.dumps({"experiment_id": "0"}).encode()
            found = [answers(server, request(f"{prefix}{API}/runs/create", body))[0][0] for prefix in ("", "/below")]
            assert found == [404, 200]
