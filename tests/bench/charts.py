"""`python -m tests.bench.charts`: panels of charts in Chromium, from the request until the lines stand on the screen.

100 runs of 100 000 points, drawn and zoomed into; 1 000 runs of 1 000 points. Seeds a database of its own and prints a
table: medians of several rounds, each in a tab of its own. Run it alone on the machine.
"""

from __future__ import annotations

import argparse
import shutil
import statistics
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from playwright.sync_api import Browser, Page, sync_playwright
from sqlalchemy import Connection, insert

from runstone.app import open_database
from runstone.core.db import Database
from runstone.core.tables import keys
from runstone.experiments.tables import experiments
from runstone.runs import chunks
from runstone.runs.tables import runs, series
from runstone.settings import Settings
from tests.bench.dataset import BEGIN
from tests.conftest import RunningServer, running

KEY, KEY_ID = "loss", 1_000_000
FIRST_RUN = 1_000_000
ZOOMS = ((0.30, 0.55), (0.40, 0.60), (0.25, 0.75))  # one into another, as shares of what is shown


@dataclass(frozen=True)
class Load:
    """Finished runs of one experiment, whose points are sealed, as a server has sealed them soon after."""

    experiment: int
    runs: int
    points: int

    def ids(self) -> list[str]:
        return [f"{self.experiment:08x}{i:024x}" for i in range(self.runs)]


LONG, MANY = Load(71, 100, 100_000), Load(72, 1000, 1000)

# Notes when panels are drawn and painted, when the mouse is let go, and what holds the page up.
WATCH = """
window.noted = {drawn: [], up: 0, long: []};
new PerformanceObserver(list => { for (const e of list.getEntries()) noted.long.push(e.duration); }).observe({type: 'longtask', buffered: true});
addEventListener('panel-drawn', () => requestAnimationFrame(() => setTimeout(() => noted.drawn.push(performance.now()))), true);
addEventListener('pointerup', () => { noted.up = performance.now(); }, true);
"""
ASKED = "performance.getEntriesByType('resource').filter(e => e.name.endsWith('/charts/panel'))"
# The runs of a table of a thousand rows, as the table tells them to the charts.
SHOW = """ids => { performance.clearResourceTimings(); noted.drawn = []; noted.long = [];
document.dispatchEvent(new CustomEvent('runs-shown', {detail: {runs: ids.map((id, i) => ({id, name: 'run ' + i, colour: 1 + i % 12, hidden: false}))}})); }"""


def seed(uri: str, load: Load) -> None:
    """Into a stopped server's database. Values are computed from numbers: every run of this is the same."""
    db = open_database(Settings(backend_store_uri=uri))
    try:
        db.write_now(lambda c: _begin(c, load))
        for i, run_id in enumerate(load.ids()):
            _insert(db, load, i, run_id)
    finally:
        db.close()


def _begin(connection: Connection, load: Load) -> None:
    place = {"id": load.experiment, "workspace_id": 1, "name": f"bench/{load.runs} charted", "lifecycle_stage": "active"}
    times = {"creation_time": BEGIN, "last_update_time": BEGIN}
    connection.execute(insert(experiments), [place | times | {"artifact_location": f"mlflow-artifacts:/{load.experiment}"}])
    if load is LONG:
        connection.execute(insert(keys), [{"id": KEY_ID, "name": KEY}])


def _insert(db: Database, load: Load, number: int, run_id: str) -> None:
    pk = FIRST_RUN * load.experiment + number
    steps = np.arange(load.points, dtype=np.int64)
    noise = np.random.default_rng(pk).normal(0, 0.03, load.points)
    points = chunks.Points(
        BEGIN + steps * 100,
        steps,
        (1 + number / load.runs) / (1 + steps * 20 / load.points) + noise,
        np.zeros(load.points, dtype=np.bool_),
    )
    end, values = int(points.timestamps[-1]), points.values
    run = {
        "id": pk, "run_id": run_id, "workspace_id": 1, "experiment_id": load.experiment, "name": f"run {number:04}", "user_id": "bench",
        "status": "FINISHED", "start_time": BEGIN + number, "end_time": end, "lifecycle_stage": "active", "artifact_uri": "x",
        "sealed_until": end, "sealed_whole": 1,
    }  # fmt: skip
    measured = {
        "run_pk": pk, "key_id": KEY_ID, "workspace_id": 1, "last_step": load.points - 1, "last_timestamp": end, "last_is_nan": 0,
        "last_value": float(values[-1]), "count": load.points, "nan_count": 0, "min_value": float(values.min()),
        "max_value": float(values.max()), "first_step": 0, "max_step": load.points - 1, "sealed": load.points,
    }  # fmt: skip

    def write(connection: Connection) -> None:
        connection.execute(insert(runs), [run])
        connection.execute(insert(series), [measured])
        chunks.store(connection, pk, KEY_ID, chunks.split(points))

    db.write_now(write)


