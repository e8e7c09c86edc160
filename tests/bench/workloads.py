"""What is measured. Each workload returns figures by name: writes as units a second, reads as milliseconds (median)."""

from __future__ import annotations

import json
import statistics
import time
from collections.abc import Callable
from typing import Any

from tests.bench.load import Connection, ask, drive, request

GoesOn = Callable[[], bool]


async def new_run(port: int, experiment_id: str = "0") -> str:
    answer = await ask(port, "runs/create", {"experiment_id": experiment_id, "start_time": 1, "run_name": "bench"})
    return str(answer["run"]["info"]["run_id"])


async def log_metric(port: int, clients: int, seconds: float) -> float:
    """Requests a second; each client has a run and a metric of its own. Checks that what was acknowledged is there."""
    runs = [await new_run(port) for _ in range(clients)]
    counts = [0] * clients

    async def client(connection: Connection, number: int, goes_on: GoesOn) -> int:
        while goes_on():
            step = counts[number]
            body = {"run_id": runs[number], "key": "loss", "value": step / 7, "timestamp": 1700000000000 + step, "step": step}
            await connection.ask(request("runs/log-metric", body))
            counts[number] += 1
        return counts[number]

    done, taken = await drive(port, clients, seconds, client)
    found = await ask(port, f"/api/2.0/mlflow/metrics/get-history?run_id={runs[0]}&metric_key=loss")
    assert len(found["metrics"]) == counts[0], "an acknowledged point is gone"
    return done / taken


async def log_batch(port: int, clients: int, seconds: float) -> float:
    """Points a second, in batches of 1 000."""
    runs = [await new_run(port) for _ in range(clients)]
    counts = [0] * clients

    async def client(connection: Connection, number: int, goes_on: GoesOn) -> int:
        while goes_on():
            first = counts[number] * 100
            metrics = [
                {"key": f"m{key}", "value": (first + i) / 7, "timestamp": 1700000000000 + first + i, "step": first + i}
                for i in range(100)
                for key in range(10)
            ]
            await connection.ask(request("runs/log-batch", {"run_id": runs[number], "metrics": metrics}))
            counts[number] += 1
        return counts[number] * 1000

    done, taken = await drive(port, clients, seconds, client)
    found = await ask(port, f"/api/2.0/mlflow/metrics/get-history?run_id={runs[0]}&metric_key=m3")
    assert len(found["metrics"]) == counts[0] * 100, "an acknowledged batch is gone"
    return done / taken


async def trial(port: int, clients: int, seconds: float) -> float:
    """Trials a second: create, one batch of 20 params, 20 metrics and 5 tags, finish."""
    params = [{"key": f"p{i}", "value": str(i)} for i in range(20)]
    tags = [{"key": f"t{i}", "value": "x"} for i in range(5)]
    metrics = [{"key": f"m{i}", "value": i / 3, "timestamp": 1700000000000, "step": 0} for i in range(20)]

    async def client(connection: Connection, number: int, goes_on: GoesOn) -> int:
        done = 0
        while goes_on():
            body = {"experiment_id": "0", "start_time": 1700000000000, "run_name": f"trial {number}"}
            run_id = json.loads(await connection.ask(request("runs/create", body)))["run"]["info"]["run_id"]
            await connection.ask(
                request("runs/log-batch", {"run_id": run_id, "params": params, "metrics": metrics, "tags": tags})
            )
            await connection.ask(request("runs/update", {"run_id": run_id, "status": "FINISHED", "end_time": 1700000001000}))
            done += 1
        return done

    done, taken = await drive(port, clients, seconds, client)
    return done / taken


async def seed(port: int, runs: int) -> str:
    """An experiment with `runs` runs of 10 metrics, 10 params and 3 tags each."""
    experiment_id = str((await ask(port, "experiments/create", {"name": f"searched {time.time_ns()}"}))["experiment_id"])

    async def client(connection: Connection, number: int, _: GoesOn) -> int:
        for i in range(number, runs, 4):
            body = {"experiment_id": experiment_id, "start_time": 1700000000000 + i, "run_name": f"run {i}"}
            run_id = json.loads(await connection.ask(request("runs/create", body)))["run"]["info"]["run_id"]
            metrics = [{"key": f"m{k}", "value": (i * 7919 % 1000) / (k + 1), "timestamp": 1, "step": 0} for k in range(10)]
            params = [{"key": f"p{k}", "value": str(i % (k + 2))} for k in range(10)]
            tags = [{"key": f"t{k}", "value": f"v{i % 50}"} for k in range(3)]
            await connection.ask(
                request("runs/log-batch", {"run_id": run_id, "metrics": metrics, "params": params, "tags": tags})
            )
        return 1

    await drive(port, 4, 0, client)
    return experiment_id


async def search(port: int, experiment_id: str, repeats: int) -> dict[str, float]:
    bodies: dict[str, dict[str, Any]] = {
        "first page of 100": {"max_results": 100},
        "filter and order by a metric, 100": {
            "max_results": 100,
            "filter": "metrics.m1 > 250 and params.p3 = '1'",
            "order_by": ["metrics.m2 DESC"],
        },
        "LIKE on a tag, 100": {"max_results": 100, "filter": "tags.t1 LIKE '%v1%'"},
        "1 000 whole runs": {"max_results": 1000},
    }
    connection = await Connection.open(port)
    found = {}
    for name, body in bodies.items():
        raw = request("runs/search", {"experiment_ids": [experiment_id], **body})
        times = []
        for _ in range(repeats + 1):
            began = time.perf_counter()
            await connection.ask(raw)
            times.append((time.perf_counter() - began) * 1000)
        found[name] = statistics.median(times[1:])
    connection.close()
    return found


async def history(port: int, repeats: int) -> float:
    """Milliseconds for a page of 25 000 points."""
    run_id = await new_run(port)
    for first in range(0, 25_000, 1000):
        metrics = [{"key": "long", "value": i / 7, "timestamp": 1700000000000 + i, "step": i} for i in range(first, first + 1000)]
        await ask(port, "runs/log-batch", {"run_id": run_id, "metrics": metrics})
    connection, times = await Connection.open(port), []
    raw = request(f"/api/2.0/mlflow/metrics/get-history?run_id={run_id}&metric_key=long&max_results=25000", None)
    for _ in range(repeats + 1):
        began = time.perf_counter()
        assert json.loads(await connection.ask(raw))["metrics"][-1]["step"] == 24_999
        times.append((time.perf_counter() - began) * 1000)
    connection.close()
    return statistics.median(times[1:])
