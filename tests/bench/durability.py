"""What a started server does to the disk for each acknowledged write, as far as it can be seen from outside."""

from __future__ import annotations

import shutil
import signal
import subprocess
import time

import psycopg

from tests.bench import processes
from tests.bench.bench import Bench
from tests.bench.dataset import BEGIN

WRITES = 20  # one after another, so that no two may share an fsync
_FSYNCS = "SELECT coalesce(sum(fsyncs), 0) FROM pg_stat_io WHERE object = 'wal'"


def seen(bench: Bench, pid: int, uri: str) -> str:
    """How many times the disk was asked to keep what `WRITES` single points sent to it, or that this cannot be seen."""
    run_id = bench.new_run()
    if uri.startswith("sqlite"):
        found = _traced(pid, lambda: _write(bench, run_id))
    else:
        before = _of_postgres(uri)
        _write(bench, run_id)
        time.sleep(1.5)  # its processes report what they did once a second ...
        _write(bench, run_id)  # ... when they do something again
        after = _of_postgres(uri)
        found = None if before is None or after is None else after - before
    if found is None:
        return "its fsyncs could not be counted here"
    return f"{found} fsyncs counted while {WRITES} single points were written"


def _write(bench: Bench, run_id: str) -> None:
    for step in range(WRITES):
        bench.ask("runs/log-metric", {"run_id": run_id, "key": "kept", "value": step, "timestamp": BEGIN, "step": step})


def _traced(pid: int, write: object) -> int | None:
    """Counted by strace, where it is installed and may look."""
    strace = shutil.which("strace")
    if strace is None:
        return None
    which = [part for each in processes.tree(pid) for part in ("-p", str(each))]
    command = [strace, "-f", "-qq", "-e", "trace=fsync,fdatasync", *which]
    tracer = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    try:
        time.sleep(1.0)
        if tracer.poll() is not None:
            return None
        write()  # type: ignore[operator]
    finally:
        if tracer.poll() is None:
            tracer.send_signal(signal.SIGINT)
        _, lines = tracer.communicate(timeout=30)
    return sum(b"sync(" in line for line in lines.splitlines())


def _of_postgres(uri: str) -> int | None:
    try:
        with psycopg.connect(uri, autocommit=True) as connection:
            row = connection.execute(_FSYNCS).fetchone()
    except psycopg.errors.UndefinedTable:
        return None  # before Postgres 16
    return int(row[0]) if row else None
