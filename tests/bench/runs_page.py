"""The table of runs in Chromium at 100 000 runs of 50 metrics and 50 params: what `tests/bench/pages.py` prints of it.

Milliseconds of several rounds, each in a tab of its own, whose cache is empty.
"""

from __future__ import annotations

import time

import httpx
from playwright.sync_api import Browser, Page

from tests.bench.wide_runs import FILTER, SORTED, TABLE, first_found, first_sorted

HERE = f"/experiments/{TABLE}"
ROWS = "#runs tbody tr[data-run]"
HEADING = f'th[data-column="metrics.metric_{SORTED:02}/value"] a'
# What only Runstone has: answers of the server, by what they are.
PARTS = (
    ("window of 100 rows", f"/runs/rows?experiments={TABLE}&columns=metrics.metric_00/value&columns=params.param_00"),
    ("names of columns, typed", f"/runs/names?experiments={TABLE}&typed=metric_4"),
    ("values of a param, typed", f"/runs/values?experiments={TABLE}&column=params.param_09&typed=1"),
    ("sorted by the least value", f"{HERE}?order=MIN(metrics.`metric_01/value`) ASC"),
    ("sorted by two columns", f"{HERE}?order=params.param_01 ASC&order=metrics.`metric_01/value` DESC"),
    ("grouped by a param", f"{HERE}?group=params.param_03"),
    ("nested", f"{HERE}?nested=1"),
)  # fmt: skip

_FIRST_CONTENT = "performance.getEntriesByName('first-contentful-paint')"
SETTLED = 2000  # ms after the first rows: what comes later is no first load

Figures = dict[str, list[float]]  # by what was measured


def open_tab(browser: Browser, url: str, path: str, script: str = "") -> Page:
    """A tab with an empty cache, in which `window.shift` sums what moved, and `rowsAt` is when the first rows were painted."""
    tab = browser.new_context(viewport={"width": 1440, "height": 900}, base_url=url).new_page()
    tab.add_init_script(
        """window.shift = 0; new PerformanceObserver(list => { for (const e of list.getEntries()) if (!e.hadRecentInput) window.shift += e.value; })
        .observe({type: 'layout-shift', buffered: true});"""
        + script
    )
    tab.goto(path, wait_until="commit")
    return tab


def when(selector: str) -> str:
    """A script that sets `window.paintedAt` when the first element of `selector` was painted."""
    note = "requestAnimationFrame(() => setTimeout(() => { window.paintedAt = performance.now(); }))"
    return f"{{ const look = () => document.querySelector({selector!r}) ? {note} : requestAnimationFrame(look); look(); }}"


def until(tab: Page, condition: str) -> None:
    """Looks at each frame whether the script's `condition` holds; the policy of the page lets no other text run later. A page that
    draws no frame any more is given up all the same.
    """
    tab.evaluate(
        f"""new Promise((done, fail) => {{ setTimeout(() => fail(new Error('not in two minutes')), 120_000);
        const look = () => {{ if ({condition}) done(); else requestAnimationFrame(look); }}; look(); }})"""
    )


def measure(browser: Browser, url: str, runs: int, rounds: int) -> Figures:
    size = len(httpx.get(url + HERE, headers={"Accept": "text/html"}, timeout=60).content)
    found: Figures = {"HTML of the page": [size / 1000]}
    for _ in range(rounds):
        add(found, first(browser, url, HERE, ROWS) | {"one line": one_line(browser, url)})
        add(found, {"sorted": _part(browser, url, _sort(runs)), "filtered": _part(browser, url, _filter(runs))})
        add(found, {"column found": _part(browser, url, _find())})
        add(found, {what: _answer(url, path) for what, path in PARTS})
    blank, windows = _scroll(browser, url)
    return found | {"blank rows": [blank], "windows scrolled": [windows]}


def add(found: Figures, more: dict[str, float]) -> None:
    for name, figure in more.items():
        found.setdefault(name, []).append(figure)


def _answer(url: str, path: str) -> float:
    began = time.perf_counter()
    answer = httpx.get(url + path, headers={"Accept": "text/html"}, timeout=60)
    assert answer.status_code == 200, answer.text[:500]
    return (time.perf_counter() - began) * 1000


def scripts(tab: Page) -> float:
    """kB of JavaScript as it came over the wire."""
    found: float = tab.evaluate(
        "performance.getEntriesByType('resource').filter(e => e.initiatorType === 'script' || /\\.m?js($|\\?)/.test(e.name))"
        ".reduce((sum, e) => sum + e.encodedBodySize, 0)"
    )
    return found / 1000


def first(browser: Browser, url: str, path: str, rows: str) -> dict[str, float]:
    """From the opening of the page until its first content, and until its first rows, are painted."""
    tab = open_tab(browser, url, path, when(rows))
    until(tab, "window.paintedAt")
    tab.wait_for_timeout(SETTLED)
    found = {
        "first content": tab.evaluate(f"{_FIRST_CONTENT}[0].startTime"),
        "first rows": tab.evaluate("window.paintedAt"),
        "layout shift": tab.evaluate("window.shift"),
        "JavaScript": scripts(tab),
    }
    tab.context.close()
    return found


def one_line(browser: Browser, url: str) -> float:
    """The least that a page takes here: a new tab until it shows the line that /health answers."""
    tab = open_tab(browser, url, "/health")
    until(tab, f"{_FIRST_CONTENT}.length")
    milliseconds: float = tab.evaluate(f"{_FIRST_CONTENT}[0].startTime")
    tab.context.close()
    return milliseconds


def _part(browser: Browser, url: str, act: str) -> float:
    """From the click or key until the new content stands and a frame was drawn."""
    tab = open_tab(browser, url, HERE)
    tab.wait_for_load_state("networkidle")
    tab.evaluate(act)
    milliseconds: float = tab.evaluate("window.measured")
    tab.context.close()
    return milliseconds


# Does something, and notes in `window.measured` how long it took until a condition held and a frame was drawn.
WAIT = """new Promise((done, fail) => { setTimeout(() => fail(new Error('not in two minutes')), 120_000);
    const began = performance.now(); const watch = () => {
    if (%s) requestAnimationFrame(() => setTimeout(() => { window.measured = performance.now() - began; done(); }));
    else requestAnimationFrame(watch); }; %s; watch(); })"""


def _on_top(run_id: str) -> str:
    return f"document.querySelector({ROWS!r})?.dataset.run === '{run_id}'"


def _sort(runs: int) -> str:
    return WAIT % (_on_top(first_sorted(runs)), f"document.querySelector({HEADING!r}).click()")


def _filter(runs: int) -> str:
    act = f"const box = document.querySelector('#filter'); box.value = \"{FILTER}\"; box.form.requestSubmit()"
    return WAIT % (_on_top(first_found(runs)), act)


def _find() -> str:
    act = """document.querySelector('.picker summary').click(); const box = document.querySelector('[data-picker-find]');
        box.value = 'metric_4'; box.dispatchEvent(new Event('input', {bubbles: true}))"""
    return WAIT % ("document.querySelector('[data-picker-found] button')", act)


def _scroll(browser: Browser, url: str) -> tuple[int, int]:
    """Looks at five heights of the table after each step of the wheel."""
    tab = open_tab(browser, url, HERE)
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
