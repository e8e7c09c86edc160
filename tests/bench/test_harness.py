"""The benchmark itself: its table, its load, what it fills databases with, and that it sees a write that is gone."""

from __future__ import annotations

import dataclasses
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest

from tests.bench import durability, floor, processes, reads, writes
from tests.bench.__main__ import asked
from tests.bench.bench import Bench, Figures, Wrong, page_token
from tests.bench.databases import SqliteDatabases
from tests.bench.databases import databases as bench_databases
from tests.bench.dataset import Seed
from tests.bench.load import Answer, Refused, Script, drive, filled, get, post, template, wait_for
from tests.bench.losing_proxy import losing
from tests.bench.plan import DEFAULT, GROUPS, QUICK, stages
from tests.bench.report import Results, ratio, shown
from tests.bench.servers import KINDS, Running, prepare, start
from tests.bench.session import Session
from tests.conftest import Databases, RunningServer, free_port

ROOT = Path(__file__).resolve().parents[2]
EMPTY = Seed()
SEED = Seed(runs=300, series=(("page", "loss", 3000), *((f"interval-{i}", "loss", 2500) for i in range(3))), wide=40)


def measured(port: int, workload: Callable[[Bench], Figures], seed: Seed = EMPTY) -> Figures:
    bench = Bench(port, seed, 0.2, 1)
    try:
        return workload(bench)
    finally:
        bench.connection.close()


class TestReport:
    def test_medians_and_ratios_know_what_is_better(self) -> None:
        results = Results()
        for figure in (100.0, 300.0, 200.0):
            results.add("writes", "requests/s", "A", figure)
            results.add("reads", "ms", "A", figure)
        results.add("writes", "requests/s", "B", 50.0)
        results.add("reads", "ms", "B", 50.0)
        lines = results.markdown(["A", "B"]).splitlines()
        assert lines[2] == "| writes, requests/s | 200 | 50 | 4 x |"
        assert lines[3] == "| reads, ms | 200 | 50 | 0.25 x |"

    @pytest.mark.parametrize(("figure", "text"), [(12345.6, "12 346"), (0.1234, "0.123"), (99.94, "99.9")])
    def test_figures_are_short(self, figure: float, text: str) -> None:
        assert shown(figure) == text

    @pytest.mark.parametrize(
        ("mine", "theirs", "text"), [(1.0, None, ""), (0.0, 1.0, ""), (2.0, 1000.0, "500 x"), (4.0, 1.0, "0.25 x")]
    )
    def test_ratios(self, mine: float | None, theirs: float | None, text: str) -> None:
        assert ratio(mine, theirs, "ms") == text

    def test_what_a_server_could_not_do_is_a_dash_with_a_footnote(self) -> None:
        results = Results()
        results.add("sampled", "ms", "A", 5.0, "charts")
        results.fail("charts", "B", "HTTP 404")
        results.fail("more", "B", "HTTP 404")
        text = results.markdown(["A", "B"])
        assert "| sampled, ms | 5 | – [1] |  |" in text
        assert "| more |  | – [1] |  |" in text
        assert text.endswith("\n\n[1] B: HTTP 404")

    def test_figures_of_nobody_in_the_table_make_no_row(self) -> None:
        results = Results()
        results.add("points", "1/s", "floor", 5.0)
        assert "points" not in results.markdown(["A"])


