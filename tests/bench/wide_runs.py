"""What the pages are measured with: many runs of 50 metrics and 50 params, and a few runs with one long series each.

Values are computed from numbers: nothing is random, and both servers hold the same.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from pathlib import Path

from tests.bench.dataset import BEGIN, Run
from tests.bench.seed import Rows, Schema, fill_rows
from tests.bench.servers import Kind, make_schema

TABLE, CHARTED = 7, 8  # ids of the experiments
METRICS, PARAMS = 50, 50
RUNS_AT_ONCE, POINTS_AT_ONCE = 1000, 50_000
KEY = "loss"
SORTED = 2  # the metric whose largest value stands first after sorting
FILTER = "metrics.`metric_03/value` > 0.5 AND params.param_04 = '3'"
CHARTED_RUNS, POINTS = 10, 100_000
_MODULUS = 1_000_003


def run(number: int) -> Run:
    """`metric_KK/value` between 0 and 1, `param_KK` one of KK + 5 texts."""
    metrics = [(f"metric_{k:02}/value", value(number, k)) for k in range(METRICS)]
    params = [(f"param_{k:02}", param(number, k)) for k in range(PARAMS)]
    name = f"sweep-{number:06}"
    return Run(number, id_of(number), name, BEGIN + number * 1000, metrics, params, [("mlflow.runName", name)])


def id_of(number: int) -> str:
    return f"{number:032x}"


def value(number: int, metric: int) -> float:
    return (number * (7919 + 2 * metric) + metric) % _MODULUS / _MODULUS


def param(number: int, place: int) -> str:
    return str(number * (place + 3) % (place + 5))


def first_sorted(runs: int) -> str:
    """The id of the run that stands first, the largest value of the metric `SORTED` on top."""
    return id_of(max(range(runs), key=lambda number: value(number, SORTED)))


def first_found(runs: int) -> str:
    """The id of the newest run that passes `FILTER`."""
    return id_of(next(number for number in reversed(range(runs)) if value(number, 3) > 0.5 and param(number, 4) == "3"))


def charted() -> list[Run]:
    """Negative numbers: their points follow one by one."""
    return [
        Run(-1 - i, f"c{i:031x}", f"charted {i}", BEGIN + i, [], [], [("mlflow.runName", f"charted {i}")])
        for i in range(CHARTED_RUNS)
    ]


def points(number: int) -> Iterator[tuple[int, int, float]]:
    """(timestamp, step, value): falling, with a wave of a few steps."""
    return ((BEGIN + i * 100, i, (1 + number / 10) / (1 + i * 20 / POINTS) + i % 17 / 300) for i in range(POINTS))


def rows(schema: Schema, runs: int) -> Iterator[Rows]:
    yield schema.begin([(TABLE, "bench/table"), (CHARTED, "bench/charted")])
    all_runs = (run(number) for number in range(runs))
    while chunk := list(itertools.islice(all_runs, RUNS_AT_ONCE)):
        yield schema.runs(chunk, TABLE)
    yield schema.runs(charted(), CHARTED)
    for i, one in enumerate(charted()):
        found = points(i)
        while part := list(itertools.islice(found, POINTS_AT_ONCE)):
            yield schema.points(one.run_id, KEY, part)
        series: Callable[[], Iterator[tuple[int, int, float]]] = lambda i=i: points(i)  # type: ignore[misc]  # noqa: E731
        yield schema.summary(one.run_id, KEY, series)


def seed(kind: Kind, uri: str, folder: Path, runs: int) -> None:
    """Into the tables that the server made; it is stopped meanwhile."""
    make_schema(kind, uri, folder)
    fill_rows(uri, lambda schema: rows(schema, runs), kind.schema, kind.numbered)
