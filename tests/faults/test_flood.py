"""More than the server can take: what it cannot take it refuses in words, what it took is there, and its memory stays."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import httpx
import psutil
import pytest

from tests.conftest import Databases, RunningServer, running

POSTERS, EACH = 96, 6
MEMORY_BYTES = 500 << 20


@pytest.fixture
def small_server(databases: Databases, tmp_path: Path) -> Iterator[RunningServer]:
    with running(tmp_path, databases.make("sqlite"), settings={"RUNSTONE_MAX_REQUESTS": "16"}) as server:
        yield server


def batch(run_id: str, poster: int, number: int) -> bytes:
    points = [{"key": f"m{poster}", "value": step, "timestamp": number, "step": number * 1000 + step} for step in range(1000)]
    return json.dumps({"run_id": run_id, "metrics": points}).encode()


async def flood(server: RunningServer, run_ids: list[str]) -> tuple[Counter[int], list[int], list[int]]:
    """(answers by status, batches that each poster got acknowledged, statuses of /health meanwhile)."""
    answers: Counter[int] = Counter()
    accepted = [0] * POSTERS
    limits = httpx.Limits(max_connections=None)
    async with httpx.AsyncClient(base_url=server.url, timeout=120, limits=limits) as client:

        async def post(poster: int) -> None:
            for number in range(EACH):
                answer = await client.post(
                    "/api/2.0/mlflow/runs/log-batch",
                    content=batch(run_ids[poster], poster, number),
                    headers={"content-type": "application/json"},
                )
                answers[answer.status_code] += 1
                if answer.status_code == 200:
                    accepted[poster] += 1
                else:
                    assert answer.headers["retry-after"]
                    assert answer.json()["error_code"] == "TEMPORARILY_UNAVAILABLE"

        work = asyncio.gather(*(post(poster) for poster in range(POSTERS)))
        health = []
        while not work.done():
            health.append((await client.get("/health")).status_code)
            await asyncio.sleep(0.02)
        await work
    return answers, accepted, health


def test_a_flood_is_refused_in_words_and_nothing_accepted_is_lost(small_server: RunningServer) -> None:
    run_ids = [small_server.run() for _ in range(POSTERS)]
    answers, accepted, health = asyncio.run(flood(small_server, run_ids))
    assert set(answers) == {200, 503}, answers
    assert set(health) == {200}
    assert psutil.Process(small_server.process.pid).memory_info().rss < MEMORY_BYTES
    for poster, run_id in enumerate(run_ids):
        query = {"run_id": run_id, "metric_key": f"m{poster}"}
        found = small_server.client.get("/api/2.0/mlflow/metrics/get-history", params=query).json().get("metrics", [])
        assert len(found) == accepted[poster] * 1000
    small_server.ok("runs/log-metric", {"run_id": run_ids[0], "key": "after", "value": 1, "timestamp": 1})


async def hold(server: RunningServer, senders: int, size: int) -> list[int]:
    """Each sender sends all but the end of a body of `size` bytes, waits for all others, then sends the end."""
    gate = asyncio.Event()
    sent = 0

    async def body() -> AsyncIterator[bytes]:
        nonlocal sent
        yield b'{"pad": "' + b"x" * (size - 1000)
        sent += 1
        await asyncio.wait_for(gate.wait(), 60)
        yield b'"}'

    async with httpx.AsyncClient(base_url=server.url, timeout=120, limits=httpx.Limits(max_connections=None)) as client:

        async def send() -> int:
            try:
                headers = {"content-type": "application/json", "content-length": str(size - 1000 + 11)}
                return (await client.post("/api/2.0/mlflow/runs/log-batch", content=body(), headers=headers)).status_code
            except httpx.TransportError:
                return 503  # refused while the body was on its way

        work = [asyncio.ensure_future(send()) for _ in range(senders)]
        while sent + sum(task.done() for task in work) < senders:  # noqa: ASYNC110 (two kinds of ends are waited for)
            await asyncio.sleep(0.02)
        await asyncio.sleep(0.5)
        gate.set()
        return await asyncio.gather(*work)


def test_bodies_held_at_once_are_bounded(databases: Databases, tmp_path: Path) -> None:
    with running(tmp_path, databases.make("sqlite")) as server:
        statuses = Counter(asyncio.run(hold(server, 12, 20 << 20)))
        assert statuses[503] >= 1, statuses
        assert set(statuses) <= {400, 503}, statuses
        assert psutil.Process(server.process.pid).memory_info().rss < MEMORY_BYTES
        server.ok("runs/log-metric", {"run_id": server.run(), "key": "after", "value": 1, "timestamp": 1})
