"""What cannot work is one line that says what to do, before anything is served, from every command that meets it."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.cli.test_commands import command, refused
from tests.conftest import Databases, free_port


def one_line(folder: Path, fragment: str, *words: str, **environment: str) -> None:
    done = command(*words, folder=folder, **environment)
    refused(done, fragment)
    assert len(done.stderr.strip().splitlines()) == 1, done.stderr
    assert "hidden-word" not in done.stderr


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "folder").mkdir()
    (tmp_path / "file").write_text("x")
    (tmp_path / "text.db").write_bytes(b"not a database at all" * 100)
    return tmp_path


DATABASES = [
    ("nonsense", "not a database URL"),
    ("", "not a database URL"),
    ("sqlite://", "in-memory SQLite"),
    ("sqlite:///folder", "is a folder"),
    ("sqlite:///file/x.db", "cannot be written"),
    ("sqlite:////proc/nothing/x.db", "cannot be written"),
    ("sqlite:///text.db", "cannot be opened"),
    ("mysql://u:hidden-word@h/n", "scheme 'mysql' is not supported"),
    ("postgresql://u:hidden-word@127.0.0.1:port/n", "not a database URL"),
    ("postgresql://u:hidden-word@127.0.0.1:99999/n", "Postgres cannot be reached"),
    ("postgresql://u:hidden-word@[::1/n", "not a database URL"),
    ("postgresql://u:hidden-word%zz@127.0.0.1:1/n", "Postgres cannot be reached"),
    ("postgresql://u:hidden-word@127.0.0.1:1/n", "Postgres cannot be reached"),
    ("postgresql://u:hidden-word@127.0.0.1:1/n?unknown=1", "Postgres cannot be reached"),
    ("postgresql://u:hidden-word@nobody.invalid/n", "Postgres cannot be reached"),
]


@pytest.mark.parametrize(("uri", "fragment"), DATABASES)
class TestDatabase:
    def test_server(self, folder: Path, uri: str, fragment: str) -> None:
        one_line(folder, fragment, "server", "--port", str(free_port()), "--backend-store-uri", uri)

    def test_upgrade(self, folder: Path, uri: str, fragment: str) -> None:
        one_line(folder, fragment, "db", "upgrade", RUNSTONE_BACKEND_STORE_URI=uri)


@pytest.mark.parametrize("verb", ["upgrade", "check", "current"])
class TestOtherCommands:
    @pytest.mark.parametrize(("uri", "fragment"), [DATABASES[3], DATABASES[6], DATABASES[7], DATABASES[8], DATABASES[12]])
    def test_the_same_words(self, folder: Path, verb: str, uri: str, fragment: str) -> None:
        one_line(folder, fragment, "db", verb, uri)


@pytest.mark.parametrize("verb", ["check", "current"])
def test_looking_makes_no_database(folder: Path, verb: str) -> None:
    one_line(folder, "runstone db upgrade", "db", verb, "sqlite:///new/x.db")
    assert not (folder / "new").exists()


class TestPostgres:
    @pytest.mark.parametrize(
        ("user", "name", "fragment"), [("postgres", "missing", "does not exist"), ("nobody", "postgres", "nobody")]
    )
    def test_a_database_or_user_that_does_not_exist(
        self, databases: Databases, tmp_path: Path, user: str, name: str, fragment: str
    ) -> None:
        known = urlsplit(databases.make("postgresql"))
        query = f"?{known.query}" if known.query else ""
        place = known.netloc.rpartition("@")[2]
        uri = f"postgresql://{user}:hidden-word@{place}/{name}{query}"
        one_line(tmp_path, fragment, "server", "--port", str(free_port()), "--backend-store-uri", uri)


class TestServer:
    @pytest.mark.parametrize(
        ("words", "environment", "fragment"),
        [
            (["--host", "nobody.invalid"], {}, "no address of this machine"),
            (["--host", "300.1.2.3"], {}, "no address of this machine"),
            (["--host", "203.0.113.9"], {}, "no address of this machine"),
            (["--host", "::zz"], {}, "no address of this machine"),
            (["--host", "a b"], {}, "no address of this machine"),
            (["--host", "a" * 70 + ".example"], {}, "no address of this machine"),
            (["--host", ""], {}, "no address of this machine"),
            (["--port", "65536"], {}, "65535"),
            ([], {"RUNSTONE_PORT": "65536"}, "RUNSTONE_PORT"),
            ([], {"RUNSTONE_PORT": "x"}, "RUNSTONE_PORT"),
            ([], {"RUNSTONE_PORT": "-1"}, "RUNSTONE_PORT"),
            ([], {"RUNSTONE_WORKERS": "0"}, "RUNSTONE_WORKERS"),
            ([], {"RUNSTONE_LOG_LEVEL": "loud"}, "RUNSTONE_LOG_LEVEL"),
            (["--artifacts-destination", "file"], {}, "--artifacts-destination"),
            (["--artifacts-destination", "file/x"], {}, "--artifacts-destination"),
            (["--artifacts-destination", "/proc/nothing"], {}, "--artifacts-destination"),
            (["--artifacts-destination", "ftp://h/x"], {}, "--artifacts-destination"),
        ],
    )
    def test_what_cannot_work(self, folder: Path, words: list[str], environment: dict[str, str], fragment: str) -> None:
        port = [] if "--port" in words or "RUNSTONE_PORT" in environment else ["--port", str(free_port())]
        one_line(folder, fragment, "server", *port, *words, **environment)
