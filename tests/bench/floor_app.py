"""The least that a server of log-metric can be: `python -m tests.bench.floor_app PORT [URI]`.

Without a database the route reads the body and answers. With one, a thread writes the points of all requests that wait
at that moment in one transaction, and their answers go out when it is on the disk. No check, no key, no series.
"""

from __future__ import annotations

import asyncio
import queue
import sys
import threading
from typing import Any

import orjson
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from tests.bench.floor import Point, points_table

Waiting = tuple[Point, "asyncio.Future[None]", asyncio.AbstractEventLoop]


def write_groups(uri: str, waiting: queue.SimpleQueue[Waiting]) -> None:
    table = points_table(uri)
    while True:
        group = [waiting.get()]
        while not waiting.empty():
            group.append(waiting.get())
        table.insert([point for point, _, _ in group])
        group[0][2].call_soon_threadsafe(_answer, [future for _, future, _ in group])


def _answer(futures: list[asyncio.Future[None]]) -> None:
    for future in futures:
        if not future.done():
            future.set_result(None)


def application(uri: str | None) -> Starlette:
    waiting: queue.SimpleQueue[Waiting] = queue.SimpleQueue()
    runs: dict[str, int] = {}
    if uri:
        threading.Thread(target=write_groups, args=(uri, waiting), daemon=True).start()

    async def log_metric(request: Request) -> Response:
        raw = await request.body()
        if uri:
            body: dict[str, Any] = orjson.loads(raw)
            loop = asyncio.get_running_loop()
            future: asyncio.Future[None] = loop.create_future()
            number = runs.setdefault(body["run_id"], len(runs))
            waiting.put(((number, 1, body["timestamp"], body["step"], body["value"], 0), future, loop))
            await future
        return Response(b"{}", media_type="application/json")

    return Starlette(routes=[Route("/api/2.0/mlflow/runs/log-metric", log_metric, methods=["POST"])])


if __name__ == "__main__":
    app = application(sys.argv[2] if len(sys.argv) > 2 else None)
    uvicorn.run(app, port=int(sys.argv[1]), access_log=False, log_level="error", loop="uvloop", http="httptools")
