"""Panels of charts in Chromium, from the request until the lines stand on the screen: what `tests/bench/pages.py` prints of it.

100 runs of 100 000 points, drawn and zoomed into; 1 000 runs of 1 000 points. Each round in a tab of its own.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from playwright.sync_api import Browser, Page
from sqlalchemy import Connection, insert

from runstone.app import open_database
from runstone.core import keyvalue
from runstone.core.db import Database
from runstone.experiments.tables import experiments
from runstone.runs import chunks
from runstone.runs.tables import runs, series
from runstone.settings import Settings
from tests.bench.dataset import BEGIN
from tests.bench.runs_page import Figures, add, open_tab, until
from tests.bench.wide_runs import CHARTED, CHARTED_RUNS, KEY

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


def seed(uri: str) -> None:
    """Into a stopped server's database, which has the name of the metric. Every run of this is the same."""
    db = open_database(Settings(backend_store_uri=uri))
    try:
        key_id = db.write_now(lambda c: keyvalue.key_id_of(c, KEY))
        assert key_id is not None
        for load in (LONG, MANY):
            db.write_now(lambda c, load=load: _begin(c, load))  # type: ignore[misc]
            for i, run_id in enumerate(load.ids()):
                _insert(db, load, key_id, i, run_id)
    finally:
        db.close()


def _begin(connection: Connection, load: Load) -> None:
    place = {"id": load.experiment, "workspace_id": 1, "name": f"bench/{load.runs} charted", "lifecycle_stage": "active"}
    times = {"creation_time": BEGIN, "last_update_time": BEGIN}
    connection.execute(insert(experiments), [place | times | {"artifact_location": f"mlflow-artifacts:/{load.experiment}"}])


def _insert(db: Database, load: Load, key_id: int, number: int, run_id: str) -> None:
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
        "run_pk": pk, "key_id": key_id, "workspace_id": 1, "last_step": load.points - 1, "last_timestamp": end, "last_is_nan": 0,
        "last_value": float(values[-1]), "count": load.points, "nan_count": 0, "min_value": float(values.min()),
        "max_value": float(values.max()), "first_step": 0, "max_step": load.points - 1, "sealed": load.points,
    }  # fmt: skip

    def write(connection: Connection) -> None:
        connection.execute(insert(runs), [run])
        connection.execute(insert(series), [measured])
        chunks.store(connection, pk, key_id, chunks.split(points))

    db.write_now(write)


def opened(browser: Browser, url: str, load: Load) -> Page:
    tab = open_tab(browser, url, f"/experiments/{load.experiment}?layout=charts&charts=p:{KEY}", WATCH)
    until(tab, "noted.drawn.length > 0")
    return tab


def first_drawn(browser: Browser, url: str) -> dict[str, float]:
    """100 long runs: from the request for the panel, and from the opening of the page, until the lines are painted; the slowest zoom."""
    tab = opened(browser, url, LONG)
    drawn, lines = tab.evaluate("noted.drawn[0]"), tab.locator(".chart-panel .readout").inner_text()
    assert lines.startswith("100 runs"), lines
    began, size = tab.evaluate(f"[{ASKED}[0].startTime, {ASKED}[0].encodedBodySize]")
    found = {"drawn": drawn - began, "opened": drawn, "bytes": size, "long": max(tab.evaluate("noted.long"), default=0)}
    zooms = [_zoomed(tab, start, end) for start, end in ZOOMS]
    found |= {name: max(zoom[name] for zoom in zooms) for name in zooms[0]}
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
    until(tab, "noted.drawn.length >= 2")
    first, last, up = tab.evaluate("[noted.drawn[0], noted.drawn.at(-1), noted.up]")
    return {"at once": first - up, "sharp": last - up}


def many_drawn(browser: Browser, url: str) -> dict[str, float]:
    """From the moment when the charts learn of 1 000 runs."""
    tab = opened(browser, url, MANY)
    tab.wait_for_load_state("networkidle")
    began = tab.evaluate(f"ids => {{ const began = performance.now(); ({SHOW})(ids); return began; }}", MANY.ids())
    until(tab, "noted.drawn.length > 0 && document.querySelector('.chart-panel .readout').textContent.includes('000')")
    drawn, long = tab.evaluate("[noted.drawn.at(-1), Math.max(0, ...noted.long)]")
    size = tab.evaluate(f"{ASKED}.at(-1).encodedBodySize")
    tab.context.close()
    return {"drawn": drawn - began, "bytes": size, "long": long}


def few_drawn(browser: Browser, url: str) -> float:
    """From the opening of the page until the chart of ten runs is painted."""
    tab = open_tab(browser, url, f"/experiments/{CHARTED}?layout=charts", WATCH)
    until(tab, "noted.drawn.length > 0")
    drawn: float = tab.evaluate("noted.drawn[0]")
    assert tab.locator(".chart-panel .readout").inner_text() == f"{CHARTED_RUNS} runs"
    tab.context.close()
    return drawn


def measure(browser: Browser, url: str, rounds: int) -> Figures:
    found: Figures = {}
    for _ in range(rounds):
        add(found, {"10 runs: opened": few_drawn(browser, url)})
        add(found, {f"100 runs: {name}": value for name, value in first_drawn(browser, url).items()})
        add(found, {f"1 000 runs: {name}": value for name, value in many_drawn(browser, url).items()})
    return found
