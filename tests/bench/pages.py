"""`python -m tests.bench.pages`: Runstone's pages and MLflow's in Chromium, with 100 000 runs of 50 metrics and 50 params.

Fills a database of each through SQL, starts them in turn and prints a table for BENCHMARKS.md. Run it alone on the machine;
`--databases FOLDER` keeps what was filled, so that the next run only measures.
"""

from __future__ import annotations

import argparse
import os
import platform
import shutil
import sqlite3
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from contextlib import closing
from pathlib import Path

from playwright.sync_api import Browser, sync_playwright

from tests.bench import charts, mlflow_pages, runs_page, wide_runs
from tests.bench.report import MISSING, number, ratio, shown
from tests.bench.runs_page import PARTS, Figures
from tests.bench.servers import KINDS, start

# Nothing but the measured server is reached: MLflow's page asks other hosts, too.
FLAGS = ["--no-sandbox", "--disable-gpu", "--host-resolver-rules=MAP * ~NOTFOUND , EXCLUDE 127.0.0.1"]
# (what, unit, goal, name of the figure); {runs} is how many.
ROWS = (
    ("runs page, {runs} runs: first content", "ms", "300", "first content"),
    ("... a page of one line: first content", "ms", "", "one line"),
    ("... first rows", "ms", "", "first rows"),
    ("... sorted by a metric", "ms", "300", "sorted"),
    ("... filtered by a metric and a param", "ms", "300", "filtered"),
    ("... a column found among 100 names", "ms", "300", "column found"),
    ("... rows blank while scrolled through", "", "0", "blank rows"),
    ("... layout shift after the first paint", "", "0", "layout shift"),
    ("... HTML", "kB", "200", "HTML of the page"),
    ("... JavaScript of the first load, as sent", "kB", "300", "JavaScript"),
    *((f"... answer: {what}", "ms", "", what) for what, _ in PARTS),
    ("page with a chart of 10 runs of 100 000 points: opened until drawn", "ms", "", "10 runs: opened"),
    ("chart of 100 runs of 100 000 points: asked for until drawn", "ms", "1000", "100 runs: drawn"),
    ("... page opened until drawn", "ms", "", "100 runs: opened"),
    ("... zoomed: drawn from what is here", "ms", "", "100 runs: at once"),
    ("... zoomed: drawn sharp", "ms", "200", "100 runs: sharp"),
    ("chart of 1 000 runs of 1 000 points: known until drawn", "ms", "2000", "1 000 runs: drawn"),
)  # fmt: skip


def fill(key: str, folder: Path, runs: int) -> float:
    """Gives the seconds that it took. The file gets its name when it is whole."""
    place, began = _database(key, folder, runs), time.perf_counter()
    if not place.exists():
        making = place.with_suffix(".part")
        for old in folder.glob(f"{making.name}*"):
            old.unlink()
        wide_runs.seed(KINDS[key], f"sqlite:///{making}", folder / f"{key}-files", runs)
        if key == "runstone":
            charts.seed(f"sqlite:///{making}")
        _settle(key, making)
        making.rename(place)
    return time.perf_counter() - began


def _database(key: str, folder: Path, runs: int) -> Path:
    return folder / f"{key}-{runs}.db"


def _settle(key: str, path: Path) -> None:
    """As after a while of serving: statistics, no log beside the file, and short series that are not sealed any more."""
    with closing(sqlite3.connect(path, timeout=60)) as connection:
        if key == "runstone":
            connection.execute(f"UPDATE runs SET sealed_whole = 1 WHERE experiment_id = {wide_runs.TABLE}")
            connection.execute("ANALYZE")
        connection.commit()
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")


def measured(
    browser: Browser, key: str, folder: Path, look: Callable[[Browser, str], Figures], given: argparse.Namespace
) -> Figures:
    server = start(KINDS[key], f"sqlite:///{_database(key, folder, given.runs)}", folder / f"{key}-files")
    try:
        return look(browser, f"http://127.0.0.1:{server.port}")
    finally:
        server.stop()


def table(found: dict[str, Figures], runs: int) -> str:
    """A column for each server, and how many times better the first one is than the second."""
    names = [KINDS[key].name for key in found]
    titles = ["in Chromium", "goal", *names, *(f"beside {name}" for name in names[1:])]
    lines = ["| " + " | ".join(titles) + " |", "|---" * len(titles) + "|"]
    for what, unit, goal, name in ROWS:
        first, *others = [statistics.median(of[name]) if name in of else None for of in found.values()]
        if first is None and not any(others):
            continue
        title = ", ".join(part for part in (what.format(runs=number(runs)), unit) if part)
        limit = f"< {number(int(goal))}" if goal not in ("", "0") else goal
        cells = [MISSING if figure is None else shown(figure) for figure in (first, *others)]
        ratios = [ratio(first, other, "ms") for other in others]  # of everything here less is better
        lines.append(f"| {' | '.join([title, limit, *cells, *ratios])} |")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=100_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--databases", type=Path, help="keep the databases here, and use them again")
    parser.add_argument("--servers", default="runstone,mlflow")
    parser.add_argument("--fill-only", action="store_true")
    given = parser.parse_args()
    began, keys = time.perf_counter(), given.servers.split(",")
    with tempfile.TemporaryDirectory() as temporary:
        folder = (given.databases or Path(temporary)).resolve()
        folder.mkdir(parents=True, exist_ok=True)
        with ProcessPoolExecutor(len(keys)) as pool:
            seconds = list(pool.map(fill, keys, [folder] * len(keys), [given.runs] * len(keys)))
        sizes = [
            f"{key} {_database(key, folder, given.runs).stat().st_size / 1e9:.1f} GB in {took:.0f} s"
            for key, took in zip(keys, seconds, strict=True)
        ]
        print(f"filled: {', '.join(sizes)}", file=sys.stderr, flush=True)
        if given.fill_only:
            return
        found = {key: _measured(key, folder, given) for key in keys}
    minutes = (time.perf_counter() - began) / 60
    print(
        f"`python -m tests.bench.pages` on {time.strftime('%Y-%m-%d')}, {minutes:.0f} minutes: medians of {given.rounds} rounds, each in a tab with an empty "
        f"cache; SQLite; Python {platform.python_version()}; {os.cpu_count()} cores for server and browser together.\n"
    )
    print(table(found, given.runs))


def _measured(key: str, folder: Path, given: argparse.Namespace) -> Figures:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=shutil.which("chromium") or shutil.which("google-chrome"), args=FLAGS
        )

        def look(browser: Browser, url: str) -> Figures:
            if key == "mlflow":
                return mlflow_pages.measure(browser, url, given.runs, given.rounds)
            return runs_page.measure(browser, url, given.runs, given.rounds) | charts.measure(browser, url, given.rounds)

        try:
            return measured(browser, key, folder, look, given)
        finally:
            browser.close()


if __name__ == "__main__":
    main()
