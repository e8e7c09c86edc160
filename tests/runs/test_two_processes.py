"""Two server processes on one Postgres: what one of them keeps rendered of finished runs is right at once after the other wrote."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from tests.conftest import Databases, RunningServer, running

Pair = tuple[RunningServer, RunningServer]


@pytest.fixture(scope="module")
def pair(databases: Databases, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pair]:
    database = databases.make("postgresql")
    with (
        running(tmp_path_factory.mktemp("one"), database) as one,
        running(tmp_path_factory.mktemp("other"), database) as other,
    ):
        yield one, other


def finished_run(server: RunningServer) -> tuple[str, str]:
    """(experiment, run)"""
    experiment = server.experiment()
    run = server.run(experiment, run_name="first", start_time=1)
    server.ok("runs/log-batch", {
        "run_id": run,
        "metrics": [{"key": "loss", "value": 0.5, "timestamp": 1, "step": 1}],
        "params": [{"key": "lr", "value": "1"}],
        "tags": [{"key": "stage", "value": "a"}],
    })  # fmt: skip
    server.ok("runs/update", {"run_id": run, "status": "FINISHED", "end_time": 5})
    return experiment, run


def shown(server: RunningServer, experiment: str, view: str = "ALL") -> list[Any]:
    found: list[Any] = server.ok("runs/search", {"experiment_ids": [experiment], "run_view_type": view}).get("runs", [])
    return found


Write = Callable[[RunningServer, str], Any]
WRITES: dict[str, Write] = {
    "tag": lambda server, run: server.ok("runs/set-tag", {"run_id": run, "key": "stage", "value": "b"}),
    "tag taken away": lambda server, run: server.ok("runs/delete-tag", {"run_id": run, "key": "stage"}),
    "metric": lambda server, run: server.ok(
        "runs/log-metric", {"run_id": run, "key": "late", "value": 2, "timestamp": 9, "step": 9}
    ),
    "newer point": lambda server, run: server.ok(
        "runs/log-metric", {"run_id": run, "key": "loss", "value": 2, "timestamp": 9, "step": 9}
    ),
    "param": lambda server, run: server.ok("runs/log-parameter", {"run_id": run, "key": "seed", "value": "7"}),
    "name": lambda server, run: server.ok("runs/update", {"run_id": run, "run_name": "second"}),
    "status": lambda server, run: server.ok("runs/update", {"run_id": run, "status": "FAILED"}),
    "deletion": lambda server, run: server.ok("runs/delete", {"run_id": run}),
    "dataset": lambda server, run: server.ok(
        "runs/log-inputs",
        {"run_id": run, "datasets": [{"dataset": {"name": "d", "digest": "1", "source_type": "x", "source": "y"}}]},
    ),
}


class TestKeptRuns:
    @pytest.mark.parametrize("name", WRITES)
    def test_a_write_through_one_server_is_shown_by_the_other_at_once(self, pair: Pair, name: str) -> None:
        for writer, reader in (pair, pair[::-1]):
            experiment, run = finished_run(writer)
            before = [shown(reader, experiment) for _ in range(3)]
            assert before[0] == before[1] == before[2] != []
            WRITES[name](writer, run)
            after = shown(reader, experiment)
            assert after != before[0]
            assert after == shown(writer, experiment)

    def test_a_run_goes_to_the_trash_and_comes_back(self, pair: Pair) -> None:
        writer, reader = pair
        experiment, run = finished_run(writer)
        before = shown(reader, experiment)
        for _ in range(3):
            writer.ok("runs/delete", {"run_id": run})
            assert shown(reader, experiment, "ACTIVE_ONLY") == []
            assert [found["info"]["lifecycle_stage"] for found in shown(reader, experiment, "DELETED_ONLY")] == ["deleted"]
            writer.ok("runs/restore", {"run_id": run})
            assert shown(reader, experiment, "ACTIVE_ONLY") == before
            assert shown(reader, experiment, "DELETED_ONLY") == []

    def test_each_of_many_writes_is_shown_while_others_read(self, pair: Pair) -> None:
        """Readers keep rendering the run again on both servers, so that each write meets one that is just being kept."""
        experiment, run = finished_run(pair[0])
        going = True

        def read(server: RunningServer) -> int:
            count = 0
            while going:
                assert len(shown(server, experiment)) == 1
                count += 1
            return count

        with ThreadPoolExecutor(2) as readers:
            reads = [readers.submit(read, server) for server in pair]
            try:
                for i in range(60):
                    writer, reader = pair if i % 2 else pair[::-1]
                    writer.ok("runs/set-tag", {"run_id": run, "key": "stage", "value": str(i)})
                    [found] = shown(reader, experiment)
                    assert {"key": "stage", "value": str(i)} in found["data"]["tags"]
            finally:
                going = False
        assert all(each.result() > 1 for each in reads)
