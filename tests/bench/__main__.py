"""`python -m tests.bench [--quick] [--servers runstone,fasttrackml,mlflow]`: one run, one machine, the servers in turn."""

from __future__ import annotations

import argparse
import asyncio
import datetime as dt
import os
import platform
import sys
import tempfile
from pathlib import Path

import uvloop

from tests.bench import floor, workloads
from tests.bench.report import Results
from tests.bench.servers import Peer, peers


async def measure(peer: Peer, results: Results, seconds: float, runs: int) -> None:
    name, port = peer.name, peer.port
    for clients in (1, 16):
        results.add(f"log-metric, {clients} clients", "requests/s", name, await workloads.log_metric(port, clients, seconds))
    for clients in (1, 8):
        results.add(f"log-batch of 1 000, {clients} clients", "points/s", name, await workloads.log_batch(port, clients, seconds))
    for clients in (1, 8):
        results.add(f"trial, {clients} clients", "trials/s", name, await workloads.trial(port, clients, seconds))
    experiment_id = await workloads.seed(port, runs)
    for row, figure in (await workloads.search(port, experiment_id, 5)).items():
        results.add(f"search among {runs} runs: {row}", "ms", name, figure)
    results.add("history page of 25 000 points", "ms", name, await workloads.history(port, 3))


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.bench")
    parser.add_argument("--quick", action="store_true", help="one round, 3 s each, 500 runs to search")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=5)
    parser.add_argument("--runs", type=int, default=2000)
    parser.add_argument("--servers", default="runstone,fasttrackml,mlflow")
    asked = parser.parse_args()
    rounds, seconds, runs = (1, 3.0, 500) if asked.quick else (asked.rounds, asked.seconds, asked.runs)
    measured, results = peers(asked.servers.split(",")), Results()
    uvloop.install()
    with tempfile.TemporaryDirectory() as folder:
        for number in range(rounds):
            for peer in measured:
                print(f"round {number + 1} of {rounds}: {peer.name}", file=sys.stderr, flush=True)
                peer.start(Path(folder) / f"{peer.name}-{number}")
                try:
                    results.add("start to first answer", "s", peer.name, peer.start_seconds)
                    results.add("memory at rest, all processes", "MB", peer.name, peer.memory_megabytes())
                    asyncio.run(measure(peer, results, seconds, runs))
                    results.add("memory afterwards", "MB", peer.name, peer.memory_megabytes())
                finally:
                    peer.stop()
        best = {
            "small fsynced transactions": (floor.commits(Path(folder), seconds), "1/s"),
            "points in transactions of 8 000": (floor.inserts(Path(folder), seconds), "points/s"),
            "bare route, 16 clients": (floor.bare_route(16, seconds), "requests/s"),
        }
    now = dt.datetime.now(dt.UTC).date()
    print(
        f"{now}, Python {platform.python_version()}, {os.cpu_count()} cores, SQLite, {rounds} rounds of {seconds:g} s: {' '.join(sys.argv[1:])}\n"
    )
    print(results.markdown([peer.name for peer in measured]))
    print(
        "\nThe floor of this machine in the same run: "
        + "; ".join(f"{name} {figure:,.0f} {unit}" for name, (figure, unit) in best.items())
    )
    print("Durability: " + "; ".join(f"{peer.name} {peer.durability}" for peer in measured))


if __name__ == "__main__":
    main()
