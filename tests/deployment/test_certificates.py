"""Names that no public authority knows get a certificate of the deployment's own, without asking anybody."""

from __future__ import annotations

import shutil
import socket
import ssl
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.deployment.rehearsal import Deployment, Log


@pytest.fixture(params=["localhost", "runstone.internal", "127.0.0.1"])
def front(request: pytest.FixtureRequest) -> Iterator[Deployment]:
    """Only the secrets and the front door; nobody is behind it."""
    folder = Path(tempfile.mkdtemp(prefix="front-"))
    folder.chmod(0o755)
    made = Deployment(folder, Log(folder / "log"), domain=request.param)
    try:
        made.run_once("secrets")
        made.start("caddy")
        yield made
    finally:
        made.abandon()
        shutil.rmtree(folder)


def asked(front: Deployment, path: str) -> bytes:
    context = ssl.create_default_context(cafile=str(front.authority))
    with (
        socket.create_connection(("127.0.0.1", front.ports["caddy", 443]), timeout=30) as plain,
        context.wrap_socket(plain, server_hostname=front.domain) as connection,
    ):
        connection.sendall(f"GET {path} HTTP/1.1\r\nHost: {front.domain}\r\nConnection: close\r\n\r\n".encode())
        received = b""
        while piece := connection.recv(65536):
            received += piece
    return received


class TestTheFrontDoor:
    def test_is_encrypted_asks_who_is_there_and_says_when_nobody_is_at_home(self, front: Deployment) -> None:
        for _ in range(200):
            try:
                refused = asked(front, "/experiments")
                break
            except (OSError, ssl.SSLError):
                time.sleep(0.05)
        assert refused.startswith(b"HTTP/1.1 401")
        assert b'Www-Authenticate: Basic realm="Runstone"' in refused
        assert (b"Strict-Transport-Security" in refused) == (front.domain != "localhost")
        assert "acme" not in front.output("caddy").lower()
        if front.domain != "localhost":
            return  # the same everywhere, and it waits for a replica as long as a client would
        away = asked(front, "/livez")
        assert away.startswith(b"HTTP/1.1 503")
        assert b"Retry-After: 2" in away
        assert b'{"error_code": "TEMPORARILY_UNAVAILABLE"' in away
