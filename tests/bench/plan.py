"""What is measured on which database, in which order."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial

from tests.bench import reads, writes
from tests.bench.bench import Bench, Figures
from tests.bench.dataset import Seed
from tests.bench.report import number

GROUPS = ("writes", "reads", "mixed", "floor", "artifacts")
USUAL = GROUPS[:-1]  # artifacts take as long as all the rest, and a store beside the servers
LOG_METRIC_CLIENTS = (1, 16, 64)
FEW_CLIENTS = (1, 8)
INTERVAL_RUNS = 10


@dataclass(frozen=True)
class Sizes:
    """How much is put into the databases that are read."""

    runs: tuple[int, ...]
    history: int  # points of the long series
    interval: int  # points of each of the ten series of a chart
    wide: int  # metrics of the wide run


DEFAULT = Sizes((2000, 100_000), 1_000_000, 1_000_000, 10_000)
QUICK = Sizes((2000,), 100_000, 25_000, 2000)


@dataclass(frozen=True)
class Workload:
    """`name` stands in messages, and in the table where no server could do it."""

    name: str
    measure: Callable[[Bench], Figures]


@dataclass(frozen=True)
class Stage:
    """Workloads that share a database and a started server."""

    key: str
    title: str
    seed: Seed
    workloads: tuple[Workload, ...]


def stages(sizes: Sizes, groups: Iterable[str], *, merged: bool) -> list[Stage]:
    """`merged`: as few databases as can be, because a server that starts slowly has a short time."""
    groups = set(groups)
    found: list[Stage] = []
    if "writes" in groups:
        found.append(Stage("writes", "while writing", Seed(), _writes(sizes)))
    searched = [size for size in sorted(sizes.runs) if "reads" in groups]
    mixed_size = max((size for size in sizes.runs if size <= 100_000), default=0) if "mixed" in groups else 0
    if mixed_size and mixed_size not in searched:
        searched.append(mixed_size)
    for size in searched:
        workloads = _searches() if "reads" in groups else ()
        if size == mixed_size:
            workloads += (Workload("search while points arrive", reads.mixed),)
        found.append(Stage(f"runs-{size}", f"searching {number(size)} runs", Seed(size), workloads))
    if "reads" in groups:
        found.append(Stage("series", "reading long series", _series(sizes), _histories()))
    return _merged(found) if merged and len(found) > 1 else found


def _writes(sizes: Sizes) -> tuple[Workload, ...]:
    found = [Workload(f"log-metric, {writes.clients_of(n)}", partial(writes.log_metric, clients=n)) for n in LOG_METRIC_CLIENTS]
    found += [
        Workload(f"log-batch of 1 000 metrics, {writes.clients_of(n)}", partial(writes.log_batch, clients=n)) for n in FEW_CLIENTS
    ]
    found += [Workload(f"trial, {writes.clients_of(n)}", partial(writes.trial, clients=n)) for n in FEW_CLIENTS]
    found.append(Workload("100 clients, 20 metrics a step", writes.steps))
    found.append(Workload("log many different metrics to one run", partial(writes.wide, metrics=sizes.wide)))
    return tuple(found)


def _searches() -> tuple[Workload, ...]:
    found = [Workload(f"search: {shape.title}", partial(reads.search, shape=shape)) for shape in reads.SHAPES]
    return (*found, Workload("search: deep page", reads.deep_page))


def _series(sizes: Sizes) -> Seed:
    charted = tuple((f"interval-{i}", "loss", sizes.interval) for i in range(INTERVAL_RUNS))
    series = (("page", "loss", reads.HISTORY_PAGE), ("long", "loss", sizes.history), *charted)
    return Seed(series=series, wide=sizes.wide)


def _histories() -> tuple[Workload, ...]:
    return (
        Workload("history page", partial(reads.history_page, name="page")),
        Workload("history page of a long series", partial(reads.history_page, name="long")),
        Workload("history of a long series", partial(reads.history_whole, name="long")),
        Workload("sampled history of ten runs", reads.interval),
        Workload("a wide run", reads.wide_run),
    )


def _merged(found: list[Stage]) -> list[Stage]:
    seed = Seed(
        max(stage.seed.runs for stage in found),
        next((stage.seed.series for stage in found if stage.seed.series), ()),
        max(stage.seed.wide for stage in found),
    )
    workloads = tuple(workload for stage in found for workload in stage.workloads)
    return [Stage("all", "under all loads", seed, workloads)]
