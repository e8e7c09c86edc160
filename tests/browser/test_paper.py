"""What is printed: the content only, in light whatever the theme, nothing cut off, and charts as they are on the page."""

from __future__ import annotations

from mlflow import MlflowClient
from playwright.sync_api import Page, expect

from tests.conftest import RunningServer

# Colours that anything is drawn with, since `drawn` was emptied.
DRAWN = """window.drawn = [];
for (const kind of ["stroke", "fillText"]) {
  const own = CanvasRenderingContext2D.prototype[kind];
  CanvasRenderingContext2D.prototype[kind] = function (...given) { window.drawn.push(kind === "stroke" ? this.strokeStyle : this.fillStyle); return own.apply(this, given); };
}
window.print = () => { window.printed = true; };"""
COLOURS = """() => { const style = getComputedStyle(document.documentElement), probe = document.createElement("canvas").getContext("2d");
  const of = (name) => { probe.fillStyle = style.getPropertyValue(name).trim(); return probe.fillStyle; };
  return { lines: Array.from({length: 12}, (_, i) => of(`--run-${i + 1}`)), words: of("--text-quiet") }; }"""
PRESSED = "main button:not(.eye), main .button, main select, main input, .rail, .toast, .tabs"


def drawn_in(tab: Page, colours: dict[str, list[str]], no_longer: dict[str, list[str]]) -> None:
    """The last that was drawn has these colours, and none of the others: lines and words."""
    tab.wait_for_function(
        """([{lines, words}, other]) => { const last = window.drawn.slice(window.drawn.findLastIndex(one => other.words === one || other.lines.includes(one)) + 1);
          return lines.some(one => last.includes(one)) && last.includes(words); }""",
        arg=[colours, no_longer],
    )


class TestPaper:
    def test_charts_follow_the_theme_and_are_light_on_paper(self, tab: Page, client: MlflowClient, own: str) -> None:
        runs = [run.info.run_id for run in client.search_runs([own])][:3]
        tab.add_init_script(DRAWN)
        tab.emulate_media(color_scheme="light")
        tab.goto(f"/compare?runs={','.join(runs)}")
        light = tab.evaluate(COLOURS)
        tab.emulate_media(color_scheme="dark")
        dark = tab.evaluate(COLOURS)
        tab.locator("[data-plots]").scroll_into_view_if_needed()
        expect(tab.locator("[data-plot] canvas").first).to_be_visible()
        drawn_in(tab, dark, light)
        tab.evaluate("() => { window.drawn.length = 0; }")
        tab.emulate_media(media="print", color_scheme="dark")
        drawn_in(tab, light, dark)
        assert tab.locator("html").get_attribute("data-theme") == "light"
        tab.evaluate("() => { window.drawn.length = 0; }")
        tab.emulate_media(media="screen", color_scheme="dark")
        drawn_in(tab, dark, light)
        assert tab.locator("html").get_attribute("data-theme") is None

    def test_nothing_is_cut_off_and_nothing_can_be_pressed(
        self, tab: Page, sqlite_server: RunningServer, own: str, experiment_id: str, run_id: str, client: MlflowClient
    ) -> None:
        runs = ",".join(run.info.run_id for run in client.search_runs([own])[:5])
        paths = ("/experiments", f"/experiments/{experiment_id}?layout=both", f"/experiments/{own}", f"/runs/{run_id}", f"/runs/{run_id}/metric?key=loss",
            f"/compare?runs={runs}", f"/experiments/{own}/models", "/models", "/activity")  # fmt: skip
        for path in paths:
            tab.emulate_media(media="screen")
            tab.goto(path)
            tab.set_viewport_size({"width": 1047, "height": 700})  # of A4 on its side, between the margins
            tab.emulate_media(media="print")
            expect(tab.locator("html")).to_have_class("printing")
            assert tab.evaluate("document.documentElement.scrollWidth") <= 1047, path
            assert tab.locator("main h1").is_visible()
            cut = """() => [...document.querySelectorAll("main .scroll, main td, main th, main .head h1")].filter(e => e.checkVisibility())
                .filter(e => e.scrollHeight > e.clientHeight + 2 && getComputedStyle(e).overflowY !== "visible").map(e => e.outerHTML.slice(0, 120))"""
            assert tab.evaluate(cut) == [], path
            pressed = "name => [...document.querySelectorAll(name)].filter(e => e.checkVisibility()).map(e => e.outerHTML.slice(0, 120))"
            assert tab.evaluate(pressed, PRESSED) == [], path
            times = "() => [...document.querySelectorAll('main time')].map(e => e.textContent).filter(text => / ago$|^in /.test(text))"
            assert tab.evaluate(times) == [], path

    def test_the_key_for_printing_draws_what_was_never_in_view(
        self, tab: Page, sqlite_server: RunningServer, experiment_id: str
    ) -> None:
        made = sqlite_server.run(experiment_id, run_name="many charts")
        points = [{"key": f"m{i:02}", "value": i + step, "timestamp": step, "step": step} for i in range(24) for step in range(3)]
        sqlite_server.ok("runs/log-batch", {"run_id": made, "metrics": points})
        tab.add_init_script(DRAWN)
        tab.set_viewport_size({"width": 800, "height": 300})
        tab.goto(f"/runs/{made}")
        waiting = tab.locator(".chart-panel:has(.plot:not(:has(canvas)))")
        expect(tab.locator(".chart-panel")).to_have_count(12)
        assert waiting.count() > 3
        tab.keyboard.press("Control+p")
        tab.wait_for_function("() => window.printed")
        expect(waiting).to_have_count(0)
