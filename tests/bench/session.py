"""One run of the benchmark: the servers in turn, round after round, each on copies of databases that were filled once."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

from tests.bench import durability, floor, writes
from tests.bench.bench import Bench, Wrong
from tests.bench.databases import Databases
from tests.bench.load import Refused
from tests.bench.plan import Stage, Workload
from tests.bench.report import Results
from tests.bench.servers import Kind, Running, prepare, start

ONCE = 20.0  # seconds; a workload that kept a server busy for longer is not repeated in the next round
REST = 1.0  # seconds before memory at rest is read


@dataclass
class Session:
    """`seconds`: of a write load, at a server's own share of them. `patience`: for one answer."""

    databases: Databases
    folder: Path
    results: Results
    seconds: float
    repeats: int
    patience: float
    durability: dict[str, str] = field(default_factory=dict)  # by server: what was seen of it
    own_share: float = 0.0
    wrong: bool = False  # a server answered something else than what it had acknowledged
    tokens: dict[tuple[str, str], dict[str, str]] = field(default_factory=dict)
    _seeded: dict[tuple[str, str], str] = field(default_factory=dict)  # uri by (kind, stage)
    _settled: set[tuple[str, str, str]] = field(default_factory=set)  # (kind, stage, workload) that need no more rounds

    def measure(self, kinds: list[Kind], stages: list[Stage], rounds: int, *, with_floor: bool) -> None:
        for number in range(rounds):
            for stage in stages:
                for kind in kinds:
                    self._stage(kind, stage, f"round {number + 1} of {rounds}")
                    if number + 1 == rounds:
                        self._forget(kind, stage)
            if with_floor:
                say(f"round {number + 1} of {rounds}: the floor")
                floor.measure(self.databases, self.results, self.seconds, number)

    def _stage(self, kind: Kind, stage: Stage, place: str) -> None:
        ahead = [each for each in stage.workloads if (kind.key, stage.key, each.name) not in self._settled]
        if not ahead:
            return
        say(f"{place}: {kind.name}, {stage.title}")
        try:
            seeded = self._seed(kind, stage)
            uri = self.databases.copy(seeded, f"{kind.key}-{stage.key}-work")
        except (RuntimeError, OSError, subprocess.SubprocessError) as error:
            self._fail_all(kind, stage, ahead, f"no database: {error}")
            return
        try:
            _Started(self, kind, stage, uri).measure(ahead)
        except (RuntimeError, OSError) as error:
            self._fail_all(kind, stage, ahead, str(error))
        finally:
            self.databases.drop(uri)

    def _seed(self, kind: Kind, stage: Stage) -> str:
        """The filled database of this kind and stage, made when it is first needed and copied in every round."""
        known = self._seeded.get((kind.key, stage.key))
        if known is not None:
            return known
        began, uri = time.perf_counter(), self.databases.make(f"{kind.key}-{stage.key}-seed")
        self._seeded[kind.key, stage.key] = uri
        empty = prepare(kind, uri, self.folder / kind.key, stage.seed, self.databases.size)
        say(f"  filled in {time.perf_counter() - began:.1f} s")
        if stage.seed.series:
            points = sum(series.length for series in stage.seed.all_series()) + stage.seed.runs * 10
            if not stage.seed.runs:
                self.results.add("a point on disk, as written", "bytes", kind.name, (self.databases.size(uri) - empty) / points)
            self._seal(kind, stage, uri, points, empty)
        return uri

    def _seal(self, kind: Kind, stage: Stage, uri: str, points: int, empty: int) -> None:
        """Old points into column chunks, where the server has a command for it."""
        command = kind.seal()
        if command is None:
            return
        environment, began = os.environ | {"RUNSTONE_BACKEND_STORE_URI": uri}, time.perf_counter()
        done = subprocess.run(command, env=environment, capture_output=True, check=False, cwd=self.folder)
        if done.returncode:
            raise RuntimeError(f"sealing failed: {done.stderr.decode(errors='replace')[-500:]}")
        self.results.add("sealing", "points/s", kind.name, points / (time.perf_counter() - began))
        if not stage.seed.runs:
            self.results.add("a point on disk, sealed", "bytes", kind.name, (self.databases.size(uri) - empty) / points)

    def _forget(self, kind: Kind, stage: Stage) -> None:
        uri = self._seeded.pop((kind.key, stage.key), None)
        if uri is not None:
            self.databases.drop(uri)

    def _fail_all(self, kind: Kind, stage: Stage, workloads: list[Workload], why: str) -> None:
        for workload in workloads:
            self.fail(kind, stage, workload, why)

    def fail(self, kind: Kind, stage: Stage, workload: Workload, why: str) -> None:
        say(f"  {workload.name}: {_one_line(why)}")
        self.results.fail(workload_key(stage, workload), kind.name, _one_line(why))
        self.settle(kind, stage, workload)

    def settle(self, kind: Kind, stage: Stage, workload: Workload) -> None:
        self._settled.add((kind.key, stage.key, workload.name))


