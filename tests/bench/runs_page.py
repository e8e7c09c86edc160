"""`python -m tests.bench.runs_page`: the table of runs in Chromium at 100 000 runs of 50 metrics and 50 params.

Prints milliseconds: medians of several loads, each in a tab of its own. Run it alone on the machine.
"""

from __future__ import annotations

import argparse
import shutil
import sqlite3
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, Page, sync_playwright

from tests.bench.dataset import BEGIN
from tests.bench.seed import SqliteTarget
from tests.conftest import RunningServer, running

EXPERIMENT = 7
FIRST_RUN = 1_000_000
RUNS_AT_ONCE = 2000
METRICS, PARAMS = 50, 50
_MODULUS = 1_000_003


def seed(path: Path, runs: int) -> None:
    """Into the tables of a stopped server. Values are computed from numbers: nothing is random."""
    connection = sqlite3.connect(path, timeout=60)
    target = SqliteTarget(connection)
    names = [f"metric_{i:02}/value" for i in range(METRICS)] + [f"param_{i:02}" for i in range(PARAMS)]
    place = (EXPERIMENT, 1, "bench/table", f"mlflow-artifacts:/{EXPERIMENT}", "active", BEGIN, BEGIN)
    target.insert(
        "experiments",
        "id, workspace_id, name, artifact_location, lifecycle_stage, creation_time, last_update_time",
        [place],
    )
    target.insert("keys", "id, name", [(1000 + i, name) for i, name in enumerate(names)])
    for start in range(0, runs, RUNS_AT_ONCE):
        _insert(target, range(start, min(start + RUNS_AT_ONCE, runs)))
    connection.execute("ANALYZE")
    connection.commit()
    target.finish(())
    connection.close()


def _insert(target: SqliteTarget, numbers: range) -> None:
    rows, params, series = [], [], []
    for i in numbers:
        pk = FIRST_RUN + i
        info = (f"sweep-{i:06}", f"user{i % 7}", "FINISHED" if i % 9 else "FAILED", BEGIN + i * 1000, BEGIN + i * 1000 + 60_000)
        rows.append((pk, f"{i:032x}", 1, EXPERIMENT, *info, "active", "x"))
        for k in range(PARAMS):
            params.append((pk, 1000 + METRICS + k, 1, str(i * (k + 3) % (k + 5))))
        for k in range(METRICS):
            value = (i * (7919 + 2 * k) + k) % _MODULUS / _MODULUS
            series.append((pk, 1000 + k, 1, 99, BEGIN, value, 0, 100, 0, value / 2, value * 2, 0, 99))
    columns = (
        "id, run_id, workspace_id, experiment_id, name, user_id, status, start_time, end_time, lifecycle_stage, artifact_uri"
    )
    target.insert("runs", columns, rows)
    target.insert("run_params", "run_pk, key_id, workspace_id, value", params)
    columns = (
        "run_pk, key_id, workspace_id, last_step, last_timestamp, last_value, last_is_nan, count, nan_count, min_value, max_value"
    )
    target.insert("series", columns + ", first_step, max_step", series)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=100_000)
    parser.add_argument("--database", type=Path, help="keep the seeded database here, and use it again")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seed-only", action="store_true")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        path = given.database or Path(folder) / "table.db"
        if not path.exists():
            with running(Path(folder) / "first", f"sqlite:///{path}"):
                pass
            began = time.perf_counter()
            seed(path, given.runs)
            print(f"seeded {given.runs} runs in {time.perf_counter() - began:.0f} s, {path.stat().st_size / 1e9:.1f} GB")
        if given.seed_only:
            return
        with running(Path(folder) / "server", f"sqlite:///{path}") as server, sync_playwright() as playwright:
            found = shutil.which("chromium") or shutil.which("google-chrome")
            browser = playwright.chromium.launch(executable_path=found, args=["--no-sandbox", "--disable-gpu"])
            measure(browser, server, given.rounds)
            browser.close()


