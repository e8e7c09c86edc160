"""The same looks at MLflow's own pages, as far as it has them: its table of runs, sorted and filtered, and its chart of ten runs.

Its page is sorted and filtered by its address, which spares it the menu and the typing.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from urllib.parse import urlencode

from playwright.sync_api import Browser, Error

from tests.bench.runs_page import SETTLED, WAIT, Figures, add, first, open_tab, until, when
from tests.bench.wide_runs import CHARTED, CHARTED_RUNS, FILTER, SORTED, TABLE, first_found, first_sorted

HERE = f"/#/experiments/{TABLE}/runs"
ROWS = ".ag-center-cols-container .ag-row[row-id], .ag-pinned-left-cols-container .ag-row[row-id]"
LINES = ".scatterlayer .trace path.js-line"


def measure(browser: Browser, url: str, runs: int, rounds: int) -> Figures:
    """What it could not show within two minutes is left out, and said."""
    sort = {"orderByKey": f"metrics.`metric_{SORTED:02}/value`", "orderByAsc": "false"}
    looks: tuple[Callable[[], dict[str, float]], ...] = (
        lambda: first(browser, url, HERE, ROWS),
        lambda: {"sorted": _asked(browser, url, sort, first_sorted(runs))},
        lambda: {"filtered": _asked(browser, url, {"searchFilter": FILTER}, first_found(runs))},
        lambda: {"10 runs: opened": _drawn(browser, url)},
    )
    found: Figures = {}
    for look in looks:
        try:
            for _ in range(rounds):
                add(found, look())
        except Error as error:
            print(f"MLflow's pages: {error.message.splitlines()[0]}", file=sys.stderr, flush=True)
    return found


def _asked(browser: Browser, url: str, query: dict[str, str], on_top: str) -> float:
    """From the change of the address until the run that must be first then stands on top."""
    tab = open_tab(browser, url, HERE, when(ROWS))
    until(tab, "window.paintedAt")
    tab.wait_for_timeout(SETTLED)
    act = f"location.hash = '#/experiments/{TABLE}/runs?{urlencode(query).replace(chr(39), '%27')}'"
    condition = f"document.querySelector('.ag-row[row-index=\"0\"]')?.getAttribute('row-id') === '{on_top}'"
    tab.evaluate(WAIT % (condition, act))
    milliseconds: float = tab.evaluate("window.measured")
    tab.context.close()
    return milliseconds


def _drawn(browser: Browser, url: str) -> float:
    script = when(f"{LINES}[d]")
    tab = open_tab(browser, url, f"/#/experiments/{CHARTED}/runs?compareRunsMode=CHART", script)
    until(tab, "window.paintedAt")
    milliseconds: float = tab.evaluate("window.paintedAt")
    until(tab, f"document.querySelectorAll({LINES!r}).length >= {CHARTED_RUNS}")
    tab.context.close()
    return milliseconds