@dataclass
class _Started:
    """One server on one database, started again after a workload that it failed."""

    session: Session
    kind: Kind
    stage: Stage
    uri: str

    def measure(self, workloads: list[Workload]) -> None:
        results, name = self.session.results, self.kind.name
        running = self._start()
        say(f"  started in {running.start_seconds:.1f} s")
        peak = 0.0
        try:
            results.add("start to first answer", "s", name, running.start_seconds)
            time.sleep(REST)
            results.add("memory at rest, all processes", "MB", name, running.memory_megabytes())
            self._warm_up(running)
            for workload in workloads:
                done = self._one(running, workload)
                peak = max(peak, running.peak_megabytes())
                if not done:
                    running.stop(patience=2)  # it may still be at what it was asked
                    running = self._start()
                    self._warm_up(running)
        finally:
            running.stop()
        results.add(f"memory at the peak, all processes: {self.stage.title}", "MB", name, peak)

    def _one(self, running: Running, workload: Workload) -> bool:
        session, bench, began = self.session, self._bench(running), time.perf_counter()
        known = set(bench.tokens)
        try:
            figures = workload.measure(bench)
        except Wrong as error:
            session.wrong = True
            session.fail(self.kind, self.stage, workload, f"not what was stored: {error}")
            return False
        except Refused as error:
            session.fail(self.kind, self.stage, workload, str(error))
            return False
        except (OSError, ValueError, LookupError, TypeError) as error:  # an answer of another form
            session.fail(self.kind, self.stage, workload, f"{type(error).__name__}: {error}")
            return False
        finally:
            bench.connection.close()
            session.own_share = max(session.own_share, bench.own_share)
        for (row, unit), figure in figures.items():
            session.results.add(row, unit, self.kind.name, figure, workload_key(self.stage, workload))
        for text in bench.remarks:
            session.results.remark(workload_key(self.stage, workload), self.kind.name, text)
        taken = time.perf_counter() - began
        say(f"  {workload.name}: {taken:.1f} s with its checks")
        if taken > ONCE and not bench.tokens.keys() - known:  # finding a token is not what is measured
            session.settle(self.kind, self.stage, workload)
        return True

    def _warm_up(self, running: Running) -> None:
        """A server whose processes are still starting may drop a connection: that is no failure of a workload yet."""
        kept = self.session.durability
        for left in (2, 1, 0):
            bench = self._bench(running)
            try:
                writes.warm_up(bench)
                if self.kind.name not in kept:
                    kept[self.kind.name] = durability.seen(bench, running.process.pid, self.uri)
                return
            except (Refused, OSError):
                if not left:
                    raise
                time.sleep(2)
            finally:
                bench.connection.close()

    def _start(self) -> Running:
        return start(self.kind, self.uri, self.session.folder / self.kind.key)

    def _bench(self, running: Running) -> Bench:
        session = self.session
        seconds = session.seconds * self.kind.share
        return Bench(
            running.port,
            self.stage.seed,
            seconds,
            session.repeats,
            offset_tokens=self.kind.offset_tokens,
            reading=session.seconds,
            tokens=session.tokens.setdefault((self.kind.key, self.stage.key), {}),
            patience=session.patience,
        )


def workload_key(stage: Stage, workload: Workload) -> str:
    return f"{workload.name} ({stage.title})"


def _one_line(text: str) -> str:
    """The last line of a trace says most."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    first, last = (lines[0], lines[-1]) if lines else ("", "")
    return (first if first == last else f"{first} {last}")[:300].replace("|", "/")


def say(text: str) -> None:
    print(f"{time.strftime('%H:%M:%S')} {text}", file=sys.stderr, flush=True)
