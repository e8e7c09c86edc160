"""Loads that read what was seeded. The first answer of each is compared with what must be in it."""

from __future__ import annotations

import heapq
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from tests.bench import dataset
from tests.bench.bench import Bench, Figures, expect, page_token
from tests.bench.dataset import Seed
from tests.bench.load import Script, filled, get, post, template
from tests.bench.report import number
from tests.bench.servers import offset_token

PAGE = 100
DEPTH = 0.8  # how far down the deep page lies
HISTORY_PAGE = 25_000
BUCKETS = 1000
MIXED_WRITERS, MIXED_READERS = 16, 2


@dataclass(frozen=True)
class Shape:
    """A search. `expected(runs)`: the numbers of the runs on its page, in order."""

    key: str
    title: str
    body: dict[str, Any]
    expected: Callable[[int], Sequence[int]]


def _newest(runs: int, limit: int = PAGE, skip: int = 0) -> Sequence[int]:
    return range(runs - 1 - skip, max(-1, runs - 1 - skip - limit), -1)


def _tenth(runs: int) -> Sequence[int]:
    passing = (i for i in range(runs) if dataset.metric_value(i, 1) > 0.9)
    return heapq.nlargest(PAGE, passing, key=lambda i: dataset.metric_value(i, 2))


def _filtered(runs: int, passes: Callable[[int], bool]) -> Sequence[int]:
    found: list[int] = []
    for i in range(runs - 1, -1, -1):
        if passes(i):
            found.append(i)
            if len(found) == PAGE:
                break
    return found


SHAPES = (
    Shape("first", f"first page of {PAGE}", {"max_results": PAGE}, _newest),
    Shape(
        "order",
        "a filter that a tenth pass, ordered by a metric",
        {"max_results": PAGE, "filter": "metrics.m1 > 0.9", "order_by": ["metrics.m2 DESC"]},
        _tenth,
    ),
    Shape("rows", "1 000 full rows", {"max_results": 1000}, lambda runs: _newest(runs, 1000)),
    Shape(
        "like",
        "LIKE on a tag",
        {"max_results": PAGE, "filter": "tags.t1 LIKE '%v1%'"},
        lambda runs: _filtered(runs, lambda i: "v1" in dataset.tag_value(i, 1)),
    ),
    Shape(
        "rare",
        "a param that 1 run in 1 000 has",
        {"max_results": PAGE, "filter": "params.rare = 'yes'"},
        lambda runs: _filtered(runs, dataset.is_rare),
    ),
)


def search(bench: Bench, shape: Shape) -> Figures:
    body = {"experiment_ids": [str(dataset.EXPERIMENT)], **shape.body}
    return {_row(bench, shape.title): _timed_page(bench, body, shape.expected(bench.seed.runs))}


