"""Secrets that stand in files, and what an operator is told when they cannot be read."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from runstone.settings import SECRET_FILE_LIMIT, SecretRefused, Settings
from tests.conftest import Databases, running

FILE = "RUNSTONE_BACKEND_STORE_URI_FILE"


@pytest.fixture
def secret(tmp_path: Path) -> Path:
    return tmp_path / "uri"


class TestSecretFiles:
    @pytest.mark.parametrize("content", ["postgresql://u:p@h/n", "postgresql://u:p@h/n\n", " postgresql://u:p@h/n\r\n"])
    def test_the_value_stands_in_a_file(self, secret: Path, content: str, monkeypatch: pytest.MonkeyPatch) -> None:
        secret.write_text(content)
        monkeypatch.setenv(FILE, str(secret))
        assert Settings().backend_store_uri == "postgresql://u:p@h/n"

    def test_an_option_wins_over_the_file(self, secret: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        secret.write_text("postgresql://u:p@h/n")
        monkeypatch.setenv(FILE, str(secret))
        assert Settings(backend_store_uri="sqlite:///x.db").backend_store_uri == "sqlite:///x.db"

    def test_the_value_and_its_file_together_are_refused(self, secret: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        secret.write_text("postgresql://u:p@h/n")
        monkeypatch.setenv(FILE, str(secret))
        monkeypatch.setenv("RUNSTONE_BACKEND_STORE_URI", "sqlite:///x.db")
        with pytest.raises(SecretRefused, match="both set"):
            Settings()

    @pytest.mark.parametrize(
        ("content", "fragment"),
        [(b"", "empty"), (b" \n", "empty"), (b"\xff\xfe", "not text"), (b"x" * (SECRET_FILE_LIMIT + 1), "too large")],
    )
    def test_a_file_that_holds_no_secret(
        self, secret: Path, content: bytes, fragment: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        secret.write_bytes(content)
        monkeypatch.setenv(FILE, str(secret))
        with pytest.raises(SecretRefused, match=fragment):
            Settings()

    def test_only_secrets_have_a_file(self, secret: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        secret.write_text("5555")
        monkeypatch.setenv("RUNSTONE_PORT_FILE", str(secret))
        assert Settings().port == 5000

    def test_a_missing_file_is_said_in_a_line(self, tmp_path: Path) -> None:
        done = subprocess.run(
            [sys.executable, "-m", "runstone", "server"],
            cwd=tmp_path,
            env=os.environ | {FILE: str(tmp_path / "absent")},
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )
        assert done.returncode == 1
        assert f"{FILE} names a file that cannot be read" in done.stderr
        assert "Traceback" not in done.stderr

    def test_several_processes_get_it_too(self, databases: Databases, secret: Path, tmp_path: Path) -> None:
        secret.write_text(databases.make("postgresql") + "\n")
        with running(tmp_path, "", "--workers", "2", settings={FILE: str(secret)}) as server:
            run_id = server.run()
            assert server.get("runs/get", run_id=run_id).status_code == 200