class TestCommandLine:
    @pytest.mark.parametrize("arguments", [["--only", "everything"], ["--servers", "mlflow,other"], ["--workers", "2"]])
    def test_refuses_what_it_does_not_know(self, arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
        with pytest.raises(SystemExit):
            asked(arguments)
        assert "error:" in capsys.readouterr().err

    def test_sizes(self) -> None:
        assert asked([]).sizes.runs == (2000, 100_000)
        assert asked(["--runs", "10,20", "--large"]).sizes.runs == (10, 20, 1_000_000)

    def test_a_quick_run_starts_each_server_once(self) -> None:
        assert len(stages(QUICK, GROUPS, merged=True)) == 1
        assert [stage.key for stage in stages(DEFAULT, GROUPS, merged=False)] == ["writes", "runs-2000", "runs-100000", "series"]
        assert [stage.key for stage in stages(DEFAULT, ["mixed"], merged=False)] == ["runs-100000"]
        assert stages(DEFAULT, ["floor"], merged=False) == []


class TestAnswers:
    @pytest.mark.parametrize(
        "raw",
        [
            b"HTTP/1.1 200 OK\r\ncontent-length: 11\r\n\r\nhello world",
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n6\r\nhello \r\n5\r\nworld\r\n0\r\n\r\n",
        ],
    )
    def test_are_whole_however_they_arrive(self, raw: bytes) -> None:
        answer = Answer()
        for _ in range(2):  # the same connection goes on
            found = [body for at in range(len(raw)) if (body := answer.feed(raw[at : at + 1])) is not None]
            assert found == [b"hello world"]

    def test_an_error_ends_the_load(self) -> None:
        with pytest.raises(Refused, match="HTTP 429: slow down"):
            Answer().feed(b"HTTP/1.1 429 Too Many\r\nContent-Length: 9\r\n\r\nslow down")

    @pytest.mark.parametrize(
        ("answer", "token"),
        [(b'{"runs": [], "next_page_token": "abc="}', "abc="), (b'{"next_page_token":"x","runs":[]}', "x"), (b'{"runs":[]}', "")],
    )
    def test_page_tokens_are_found(self, answer: bytes, token: str) -> None:
        assert page_token(answer) == token


@pytest.fixture(scope="module")
def route(databases: Databases) -> Iterator[int]:
    """The port of the floor's route with fsynced groups."""
    port = free_port()
    process = subprocess.Popen([sys.executable, "-m", "tests.bench.floor_app", str(port), databases.make("sqlite")], cwd=ROOT)
    try:
        wait_for(port, process)
        yield port
    finally:
        processes.end(process)


class TestLoad:
    def test_clients_run_side_by_side_and_what_they_did_is_summed(self, route: int) -> None:
        raw = template("runs/log-metric", {"run_id": "r", "timestamp": 1, "step": "@@@@@@@@", "value": "@@@@@@@@"})

        def script(number: int) -> Script:
            for i in range(20):
                assert (yield filled(raw, number * 100 + i)) == b"{}"
                yield time.perf_counter() + 0.001
            return 20

        driven = drive(route, (script(number) for number in range(8)))
        assert driven.done == 160

    def test_a_refusal_is_raised(self, route: int) -> None:
        def script() -> Script:
            yield post("runs/log-batch", {})
            return 1

        with pytest.raises(Refused, match="HTTP 404"):
            drive(route, [script()])

    def test_a_server_that_says_nothing_is_given_up(self, route: int) -> None:
        def script() -> Script:
            yield get("/")[:-2]  # an unfinished request has no answer
            return 1

        with pytest.raises(Refused, match="no answer within"):
            drive(route, [script()], patience=0.2)


LOSSES: list[tuple[str, int, Callable[[Bench], Figures]]] = [
    ("log-metric", 9, partial(writes.log_metric, clients=2)),
    ("log-batch", 3, partial(writes.log_batch, clients=2)),
    ("log-batch", 3, partial(writes.trial, clients=2)),
    ("runs/update", 3, partial(writes.trial, clients=2)),
    ("log-batch", 11, partial(writes.steps, clients=5)),
    ("log-batch", 2, partial(writes.wide, metrics=3000)),
    ("log-metric", 3, reads.mixed),
]


class TestWrites:
    @pytest.mark.parametrize(("path", "which", "workload"), LOSSES)
    def test_a_lost_write_is_seen(
        self, sqlite_server: RunningServer, path: str, which: int, workload: Callable[[Bench], Figures]
    ) -> None:
        with losing(sqlite_server.port, path, which) as port, pytest.raises(Wrong, match=r"acknowledged|not whole|are gone"):
            measured(port, workload)

    @pytest.mark.parametrize("workload", [workload for _, _, workload in LOSSES])
    def test_a_server_that_loses_nothing_passes(self, sqlite_server: RunningServer, workload: Callable[[Bench], Figures]) -> None:
        figures = measured(sqlite_server.port, workload)
        assert all(figure > 0 for figure in figures.values())

    def test_fsyncs_are_counted_where_they_can_be(self, sqlite_server: RunningServer) -> None:
        seen = durability.seen(Bench(sqlite_server.port, Seed(), 0.2, 1), sqlite_server.process.pid, sqlite_server.database)
        assert "could not be counted" in seen or int(seen.split()[0]) >= durability.WRITES


@pytest.fixture(scope="module")
def filled_server(dialect: str, databases: Databases, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """Runstone on a database that was filled through SQL: this is what notices that schemas.py is behind the tables."""
    kind, folder, uri = KINDS["runstone"], tmp_path_factory.mktemp("bench"), databases.make(dialect)
    prepare(kind, uri, folder, SEED, lambda _: 0)
    running = start(kind, uri, folder)
    try:
        yield running
    finally:
        running.stop()


READS: list[Callable[[Bench], Figures]] = [
    *(partial(reads.search, shape=shape) for shape in reads.SHAPES),
    reads.deep_page,
    partial(reads.history_page, name="page"),
    partial(reads.history_whole, name="page"),
    reads.interval,
    reads.wide_run,
]


class TestReads:
    @pytest.mark.parametrize("read", READS)
    def test_what_was_filled_in_is_what_the_server_answers(
        self, filled_server: Running, read: Callable[[Bench], Figures]
    ) -> None:
        figures = measured(filled_server.port, read, SEED)
        assert all(figure > 0 for figure in figures.values())

    @pytest.mark.parametrize("read", [each for each in READS if each is not READS[4]])  # the rare runs are the same
    def test_another_answer_is_seen(self, filled_server: Running, read: Callable[[Bench], Figures]) -> None:
        longer = tuple((name, key, length + 5) for name, key, length in SEED.series)
        with pytest.raises(Wrong):
            measured(filled_server.port, read, Seed(SEED.runs + 20, longer, SEED.wide + 1))

    def test_a_filled_server_takes_writes(self, filled_server: Running) -> None:
        measured(filled_server.port, partial(writes.trial, clients=2), SEED)


class TestDatabases:
    def test_a_copy_is_as_large_and_can_be_served_and_dropped(self, dialect: str, tmp_path: Path) -> None:
        kind = KINDS["runstone"]
        with bench_databases(dialect) as (made, _):
            assert {"sqlite": "SQLite 3", "postgresql": "synchronous_commit=on"}[dialect] in made.about()
            uri = made.make("first-one")
            empty = prepare(kind, uri, tmp_path, Seed(200), made.size)
            copy = made.copy(uri, "second-one")
            assert made.size(copy) == made.size(uri) > empty > 0
            running = start(kind, copy, tmp_path)
            try:
                measured(running.port, partial(reads.search, shape=reads.SHAPES[0]), Seed(200))
            finally:
                running.stop()
            made.drop(copy)
            made.drop(uri)

    def test_floors_write_what_they_count(self, dialect: str, databases: Databases) -> None:
        uri = databases.make(dialect)
        table = floor.points_table(uri)
        table.insert([(1, 1, 5, 5, 0.5, 0), (1, 1, 6, 6, 0.5, 0)])
        table.close()
        assert floor.inserts(uri, 0.1, 80) > 0
        assert floor.bare_route(databases.make(dialect), 0.2) > 0


class TestSession:
    def test_a_failing_workload_does_not_stop_the_others(self, tmp_path: Path) -> None:
        """The real session on Runstone, with a workload that no server has."""
        [stage] = stages(dataclasses.replace(QUICK, runs=(50,)), ["reads"], merged=False)[:1]
        broken = dataclasses.replace(
            stage.workloads[0], name="nothing", measure=lambda bench: bench.look("/api/2.0/mlflow/nothing")
        )
        kept = dataclasses.replace(stage, workloads=(broken, stage.workloads[0]))
        session = Session(SqliteDatabases(tmp_path), tmp_path, Results(), 0.2, 1, 10.0)
        session.measure([KINDS["runstone"]], [kept], 2, with_floor=False)
        text = session.results.markdown(["Runstone"])
        assert "HTTP 404" in text
        assert len(session.results.figures["search among 50 runs: first page of 100", "ms"]["Runstone"]) == 2
        assert not session.wrong
        assert not list(tmp_path.glob("*.db*"))
