"""The words of a chart's axes: whole at every width, and times in the reader's own zone and language, unmistakable."""

from __future__ import annotations

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.conftest import RunningServer

# Every word that is drawn, and how far it reaches on its canvas.
WORDS = """window.words = [];
const own = CanvasRenderingContext2D.prototype.fillText;
CanvasRenderingContext2D.prototype.fillText = function (text, x, y, ...more) {
  const wide = this.measureText(text).width, left = this.textAlign === "center" ? x - wide / 2 : this.textAlign === "right" ? x - wide : x;
  if (!this.getTransform().b) window.words.push({ text, left, right: left + wide, room: this.canvas.width });
  return own.call(this, text, x, y, ...more);
};"""
FIRST = 1_790_000_000_000  # 2026-09-21T14:13:20Z


@pytest.fixture(scope="module")
def worded(sqlite_server: RunningServer, experiment_id: str) -> str:
    made = sqlite_server.run(experiment_id, run_name="words of axes")
    points = [{"key": "far", "value": i, "timestamp": FIRST + i * 3_600_000, "step": i * 10_000_000} for i in range(11)]
    points += [
        {"key": "tiny", "value": -1.2345e-12 - i * 1e-17, "timestamp": FIRST + i * 86_400_000, "step": i} for i in range(11)
    ]
    points += [{"key": "close", "value": 1 + i * 1e-6, "timestamp": FIRST + i, "step": i} for i in range(11)]
    sqlite_server.ok("runs/log-batch", {"run_id": made, "metrics": points})
    return made


class TestWords:
    def test_none_is_cut_at_an_edge(self, tab: Page, worded: str) -> None:
        tab.add_init_script(WORDS)
        for width in (360, 1000):
            tab.set_viewport_size({"width": width, "height": 700})
            for key in ("far", "tiny"):
                for axis in ("step", "time", "relative"):
                    tab.goto(f"/runs/{worded}/metric?key={key}&charts=x:{axis}")
                    expect(tab.locator(".chart-panel canvas").first).to_be_visible()
                    tab.wait_for_function("() => window.words.length > 5")
                    cut = tab.evaluate("() => window.words.filter(({left, right, room}) => left < 0 || right > room)")
                    assert cut == [], (width, key, axis)

    def test_values_that_lie_close_are_told_apart(self, tab: Page, worded: str) -> None:
        tab.add_init_script(WORDS)
        tab.goto(f"/runs/{worded}/metric?key=close")
        tab.wait_for_function(
            "() => new Set(window.words.map(({text}) => text).filter((text) => /^1\\.00000[0-9]+$/.test(text))).size > 2"
        )

    def test_times_are_of_the_readers_zone_and_language(
        self, browser: Browser, sqlite_server: RunningServer, worded: str
    ) -> None:
        # Kathmandu is 5 hours and 45 minutes ahead: 14:13:20 is 19:58:20 there.
        for locale, zone, said, axis in (
            ("de-DE", "Europe/Berlin", "16:13:20", "21. Sept."),
            ("en-US", "Asia/Kathmandu", "7:58:20", "Sep 21"),
        ):
            context = browser.new_context(
                locale=locale, timezone_id=zone, base_url=sqlite_server.url, viewport={"width": 1200, "height": 700}
            )
            tab = context.new_page()
            tab.add_init_script(WORDS)
            tab.goto(f"/runs/{worded}/metric?key=far&charts=x:time")
            tab.wait_for_function(
                "part => window.words.some(({text}) => text.startsWith(part) && text.includes('2026'))", arg=axis
            )
            tab.locator(".chart-panel summary").click()
            tab.get_by_role("button", name="Data as table").click()
            expect(tab.locator("#chart-table")).to_contain_text(said)
            context.close()
