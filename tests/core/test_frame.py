"""Every answer names its request and carries the security headers, whoever makes it."""

from __future__ import annotations

import asyncio
import socket
from pathlib import Path

import httpx
import pytest
from fastapi import Request, Response

from runstone.app import create_app, framed
from runstone.settings import Settings
from tests.conftest import Databases, RunningServer, running

ALWAYS = {
    "x-request-id",
    "x-content-type-options",
    "x-frame-options",
    "referrer-policy",
    "cross-origin-opener-policy",
    "cross-origin-resource-policy",
    "content-security-policy",
}


def raw(server: RunningServer, data: bytes) -> tuple[int, set[str], str]:
    """(status, header names, body) of the first answer to `data`; the connection has to be closed behind it."""
    with socket.create_connection(("127.0.0.1", server.port), timeout=60) as connection:
        connection.sendall(data)
        received = b""
        while piece := connection.recv(65536):
            received += piece
    head, _, body = received.partition(b"\r\n\r\n")
    lines = head.decode("latin-1").split("\r\n")
    return int(lines[0].split()[1]), {line.partition(":")[0].lower() for line in lines[1:]}, body.decode()


def fetch(path: str, times: int = 1, **headers: str) -> list[httpx.Response]:
    """From the application with a route that nobody expects to fail, and that does."""
    app = create_app(Settings())

    async def fail(request: Request) -> Response:
        raise RuntimeError("SELECT password FROM /etc/passwd")

    app.add_route("/api/2.0/mlflow/fail", fail)
    app.add_route("/fail", fail)

    async def ask() -> list[httpx.Response]:
        transport = httpx.ASGITransport(framed(app), raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1", headers=headers) as client:
            return [await client.get(path) for _ in range(times)]

    return asyncio.run(ask())


class TestUnexpectedError:
    @pytest.mark.parametrize(
        ("path", "accept", "kind"), [("/api/2.0/mlflow/fail", "*/*", "application/json"), ("/fail", "text/html", "text/html")]
    )
    def test_it_is_answered_like_everything_else(self, path: str, accept: str, kind: str) -> None:
        (answer,) = fetch(path, accept=accept)
        assert answer.status_code == 500
        assert answer.headers["content-type"].startswith(kind)
        assert set(answer.headers) >= ALWAYS
        assert "passwd" not in answer.text
        assert "RuntimeError" not in answer.text

    def test_each_failure_has_a_name_of_its_own(self) -> None:
        names = {answer.headers["x-request-id"] for answer in fetch("/api/2.0/mlflow/fail", 3)}
        assert len(names) == 3


class TestOrdinaryAnswers:
    @pytest.mark.parametrize(
        ("method", "path", "status"),
        [
            ("GET", "/health", 200),
            ("GET", "/experiments", 200),
            ("GET", "/api/2.0/mlflow/nothing", 404),
            ("GET", "/nothing", 404),
            ("GET", "/static/nothing.css", 404),
            ("DELETE", "/api/2.0/mlflow/experiments/get", 405),
            ("POST", "/api/2.0/mlflow/runs/create", 400),
            ("OPTIONS", "/api/2.0/mlflow/runs/create", 405),
            ("GET", "/experiments/%ff", 400),
        ],
    )
    def test_headers(self, sqlite_server: RunningServer, method: str, path: str, status: int) -> None:
        answer = sqlite_server.client.request(method, path)
        assert answer.status_code == status
        assert set(answer.headers) >= ALWAYS


class TestWhatIsNoRequest:
    @pytest.mark.parametrize(
        ("data", "status"),
        [
            (b"nonsense\r\n\r\n", 400),
            (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 400),
            (b"GET relative HTTP/1.1\r\nHost: localhost\r\n\r\n", 400),
            (b"GET / HTTP/1.1\r\nHost: localhost\r\nBad Header: x\r\n\r\n", 400),
            (b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: -1\r\n\r\n", 400),
            (b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n", 400),
            (b"GET /" + b"a" * 200_000 + b" HTTP/1.1\r\nHost: localhost\r\n\r\n", 431),
            (b"GET / HTTP/1.1\r\nHost: localhost\r\n" + b"X-Y: zzzzzzzzzz\r\n" * 20_000 + b"\r\n", 431),
        ],
    )  # fmt: skip
    def test_answered_and_closed(self, sqlite_server: RunningServer, data: bytes, status: int) -> None:
        found, names, body = raw(sqlite_server, data)
        assert found == status
        assert names >= ALWAYS
        assert '"error_code"' in body
        assert sqlite_server.client.get("/health").status_code == 200


class TestTooMuchAtOnce:
    def test_requests_past_the_limit_are_told_to_come_back(self, databases: Databases, tmp_path: Path) -> None:
        """Uploads that are not finished hold their places; health is answered all the same."""
        limits = {"RUNSTONE_MAX_REQUESTS": "4", "RUNSTONE_MAX_CONNECTIONS": "40"}
        with running(tmp_path, databases.make("sqlite"), settings=limits) as server:
            held: list[socket.socket] = []
            refused = self.until_refused(server, held)
            assert refused.headers["retry-after"]
            assert refused.json()["error_code"] == "TEMPORARILY_UNAVAILABLE"
            assert set(refused.headers) >= ALWAYS
            assert server.client.get("/health").status_code == 200
            for connection in held:
                connection.close()
            while server.get("experiments/get", experiment_id="0").status_code != 200:
                pass

    def until_refused(self, server: RunningServer, held: list[socket.socket]) -> httpx.Response:
        """More and more are held: one that comes while another request is answered may be refused itself."""
        for _ in range(30):
            connection = socket.create_connection(("127.0.0.1", server.port))
            held.append(connection)
            connection.sendall(
                b"POST /api/2.0/mlflow/runs/create HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
                b"Content-Length: 100000\r\n\r\n{"
            )
            answer = server.get("experiments/get", experiment_id="0")
            if answer.status_code == 503:
                return answer
        raise AssertionError("four requests were held and a fifth was still taken")

    def test_connections_past_the_limit_are_refused_and_closed(self, databases: Databases, tmp_path: Path) -> None:
        with running(tmp_path, databases.make("sqlite"), settings={"RUNSTONE_MAX_CONNECTIONS": "16"}) as server:
            held = [socket.create_connection(("127.0.0.1", server.port)) for _ in range(16)]
            answers = []
            for _ in range(4):
                with socket.create_connection(("127.0.0.1", server.port), timeout=60) as connection:
                    answers.append(connection.recv(65536))
            assert all(answer.startswith(b"HTTP/1.1 503") and b"retry-after" in answer.lower() for answer in answers)
            for connection in held:
                connection.close()
            server.client.close()
            with httpx.Client() as fresh:
                while fresh.get(f"{server.url}/health").status_code != 200:
                    pass
