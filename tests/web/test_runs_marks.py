"""Marks of runs: another mark means that a row of a table shows something else now."""

from __future__ import annotations

from typing import Any

import pytest

from tests.conftest import RunningServer

CHANGES: list[tuple[str, dict[str, Any]]] = [
    ("runs/log-metric", {"key": "loss", "value": 1, "timestamp": 1}),
    ("runs/set-tag", {"key": "a", "value": "b"}),
    ("runs/update", {"status": "FINISHED", "end_time": 1}),
    ("runs/update", {"run_name": "other"}),
]


def marks(server: RunningServer, *run_ids: str) -> dict[str, str]:
    answer = server.client.post("/runs/marks", json={"runs": list(run_ids)})
    assert answer.status_code == 200, answer.text
    found: dict[str, str] = answer.json()["marks"]
    return found


class TestMarks:
    @pytest.mark.parametrize("ended", [False, True])
    @pytest.mark.parametrize(("path", "body"), CHANGES, ids=[path for path, _ in CHANGES])
    def test_change_with_whatever_is_written_and_with_nothing_else(
        self, server: RunningServer, path: str, body: dict[str, Any], ended: bool
    ) -> None:
        number = server.experiment()
        run_id, other = server.run(number), server.run(number)
        if ended:
            server.ok("runs/update", {"run_id": run_id, "status": "FAILED", "end_time": 5})
        before = marks(server, run_id, other)
        assert marks(server, run_id, other) == before
        server.ok(path, {"run_id": run_id, **body})
        after = marks(server, run_id, other)
        assert after[run_id] != before[run_id]
        assert after[other] == before[other]

    def test_what_is_in_the_trash_or_unknown_has_none(self, server: RunningServer) -> None:
        run_id = server.run(server.experiment())
        assert set(marks(server, run_id, "unknown")) == {run_id}
        server.ok("runs/delete", {"run_id": run_id})
        assert marks(server, run_id) == {}
        assert marks(server) == {}

    def test_of_too_many_at_once_are_refused(self, server: RunningServer) -> None:
        answer = server.client.post("/runs/marks", json={"runs": ["a"] * 1001})
        assert answer.status_code == 400
        assert "'runs' has 1001" in answer.text
