"""What a workload gets: the server in front of it, how long to measure, and the questions that most of them ask."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

import orjson

from tests.bench.dataset import BEGIN, Seed
from tests.bench.load import FIRST, PATIENCE, Connection, Driven, Refused, Script, drive, get, post


class Wrong(AssertionError):
    """The server's answer is not what was stored."""


# By (row of the table, unit).
Figures = dict[tuple[str, str], float]


@dataclass
class Bench:
    """One started server. `seconds`: how long each write load lasts; `repeats`: of each read."""

    port: int
    seed: Seed
    seconds: float
    repeats: int
    offset_tokens: bool = False
    reading: float = 5.0  # seconds; a read is repeated until it has taken so long in all
    patience: float = PATIENCE
    own_share: float = 0.0  # the largest share of a core that the load generator used
    tokens: dict[str, str] = field(default_factory=dict)  # page tokens that took long to find, kept for later rounds
    remarks: list[str] = field(default_factory=list)  # what a reader of the workload's figures must know
    connection: Connection = field(init=False)

    def __post_init__(self) -> None:
        self.connection = Connection(self.port, self.patience)

    def ask(self, path: str, body: Any) -> Any:
        return orjson.loads(self.connection.ask(post(path, body)))

    def look(self, target: str) -> Any:
        return orjson.loads(self.connection.ask(get(target)))

    def new_experiment(self) -> str:
        return str(self.ask("experiments/create", {"name": f"load {time.time_ns()}"})["experiment_id"])

    def new_run(self, experiment_id: str = "0") -> str:
        body = {"experiment_id": experiment_id, "start_time": BEGIN, "run_name": "load"}
        return str(self.ask("runs/create", body)["run"]["info"]["run_id"])

    def load(self, clients: int, script: Callable[[int, float], Script], seconds: float | None = None) -> Driven:
        """`script(number, until)` for each client, after a short warm-up of the same."""
        self._drive(clients, script, min(0.5, self.seconds / 4))
        driven = self._drive(clients, script, seconds or self.seconds)
        self.own_share = max(self.own_share, driven.own_share)
        return driven

    def _drive(self, clients: int, script: Callable[[int, float], Script], seconds: float) -> Driven:
        ends: list[float] = []

        def begun(number: int) -> Script:
            if not ends:  # the time counts from when all are connected
                ends.append(time.perf_counter() + seconds)
            return (yield from script(number, ends[0]))

        return drive(self.port, (begun(number) for number in range(clients)), self.patience)

    def milliseconds(self, read: Callable[[], None]) -> float:
        """The median of the repeats of a read, the first left out, unless it is so slow that it stays the only one."""
        times: list[float] = []
        while len(times) <= self.repeats and sum(times) < self.reading * 1000:
            began = time.perf_counter()
            read()
            times.append((time.perf_counter() - began) * 1000)
        return statistics.median(times[1:] or times)

    def history_pages(self, run_id: str, key: str, limit: int | None = None) -> list[bytes]:
        """The answers of get-history, page after page."""
        target = f"/api/2.0/mlflow/metrics/get-history?run_id={run_id}&metric_key={quote(key, safe='')}"
        if limit is not None:
            target += f"&max_results={limit}"
        pages, token, until = [], "", time.perf_counter() + self.patience
        while True:
            if time.perf_counter() > until:
                raise Refused(f"not read within {self.patience:g} s")
            pages.append(self.connection.ask(get(target + (f"&page_token={quote(token, safe='')}" if token else ""))))
            token = page_token(pages[-1])
            if not token:
                return pages

    def steps(self, run_id: str, key: str) -> list[int]:
        """The step of every stored point of a series, in order."""
        pages = [orjson.loads(page) for page in self.history_pages(run_id, key)]
        return sorted(int(point.get("step", 0)) for page in pages for point in page.get("metrics", []))

    def expect_steps(self, run_id: str, key: str, count: int) -> None:
        """All points that were acknowledged are there, once, and no other."""
        found, wanted = self.steps(run_id, key), list(range(FIRST, FIRST + count))
        expect(found == wanted, f"{count} points of {key} were acknowledged, {len(found)} are stored")


def page_token(answer: bytes) -> str:
    """Found without parsing a page of megabytes."""
    name = b'"next_page_token"'
    at = answer.rfind(name, max(0, len(answer) - 2000))
    if at < 0:
        at = answer.find(name, 0, 2000)
    if at < 0:
        return ""
    return answer[at + len(name) :].split(b'"', 2)[1].decode()


def expect(truth: bool, message: str) -> None:
    if not truth:
        raise Wrong(message)


__all__ = ["Bench", "Figures", "Refused", "Wrong", "expect", "page_token"]
