"""Loads that write. Each checks afterwards that every acknowledged write can be read back."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import orjson

from tests.bench.bench import Bench, Figures, expect
from tests.bench.dataset import BEGIN
from tests.bench.load import FIRST, Script, filled, post, post_head, template
from tests.bench.report import number

TRIAL_PARAMS, TRIAL_METRICS, TRIAL_TAGS = 20, 20, 5
BATCH = 1000
WARM_BATCHES = 10
BATCH_KEYS, BATCH_STEPS = 10, 100
STEP_CLIENTS, STEP_METRICS = 100, 20


def warm_up(bench: Bench) -> None:
    """Batches before anything is timed: code is loaded, connections are open, and a SQLite journal has its size."""
    raw = batch_template(bench.new_run())
    for i in range(WARM_BATCHES):
        bench.connection.ask(raw.replace(b"@@@@@@", b"%d" % (FIRST // 100 + i)))


def log_metric(bench: Bench, clients: int) -> Figures:
    runs = [bench.new_run() for _ in range(clients)]
    counts = [0] * clients

    def script(number: int, until: float) -> Script:
        raw = template(
            "runs/log-metric",
            {"run_id": runs[number], "key": "loss", "value": "@@@@@@@@", "timestamp": BEGIN, "step": "@@@@@@@@"},
        )
        before = counts[number]
        while time.perf_counter() < until:
            yield filled(raw, counts[number])
            counts[number] += 1
        return counts[number] - before

    driven = bench.load(clients, script)
    for run_id, count in zip(runs, counts, strict=True):
        bench.expect_steps(run_id, "loss", count)
    return {(f"log-metric, {clients_of(clients)}", "requests/s"): driven.rate}


def log_batch(bench: Bench, clients: int) -> Figures:
    runs = [bench.new_run() for _ in range(clients)]
    counts = [0] * clients

    def script(number: int, until: float) -> Script:
        raw = batch_template(runs[number])
        before = counts[number]
        while time.perf_counter() < until:
            yield raw.replace(b"@@@@@@", b"%d" % (FIRST // 100 + counts[number]))
            counts[number] += 1
        return (counts[number] - before) * BATCH

    driven = bench.load(clients, script)
    for run_id, count in zip(runs, counts, strict=True):
        for key in range(BATCH_KEYS):
            bench.expect_steps(run_id, f"layer{key}/loss", count * BATCH_STEPS)
    return {(f"log-batch of {number(BATCH)} metrics, {clients_of(clients)}", "points/s"): driven.rate}


def batch_template(run_id: str) -> bytes:
    """1 000 metrics: 100 steps of 10 metrics. @@@@@@ stands for the number of the batch, the step's last two digits follow."""
    points = ",".join(
        f'{{"key":"layer{key}/loss","value":0.@@@@@@{step:02d},"timestamp":17@@@@@@000{step:02d},"step":@@@@@@{step:02d}}}'
        for step in range(BATCH_STEPS)
        for key in range(BATCH_KEYS)
    )
    text = f'{{"run_id":"{run_id}","metrics":[{points}]}}'.encode()
    return post_head("runs/log-batch", len(text)) + text


def trial(bench: Bench, clients: int) -> Figures:
    """Create a run, log its params, metrics and tags in one batch, finish it."""
    experiment_id = bench.new_experiment()
    create = post("runs/create", {"experiment_id": experiment_id, "start_time": BEGIN, "run_name": "trial"})
    log = post(
        "runs/log-batch",
        {
            "run_id": "@" * 32,
            "params": [{"key": f"p{i}", "value": f"{i}"} for i in range(TRIAL_PARAMS)],
            "metrics": [{"key": f"m{i}", "value": i / 8, "timestamp": BEGIN, "step": 0} for i in range(TRIAL_METRICS)],
            "tags": [{"key": f"t{i}", "value": "x"} for i in range(TRIAL_TAGS)],
        },
    )
    finish = post("runs/update", {"run_id": "@" * 32, "status": "FINISHED", "end_time": BEGIN + 1000})
    finished: set[str] = set()

    def script(_: int, until: float) -> Script:
        done = 0
        while time.perf_counter() < until:
            run_id = orjson.loads((yield create))["run"]["info"]["run_id"]
            yield log.replace(b"@" * 32, run_id.encode())
            yield finish.replace(b"@" * 32, run_id.encode())
            finished.add(run_id)
            done += 1
        return done

    driven = bench.load(clients, script)
    _expect_trials(bench, experiment_id, finished)
    return {(f"trial, {clients_of(clients)}", "trials/s"): driven.rate}