def opened(browser: Browser, server: RunningServer, load: Load) -> Page:
    tab = browser.new_context(viewport={"width": 1440, "height": 900}, base_url=server.url).new_page()
    tab.add_init_script(WATCH)
    tab.goto(f"/experiments/{load.experiment}?layout=charts&charts=p:{KEY}")
    tab.wait_for_function("noted.drawn.length > 0")
    return tab


def first_drawn(browser: Browser, server: RunningServer) -> dict[str, float]:
    """100 long runs: from the request for the panel, and from the opening of the page, until the lines are painted."""
    tab = opened(browser, server, LONG)
    drawn, lines = tab.evaluate("noted.drawn[0]"), tab.locator(".chart-panel .readout").inner_text()
    assert lines.startswith("100 runs"), lines
    began, size = tab.evaluate(f"[{ASKED}[0].startTime, {ASKED}[0].encodedBodySize]")
    found = {"drawn": drawn - began, "opened": drawn, "bytes": size, "long": max(tab.evaluate("noted.long"), default=0)}
    for i, (start, end) in enumerate(ZOOMS):
        found |= {f"{name} {i}": value for name, value in _zoomed(tab, start, end).items()}
    tab.context.close()
    return found


def _zoomed(tab: Page, start: float, end: float) -> dict[str, float]:
    """From the end of a drag: until what is here is drawn larger, and until the server's answer has made it sharp."""
    box = tab.locator(".chart-panel .u-over").bounding_box()
    assert box
    tab.mouse.move(box["x"] + box["width"] * start, box["y"] + 60)
    tab.mouse.down()
    tab.mouse.move(box["x"] + box["width"] * end, box["y"] + 62, steps=4)
    tab.wait_for_timeout(200)
    tab.evaluate("noted.drawn = []")
    tab.mouse.up()
    tab.wait_for_function("noted.drawn.length >= 2")
    first, last, up = tab.evaluate("[noted.drawn[0], noted.drawn.at(-1), noted.up]")
    return {"at once": first - up, "sharp": last - up}


def many_drawn(browser: Browser, server: RunningServer) -> dict[str, float]:
    """From the moment when the charts learn of 1 000 runs."""
    tab = opened(browser, server, MANY)
    tab.wait_for_load_state("networkidle")
    began = tab.evaluate(f"ids => {{ const began = performance.now(); ({SHOW})(ids); return began; }}", MANY.ids())
    tab.wait_for_function("noted.drawn.length > 0 && document.querySelector('.chart-panel .readout').textContent.includes('000')")
    drawn, long = tab.evaluate("[noted.drawn.at(-1), Math.max(0, ...noted.long)]")
    size = tab.evaluate(f"{ASKED}.at(-1).encodedBodySize")
    tab.context.close()
    return {"drawn": drawn - began, "bytes": size, "long": long}


def report(long: list[dict[str, float]], many: list[dict[str, float]]) -> None:
    def line(what: str, goal: str, values: list[float], unit: str = "ms") -> None:
        print(f"| {what} | {goal} | {statistics.median(values):,.0f} {unit} | {max(values):,.0f} {unit} |")

    def of(found: list[dict[str, float]], name: str) -> list[float]:
        return [value for one in found for key, value in one.items() if key.rstrip(" 0123456789") == name]

    print("| | goal | median | worst |\n|---|---|---|---|")
    line("100 runs of 100 000 points: asked for until painted", "< 1 000 ms", of(long, "drawn"))
    line("... from the opening of the page", "", of(long, "opened"))
    line("... zoomed: painted from what is here", "", of(long, "at once"))
    line("... zoomed: painted sharp", "< 200 ms", of(long, "sharp"))
    line("1 000 runs: known until painted", "< 2 000 ms", of(many, "drawn"))
    for what, found in (("100 runs", long), ("1 000 runs", many)):
        line(f"{what}: the answer", "", [value / 1000 for value in of(found, "bytes")], "kB")
        line(f"{what}: longest task of the page", "", of(found, "long"))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        uri = f"sqlite:///{Path(folder) / 'charts.db'}"
        began = time.perf_counter()
        for load in (LONG, MANY):
            seed(uri, load)
        print(f"seeded {LONG.runs * LONG.points + MANY.runs * MANY.points:,} points in {time.perf_counter() - began:.0f} s")
        with running(Path(folder) / "server", uri) as server, sync_playwright() as playwright:
            found = shutil.which("chromium") or shutil.which("google-chrome")
            browser = playwright.chromium.launch(executable_path=found, args=["--no-sandbox", "--disable-gpu"])
            measured: list[list[dict[str, Any]]] = [[], []]
            for _ in range(given.rounds):
                measured[0].append(first_drawn(browser, server))
                measured[1].append(many_drawn(browser, server))
            report(*measured)
            browser.close()


if __name__ == "__main__":
    main()