def measure(browser: Browser, server: RunningServer, rounds: int) -> None:
    here = f"/experiments/{EXPERIMENT}"
    size = len(server.client.get(here, headers={"Accept": "text/html"}).content)
    print(f"HTML of the first page: {size / 1000:.0f} kB")
    report("answer of the server, first page", [_answer(server, here) for _ in range(rounds)])
    painted, shifted = zip(*[_first(browser, server, here) for _ in range(rounds)], strict=True)
    report("first content (rows painted)", painted)
    print(f"layout shift after the first paint: {max(shifted):.4f}")
    report("sort by a metric", [_part(browser, server, here, _sort) for _ in range(rounds)])
    report("filter by a metric and a param", [_part(browser, server, here, _filter) for _ in range(rounds)])
    report("find a column among 100 names", [_part(browser, server, here, _find) for _ in range(rounds)])
    for what, path in (
        ("window of 100 rows", f"/runs/rows?experiments={EXPERIMENT}&columns=metrics.metric_00/value&columns=params.param_00"),
        ("names, nothing typed", f"/runs/names?experiments={EXPERIMENT}&typed="),
        ("names, typed", f"/runs/names?experiments={EXPERIMENT}&typed=metric_4"),
        ("values of a param", f"/runs/values?experiments={EXPERIMENT}&column=params.param_09&typed=1"),
        ("sorted by the least value", f"{here}?order=MIN(metrics.`metric_01/value`) ASC"),
        ("sorted by two columns", f"{here}?order=params.param_01 ASC&order=metrics.`metric_01/value` DESC"),
        ("grouped by a param", f"{here}?group=params.param_03"),
        ("nested", f"{here}?nested=1"),
    ):
        report(what, [_answer(server, path) for _ in range(rounds)])
    blank, windows = _scroll(browser, server, here)
    print(f"scrolled through {windows} windows: {blank} looks at a blank row")


def report(what: str, seconds: Any) -> None:
    print(f"{what}: {statistics.median(seconds) * 1000:.0f} ms (up to {max(seconds) * 1000:.0f})")


def _answer(server: RunningServer, path: str) -> float:
    began = time.perf_counter()
    answer = server.client.get(path, headers={"Accept": "text/html"})
    assert answer.status_code == 200, answer.text[:500]
    return time.perf_counter() - began


def _open(browser: Browser, server: RunningServer, path: str) -> Page:
    tab = browser.new_context(viewport={"width": 1440, "height": 900}, base_url=server.url).new_page()
    tab.add_init_script(
        """window.shift = 0; new PerformanceObserver(list => { for (const e of list.getEntries()) window.shift += e.value; })
        .observe({type: 'layout-shift', buffered: true});"""
    )
    tab.goto(path)
    return tab


def _first(browser: Browser, server: RunningServer, path: str) -> tuple[float, float]:
    tab = _open(browser, server, path)
    tab.wait_for_load_state("networkidle")
    tab.wait_for_timeout(500)
    painted = tab.evaluate("performance.getEntriesByName('first-contentful-paint')[0].startTime")
    shift = tab.evaluate("window.shift")
    assert tab.locator("#runs tbody tr").count() >= 100
    tab.context.close()
    return painted / 1000, shift


def _part(browser: Browser, server: RunningServer, path: str, act: Callable[[Page], str]) -> float:
    """From the click or key until the new content stands and a frame was drawn."""
    tab = _open(browser, server, path)
    tab.wait_for_load_state("networkidle")
    tab.evaluate(act(tab))
    seconds: float = tab.evaluate("window.measured") / 1000
    tab.context.close()
    return seconds


_WAIT = """new Promise(done => { const began = performance.now(); const watch = () => {
    if (%s) requestAnimationFrame(() => requestAnimationFrame(() => { window.measured = performance.now() - began; done(); }));
    else requestAnimationFrame(watch); }; %s; watch(); })"""


def _sort(_: Page) -> str:
    click = "document.querySelector('th[data-column=\"metrics.metric_02/value\"] a').click()"
    return _WAIT % ("document.querySelector('th[data-column=\"metrics.metric_02/value\"][aria-sort]')", click)


def _filter(_: Page) -> str:
    act = """const box = document.querySelector('#filter'); box.value = "metrics.`metric_03/value` > 0.5 AND params.param_04 = '3'";
        box.form.requestSubmit()"""
    return _WAIT % ("document.querySelector('.pager').textContent.includes(' of 100')", act)


def _find(_: Page) -> str:
    act = """document.querySelector('.picker summary').click(); const box = document.querySelector('[data-picker-find]');
        box.value = 'metric_4'; box.dispatchEvent(new Event('input', {bubbles: true}))"""
    return _WAIT % ("document.querySelector('[data-picker-found] button')", act)


def _scroll(browser: Browser, server: RunningServer, path: str) -> tuple[int, int]:
    """Looks at five heights of the table after each step of the wheel."""
    tab = _open(browser, server, path)
    tab.wait_for_load_state("networkidle")
    tab.locator("#runs .scroll").hover()
    blank = 0
    for _ in range(120):
        tab.mouse.wheel(0, 900)
        blank += tab.evaluate(
            """() => { const box = document.querySelector('#runs .scroll').getBoundingClientRect(); let blank = 0;
            for (const part of [.15, .3, .5, .7, .9]) {
                const row = document.elementFromPoint(box.x + 60, box.y + box.height * part)?.closest('tr[data-run], thead');
                if (!row) blank++; } return blank; }"""
        )
    windows = tab.locator("tbody[data-window]").count()
    tab.context.close()
    return blank, windows


if __name__ == "__main__":
    main()