def steps(bench: Bench, clients: int = STEP_CLIENTS) -> Figures:
    """Training as it is: each client logs 20 metrics at once, one step after another."""
    experiment_id = bench.new_experiment()
    runs = [bench.new_run(experiment_id) for _ in range(clients)]
    counts = [0] * clients

    def script(number: int, until: float) -> Script:
        metrics = [{"key": f"m{i}", "value": "@@@@@@@@", "timestamp": BEGIN, "step": "@@@@@@@@"} for i in range(STEP_METRICS)]
        raw = template("runs/log-batch", {"run_id": runs[number], "metrics": metrics})
        before = counts[number]
        while time.perf_counter() < until:
            yield filled(raw, counts[number])
            counts[number] += 1
        return counts[number] - before

    driven = bench.load(clients, script)
    for run_id, count in zip(runs, counts, strict=True):
        bench.expect_steps(run_id, "m7", count)
    for run in _runs_of(bench, experiment_id):
        last = FIRST + counts[runs.index(run["info"]["run_id"])] - 1
        found = {metric["key"]: int(metric["step"]) for metric in run["data"].get("metrics", [])}
        expect(found == {f"m{i}": last for i in range(STEP_METRICS)}, f"the latest step of a run is not {last}: {found}")
    return {(f"{clients} clients, {STEP_METRICS} metrics a step", "steps/s"): driven.rate}


def wide(bench: Bench, metrics: int) -> Figures:
    """One run gets many different metrics, in batches of 1 000."""
    run_id = bench.new_run()
    names = [f"wide{i}/value" for i in range(metrics)]
    points = [{"key": key, "value": 0.5, "timestamp": BEGIN, "step": 0} for key in names]
    batches = [post("runs/log-batch", {"run_id": run_id, "metrics": points[i : i + BATCH]}) for i in range(0, metrics, BATCH)]
    began = time.perf_counter()
    for batch in batches:
        bench.connection.ask(batch)
    taken = (time.perf_counter() - began) * 1000
    run = bench.look(f"/api/2.0/mlflow/runs/get?run_id={run_id}")["run"]
    expect({metric["key"] for metric in run["data"]["metrics"]} == set(names), "metrics of the wide run are gone")
    return {(f"log {number(metrics)} different metrics to one run", "ms"): taken}


def _expect_trials(bench: Bench, experiment_id: str, finished: set[str]) -> None:
    found: set[str] = set()
    for run in _runs_of(bench, experiment_id):
        data = run["data"]
        sizes = (len(data.get("params", [])), len(data.get("metrics", [])))
        mine = sum(tag["key"].startswith("t") for tag in data.get("tags", []))
        whole = run["info"]["status"] == "FINISHED" and sizes == (TRIAL_PARAMS, TRIAL_METRICS) and mine == TRIAL_TAGS
        expect(whole, f"a trial is not whole: {sizes}, {mine} tags, {run['info']['status']}")
        found.add(run["info"]["run_id"])
    expect(found == finished, f"{len(finished)} trials were acknowledged, {len(found & finished)} are stored")


def _runs_of(bench: Bench, experiment_id: str) -> Iterator[dict[str, Any]]:
    body: dict[str, Any] = {"experiment_ids": [experiment_id], "max_results": 1000}
    while True:
        page = bench.ask("runs/search", body)
        yield from page.get("runs", [])
        if not page.get("next_page_token") or not page.get("runs"):
            return
        body["page_token"] = page["next_page_token"]


def clients_of(number: int) -> str:
    return "1 client" if number == 1 else f"{number} clients"