def deep_page(bench: Bench) -> Figures:
    """A page far down. Tokens that are offsets are written here; others are collected by walking there, untimed."""
    runs = bench.seed.runs
    size = 1000 if runs >= 10_000 else PAGE
    depth = int(runs * DEPTH) // size * size
    body: dict[str, Any] = {"experiment_ids": [str(dataset.EXPERIMENT)], "max_results": size}
    if bench.offset_tokens:
        token = offset_token(depth)
    else:
        token = bench.tokens.get("deep") or _walk(bench, body, depth // size)
        bench.tokens["deep"] = token
    body |= {"max_results": PAGE, "page_token": token}
    return {_row(bench, f"page of {PAGE} at {DEPTH:.0%} of the depth"): _timed_page(bench, body, _newest(runs, skip=depth))}


def _walk(bench: Bench, body: dict[str, Any], pages: int) -> str:
    token = ""
    for _ in range(pages):
        token = page_token(bench.connection.ask(post("runs/search", body | ({"page_token": token} if token else {}))))
    return token


def history_page(bench: Bench, name: str) -> Figures:
    length = _length(bench.seed, name)
    run_id = dataset.run_id_of(name)
    raw = get(f"/api/2.0/mlflow/metrics/get-history?run_id={run_id}&metric_key=loss&max_results={HISTORY_PAGE}")
    found = orjson.loads(bench.connection.ask(raw))["metrics"]
    stored = [(point["timestamp"], point["step"], point["value"]) for point in found]
    if len(stored) > HISTORY_PAGE:
        ordered = sorted(stored)
        order = "" if stored == ordered else ", in no order"
        bench.remarks.append(f"asked for {number(HISTORY_PAGE)} points it answers all {number(len(stored))}{order}")
        stored = ordered[:HISTORY_PAGE]
    expect(stored == list(dataset.points(min(length, HISTORY_PAGE))), "the page of the history is not what was stored")
    took = bench.milliseconds(lambda: _ask(bench, raw))
    return {(f"history page of {number(HISTORY_PAGE)} of {number(length)} points", "ms"): took}


def history_whole(bench: Bench, name: str) -> Figures:
    """All points of a series, page after page."""
    length = _length(bench.seed, name)

    def read() -> None:
        pages = bench.history_pages(dataset.run_id_of(name), "loss", HISTORY_PAGE)
        found = sum(page.count(b'"step"') for page in pages)
        expect(found == length, f"the history has {found} points of {length}")

    return {(f"history of {number(length)} points, page by page", "ms"): bench.milliseconds(read)}


def interval(bench: Bench) -> Figures:
    """Evenly sampled points of the ten runs that a chart compares."""
    names = [name for name, _, _ in bench.seed.series if name.startswith("interval")]
    length = _length(bench.seed, names[0])
    ids = "&".join(f"run_ids={dataset.run_id_of(name)}" for name in names)
    raw = get(f"/ajax-api/2.0/mlflow/metrics/get-history-bulk-interval?{ids}&metric_key=loss&max_results={BUCKETS}")
    found = orjson.loads(bench.connection.ask(raw))["metrics"]
    for name in names:
        mine = [point["step"] for point in found if point["run_id"] == dataset.run_id_of(name)]
        expect(mine[0] == 0 and mine[-1] == length - 1, "the first or the last point is missing")
        expect(min(length, BUCKETS) // 2 <= len(mine) <= BUCKETS + 10, f"{len(mine)} points where {BUCKETS} were asked for")
    took = bench.milliseconds(lambda: _ask(bench, raw))
    return {(f"{len(names)} runs of {number(length)} points as {number(BUCKETS)} samples each", "ms"): took}


def wide_run(bench: Bench) -> Figures:
    raw = get(f"/api/2.0/mlflow/runs/get?run_id={dataset.run_id_of('wide')}")
    found = orjson.loads(bench.connection.ask(raw))["run"]["data"]["metrics"]
    expect(len(found) == bench.seed.wide, f"{len(found)} metrics of {bench.seed.wide}")
    took = bench.milliseconds(lambda: _ask(bench, raw))
    return {(f"a run with {number(bench.seed.wide)} metrics", "ms"): took}


def mixed(bench: Bench) -> Figures:
    """Searches while points arrive at half the speed that the server can take."""
    runs = [bench.new_run() for _ in range(MIXED_WRITERS)]
    counts = [0] * MIXED_WRITERS
    raws = [
        template("runs/log-metric", {"run_id": run, "key": "loss", "value": "@@@@@@@@", "timestamp": 17, "step": "@@@@@@@@"})
        for run in runs
    ]
    page = post("runs/search", {"experiment_ids": [str(dataset.EXPERIMENT)], "max_results": PAGE})
    times: list[float] = []

    def writer(number: int, until: float, apart: float) -> Script:
        done, due = 0, time.perf_counter() + apart * number / MIXED_WRITERS
        while (now := time.perf_counter()) < until:
            if apart and now < due:
                yield min(due, until)
                continue
            due = max(due + apart, now - 0.1)
            yield filled(raws[number], counts[number])
            counts[number] += 1
            done += 1
        return done

    def reader(until: float) -> Script:
        while (began := time.perf_counter()) < until:
            yield page
            times.append((time.perf_counter() - began) * 1000)
        return 0

    capacity = bench.load(MIXED_WRITERS, lambda number, until: writer(number, until, 0.0), bench.seconds / 2).rate
    apart = MIXED_WRITERS / max(capacity / 2, 1.0)

    def both(number: int, until: float) -> Script:
        return writer(number, until, apart) if number < MIXED_WRITERS else reader(until)

    times.clear()
    driven = bench.load(MIXED_WRITERS + MIXED_READERS, both, bench.seconds * 2)
    for run, count in zip(runs, counts, strict=True):
        bench.expect_steps(run, "loss", count)
    ordered = sorted(times)
    expect(len(ordered) > 1, "no search ended while points arrived")
    return {
        ("search while points arrive at half the capacity, median", "ms"): ordered[len(ordered) // 2],
        ("search while points arrive at half the capacity, p99", "ms"): ordered[min(len(ordered) - 1, len(ordered) * 99 // 100)],
        ("points that arrived meanwhile", "requests/s"): driven.rate,
    }


def _timed_page(bench: Bench, body: dict[str, Any], expected: Sequence[int]) -> float:
    raw = post("runs/search", body)
    names: list[str] = []

    def read() -> None:
        answer = bench.connection.ask(raw)
        if not names:
            names.extend(run["info"]["run_name"] for run in orjson.loads(answer).get("runs", []))

    took = bench.milliseconds(read)
    expect(names == [dataset.name_of(number) for number in expected], f"the page holds other runs: {names[:3]} ...")
    return took


def _ask(bench: Bench, raw: bytes) -> None:
    bench.connection.ask(raw)


def _row(bench: Bench, title: str) -> tuple[str, str]:
    return f"search among {number(bench.seed.runs)} runs: {title}", "ms"


def _length(seed: Seed, name: str) -> int:
    return next(length for found, _, length in seed.series if found == name)
