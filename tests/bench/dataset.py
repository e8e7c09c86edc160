"""What is put into the servers before reading is measured: the same runs and points for all, computed from numbers.

Nothing is random, so the right answer of each search is known here without asking any server.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass

BEGIN = 1_700_000_000_000  # ms
EXPERIMENT = 1000  # id of the experiment that holds the seeded runs
SERIES_EXPERIMENT = 1001  # id of the experiment of the runs with long series
METRICS, PARAMS, TAGS = 10, 10, 3
RARE_EVERY = 1000  # one run in so many has the param `rare`
_MODULUS = 1_000_003  # a prime above the largest number of runs: metric values are unique
_FACTORS = (7919, 104_729, 15_485, 32_452, 49_979, 67_867, 86_028, 982_451, 141_650, 160_481)


@dataclass(frozen=True)
class Run:
    """One finished run, `number` of its kind. `metrics` at step 0."""

    number: int
    run_id: str
    name: str
    start: int
    metrics: list[tuple[str, float]]
    params: list[tuple[str, str]]
    tags: list[tuple[str, str]]

    @property
    def end(self) -> int:
        return self.start + 500


@dataclass(frozen=True)
class Series:
    """Points of one metric: step i at BEGIN + i ms with the value of `point_value(i)`."""

    run_id: str
    key: str
    length: int


@dataclass(frozen=True)
class Seed:
    """What one database holds: `runs` runs to search, and long series by run name (each in a run of its own name)."""

    runs: int = 0
    series: tuple[tuple[str, str, int], ...] = ()  # (run name, key, length)
    wide: int = 0  # metrics in the run `wide`

    def all_series(self) -> list[Series]:
        found = [Series(run_id_of(name), key, length) for name, key, length in self.series]
        return found + [Series(run_id_of("wide"), f"layer{i}/grad", 2) for i in range(self.wide)]

    def series_runs(self) -> list[str]:
        return [name for name, _, _ in self.series] + (["wide"] if self.wide else [])


def run_id_of(name: str) -> str:
    return hashlib.md5(name.encode(), usedforsecurity=False).hexdigest()


def metric_value(number: int, metric: int) -> float:
    return (number * _FACTORS[metric] + metric) % _MODULUS / _MODULUS


def tag_value(number: int, tag: int) -> str:
    return f"v{number * (tag + 1) % 50}"


def is_rare(number: int) -> bool:
    return number % RARE_EVERY == 7


def point_value(step: int) -> float:
    return 1.0 / (1 + step * 0.001) + step % 17 / 100


def name_of(number: int) -> str:
    return f"run-{number:07d}"


def id_of(number: int) -> str:
    """Rising, unlike the ids that servers give: the seeding of a million runs then appends to every index. Databases
    that key their rows by this text read them faster for it."""
    return f"{number:08x}{run_id_of(name_of(number))[:24]}"


def run(number: int) -> Run:
    name = name_of(number)
    params = [(f"p{k}", f"{number % (k + 2)}") for k in range(PARAMS - 1)]
    params.append(("lr", f"0.{number % 997:03d}"))
    if is_rare(number):
        params.append(("rare", "yes"))
    return Run(
        number,
        id_of(number),
        name,
        BEGIN + number * 1000,
        [(f"m{k}", metric_value(number, k)) for k in range(METRICS)],
        params,
        [("mlflow.runName", name), *((f"t{k}", tag_value(number, k)) for k in range(TAGS))],
    )


def runs(count: int) -> Iterator[Run]:
    return (run(number) for number in range(count))


def points(length: int) -> Iterator[tuple[int, int, float]]:
    """(timestamp, step, value)"""
    return ((BEGIN + i, i, point_value(i)) for i in range(length))
