"""/registry/live tells what is done in the registry, whichever process did it, for one statement a look."""

from __future__ import annotations

import contextlib
import json
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from sqlalchemy import event

from runstone.app import open_database
from runstone.core.db import Database
from runstone.core.scope import DEFAULT_SCOPE
from runstone.registry import changes, feed
from runstone.settings import Settings
from tests.conftest import Databases, RunningServer, running


class Listener:
    """Hears until the test ends."""

    def __init__(self, server: RunningServer) -> None:
        self.heard: list[dict[str, Any]] = []
        self._server = server
        threading.Thread(target=self._listen, daemon=True).start()
        self.until(lambda: bool(self.heard))

    def _listen(self) -> None:
        with (
            contextlib.suppress(httpx.HTTPError),
            self._server.client.stream("GET", "/registry/live", timeout=60) as answer,
        ):
            for line in answer.iter_lines():
                if line.startswith("data: {"):
                    self.heard.append(json.loads(line.removeprefix("data: ")))

    def until(self, holds: Callable[[], bool]) -> None:
        deadline = time.monotonic() + 30
        while not holds():
            assert time.monotonic() < deadline, self.heard
            time.sleep(0.05)

    def hears(self, name: str, *, gone: bool = False) -> None:
        """A step that names the model, which is not remembered."""

        def found(step: dict[str, Any]) -> bool:
            return any(model["name"] == name and (model["id"] is None) == gone for model in step.get("models", []))

        self.until(lambda: any(found(step) for step in self.heard))
        self.heard.clear()


@pytest.fixture(scope="module")
def pair(databases: Databases, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[RunningServer, RunningServer]]:
    database = databases.make("postgresql")
    with (
        running(tmp_path_factory.mktemp("one"), database) as one,
        running(tmp_path_factory.mktemp("other"), database) as other,
    ):
        yield one, other


def walk(writer: RunningServer, listener: Listener, name: str) -> None:
    """Everything that pages of the registry show is done, and heard."""
    writer.ok("registered-models/create", {"name": name})
    listener.hears(name)
    writer.ok("model-versions/create", {"name": name, "source": "s3://there/it/is"})
    listener.hears(name)
    writer.ok("registered-models/alias", {"name": name, "alias": "best", "version": "1"})
    listener.hears(name)
    writer.ok("registered-models/set-tag", {"name": name, "key": "team", "value": "vision"})
    listener.hears(name)
    writer.ok("model-versions/set-tag", {"name": name, "version": "1", "key": "seen", "value": "yes"})
    listener.hears(name)
    body = {"name": name, "version": "1", "description": "what it is"}
    assert writer.call("PATCH", "model-versions/update", body).is_success
    listener.hears(name)
    assert writer.call("DELETE", "model-versions/delete", {"name": name, "version": "1"}).is_success
    listener.hears(name)
    writer.ok("registered-models/rename", {"name": name, "new_name": f"{name} 2"})
    listener.hears(f"{name} 2")
    assert writer.call("DELETE", "registered-models/delete", {"name": f"{name} 2"}).is_success
    listener.hears(f"{name} 2", gone=True)


class TestLive:
    def test_tells_what_is_done(self, server: RunningServer) -> None:
        walk(server, Listener(server), "live")

    def test_tells_what_another_process_does(self, pair: tuple[RunningServer, RunningServer]) -> None:
        writer, reader = pair
        walk(writer, Listener(reader), "beside")

    def test_a_page_has_the_mark_that_it_was_made_with(self, server: RunningServer) -> None:
        server.ok("registered-models/create", {"name": "marked"})
        listener = Listener(server)
        for path in ("/models", "/models/marked", "/activity", "/models/marked/activity"):
            text = server.client.get(path).text
            listener.until(lambda text=text: f'data-mark="{listener.heard[-1]["mark"]}"' in text)  # type: ignore[misc]
        assert "data-mark" not in server.client.get("/activity?before=1").text, "an older page stays as it is"


class TestFeed:
    @pytest.fixture
    def db(self, tmp_path: Path) -> Iterator[Database]:
        db = open_database(Settings(backend_store_uri=f"sqlite:///{tmp_path / 'a.db'}"))
        yield db
        db.close()

    def test_costs_one_statement_along_an_index(self, db: Database) -> None:
        db.write_now(lambda c: [changes.create(c, DEFAULT_SCOPE, f"m{i}", None, {}) for i in range(250)])
        counted: list[str] = []
        event.listen(db.read_engine, "before_cursor_execute", lambda *args: counted.append(args[2]))
        found = db.read_now(lambda c: feed.look(c, DEFAULT_SCOPE))
        asked = [text for text in counted if text != "BEGIN"]
        assert len(asked) == 1
        assert len(found) == feed.NEWEST
        text = asked[0].replace("?", "1")
        plan = " ".join(str(row[3]) for row in db.read_now(lambda c: c.exec_driver_sql(f"EXPLAIN QUERY PLAN {text}").all()))
        assert "ix_registry_events_all" in plan
        assert "TEMP B-TREE" not in plan

    def test_an_event_that_is_seen_late_is_told(self) -> None:
        """On Postgres the lower number may come with the later commit."""
        now: feed.Look = {1: (7, "a"), 2: (8, "b"), 3: (7, "a")}
        before: feed.Look = {1: (7, "a"), 3: (7, "a")}
        assert feed.models_between(before, now) == [(8, "b")]
        assert feed.mark(before) != feed.mark(now)
        assert feed.models_between(now, {**now, 4: (7, "c"), 5: (None, "b")}) == [(7, "c"), (None, "b")]
