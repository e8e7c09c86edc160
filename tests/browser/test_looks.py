"""How the pages look: in both themes, at every width, for every pointer, on paper."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.axe import serious
from tests.browser.conftest import Watch
from tests.browser.waiting import becomes
from tests.conftest import RunningServer

PATHS = ("/experiments", "/experiments/{experiment_id}", "/experiments/{experiment_id}/models", "/models", "/runs/{run_id}", "/runs/{run_id}?file=config.yaml", "/runs/{run_id}/metric?key=loss")  # fmt: skip
TEXT_PAIRS = (
    ("--text", "--page"), ("--text", "--surface"), ("--text", "--sunken"), ("--text", "--hover"), ("--text", "--stone-2"), ("--text-quiet", "--page"),
    ("--text-quiet", "--surface"), ("--text-quiet", "--sunken"), ("--text-quiet", "--hover"), ("--text-quiet", "--stone-2"), ("--stone-8", "--sunken"),
    ("--accent", "--surface"), ("--accent", "--page"), ("--accent-strong", "--hover"), ("--on-accent", "--accent"), ("--on-accent", "--accent-strong"),
    ("--accent-strong", "--accent-soft"), ("--bad", "--bad-soft"), ("--bad", "--surface"), ("--bad", "--hover"), ("--warn", "--warn-soft"),
)  # fmt: skip
SHAPE_PAIRS = (
    *((f"--{name}", "--surface") for name in ("good", "warn", "bad", "busy", "line-field", "accent")),
    *((f"--run-{i}", "--surface") for i in range(1, 13)),
    *((f"--run-{i}", "--hover") for i in range(1, 13)),
)


class TestColours:
    @pytest.mark.parametrize("scheme", ["light", "dark"])
    def test_contrast_is_enough(self, tab: Page, scheme: Any) -> None:
        tab.emulate_media(color_scheme=scheme)
        tab.goto("/experiments")
        low = [(text, ground, found) for text, ground in TEXT_PAIRS if (found := contrast(tab, text, ground)) < 4.5]
        low += [(shape, ground, found) for shape, ground in SHAPE_PAIRS if (found := contrast(tab, shape, ground)) < 3]
        assert low == []

    def test_what_is_wrong_in_a_filter_is_seen_in_few_colours(self, tab: Page, watch: Watch, experiment_id: str) -> None:
        watch.expect("400")
        tab.emulate_media(color_scheme="dark", forced_colors="active")
        tab.goto(f"/experiments/{experiment_id}?filter=metrics.acc+%3D%3D+1")
        mark = tab.locator(".problem mark")
        expect(mark).to_be_visible()
        assert mark.evaluate("e => getComputedStyle(e).color") == tab.evaluate("() => getComputedStyle(document.body).color")

    def test_the_two_dark_sets_are_one(self, tab: Page) -> None:
        tab.goto("/experiments")
        names = tab.evaluate("""[...document.styleSheets].flatMap(s => [...s.cssRules]).filter(r => r.selectorText === ':root')
            .flatMap(r => [...r.style]).filter(name => name.startsWith('--'))""")
        read = "names => names.map(name => getComputedStyle(document.documentElement).getPropertyValue(name))"
        tab.emulate_media(color_scheme="dark")
        system = tab.evaluate(read, names)
        tab.emulate_media(color_scheme="light")
        light = tab.evaluate(read, names)
        tab.evaluate("document.documentElement.dataset.theme = 'dark'")
        assert len(names) > 40
        assert tab.evaluate(read, names) == system != light

    def test_the_theme_is_switched_remembered_and_not_flashed(self, tab: Page) -> None:
        tab.emulate_media(color_scheme="light")
        tab.goto("/experiments")
        ground = "getComputedStyle(document.documentElement).backgroundColor"
        light = tab.evaluate(ground)
        tab.get_by_role("button", name="Theme").click()
        dark = tab.evaluate(ground)
        # At the moment when the body begins to exist, the remembered theme stands already.
        tab.add_init_script("""new MutationObserver((_, me) => { if (!document.body) return; me.disconnect();
            window.first = document.documentElement.dataset.theme; }).observe(document, {childList: true, subtree: true})""")
        tab.reload()
        assert tab.evaluate("window.first") == "dark"
        assert light != dark == tab.evaluate(ground)


class TestSizes:
    @pytest.mark.parametrize("path", PATHS)
    def test_nothing_sticks_out_of_the_window(self, tab: Page, experiment_id: str, run_id: str, path: str) -> None:
        tab.goto(path.format(run_id=run_id, experiment_id=experiment_id))
        for width in (320, 390, 768, 1024, 1440):
            tab.set_viewport_size({"width": width, "height": 700})
            assert tab.evaluate("document.documentElement.scrollWidth") <= width
            assert tab.locator("main h1").is_visible()

    @pytest.mark.parametrize("name", ["n" * 400, "تجربة طويلة جدا " * 20, "<b>bold</b> \u202egnp.exe"])
    def test_odd_names_fit(self, tab: Page, watch: Watch, sqlite_server: RunningServer, name: str) -> None:
        watch.expect("404")
        number = sqlite_server.experiment(name)
        run = sqlite_server.run(number, run_name=name, user_id=name)
        for width in (390, 1280):
            tab.set_viewport_size({"width": width, "height": 700})
            for path in ("/experiments", f"/experiments/{number}", f"/runs/{run}", f"/models/{quote(name, safe='')}"):
                tab.goto(path)  # the last says that there is no such model
                assert tab.evaluate("document.documentElement.scrollWidth") <= width
                assert tab.locator("h1").bounding_box()["height"] < 120  # type: ignore[index]

    def test_the_table_scrolls_and_its_edges_stay(self, tab: Page, experiment_id: str) -> None:
        tab.set_viewport_size({"width": 700, "height": 600})
        tab.goto(f"/experiments/{experiment_id}")
        area = tab.locator("#runs .scroll")
        area.evaluate("e => e.scrollTo(200, 2000)")
        box = area.bounding_box()
        heading, name = tab.locator("thead th", has_text="Run").last.bounding_box(), tab.locator("tbody th").last.bounding_box()
        assert box
        assert heading
        assert name
        assert abs(heading["x"] - box["x"]) < 3
        assert abs(name["x"] - box["x"]) < 3
        assert abs(heading["y"] - box["y"]) < 40

    def test_what_gets_the_focus_is_not_left_behind_what_stays(self, tab: Page, experiment_id: str, run_id: str) -> None:
        seen = """e => { const {left, top, height} = e.getBoundingClientRect(), shown = document.elementFromPoint(left + 2, top + height / 2);
            return shown !== null && e.contains(shown); }"""
        tab.set_viewport_size({"width": 390, "height": 700})
        tab.goto(f"/experiments/{experiment_id}")
        tab.wait_for_load_state()
        heading = tab.locator("#runs thead").get_by_role("link", name="Status")
        tab.locator("#runs .scroll").evaluate("e => e.scrollTo(1000, 0)")
        heading.focus()
        becomes(lambda: heading.evaluate(seen), True)
        tab.goto(f"/runs/{run_id}")
        expect(tab.locator(".chart-panel canvas").first).to_be_visible()
        tag = tab.locator("summary", has_text="Add a tag")
        tag.evaluate("e => scrollTo(0, e.getBoundingClientRect().bottom + scrollY - innerHeight + 5)")
        assert not tag.evaluate(seen)
        tag.focus()
        becomes(lambda: tag.evaluate(seen), True)

    def test_fingers_get_large_targets(
        self, browser: Browser, sqlite_server: RunningServer, experiment_id: str, run_id: str
    ) -> None:
        context = browser.new_context(
            viewport={"width": 390, "height": 800}, has_touch=True, is_mobile=True, base_url=sqlite_server.url
        )
        tab = context.new_page()
        for path in PATHS:
            tab.goto(path.format(run_id=run_id, experiment_id=experiment_id))
            small = tab.evaluate("""[...document.querySelectorAll('main button, .rail a, .rail button, summary, main input[type=search]')]
                .filter(e => e.checkVisibility()).map(e => [e.outerHTML.slice(0, 80), e.getBoundingClientRect().height])
                .filter(([, height]) => height < 43.5)""")
            assert small == [], path
        context.close()

    def test_the_tools_of_runs_take_two_rows_of_a_phone(
        self, browser: Browser, sqlite_server: RunningServer, experiment_id: str
    ) -> None:
        context = browser.new_context(
            viewport={"width": 390, "height": 800}, has_touch=True, is_mobile=True, base_url=sqlite_server.url
        )
        tab = context.new_page()
        tab.goto(f"/experiments/{experiment_id}")
        rows = """() => new Set([...document.querySelectorAll('[data-toolbar] :is(input, .button)')].filter(e => e.checkVisibility()
            && !e.closest('.panel')).map(e => Math.round(e.getBoundingClientRect().top))).size"""
        export, more = tab.get_by_label("Export"), tab.get_by_label("More tools")
        expect(export).to_be_hidden()
        tab.wait_for_function(f"() => ({rows})() === 2")
        more.tap()
        expect(more).to_have_attribute("aria-expanded", "true")
        expect(export).to_be_visible()
        assert serious(tab) == []
        assert tab.evaluate("document.documentElement.scrollWidth") <= 390
        more.tap()
        expect(export).to_be_hidden()
        tab.set_viewport_size({"width": 320, "height": 700})
        tab.wait_for_function(f"() => ({rows})() === 2")
        tab.set_viewport_size({"width": 900, "height": 700})
        expect(export).to_be_visible()
        expect(more).to_be_hidden()
        context.close()

    def test_paper_shows_everything_in_light(self, tab: Page, run_id: str) -> None:
        tab.emulate_media(color_scheme="dark")
        tab.goto(f"/runs/{run_id}")
        tab.get_by_role("button", name="Theme").click()
        tab.get_by_role("button", name="Theme").click()
        tab.emulate_media(media="print", color_scheme="light")
        assert not tab.locator(".rail").is_visible()
        assert tab.evaluate("getComputedStyle(document.documentElement).getPropertyValue('--surface')") == "#ffffff"
        assert tab.locator("#metrics .scroll").evaluate("e => getComputedStyle(e).overflowY") == "visible"


class TestWithoutScripts:
    @pytest.mark.parametrize("layout", ["both", "charts"])
    def test_the_table_stands_where_charts_cannot(
        self, browser: Browser, sqlite_server: RunningServer, experiment_id: str, layout: str
    ) -> None:
        context = browser.new_context(
            java_script_enabled=False, base_url=sqlite_server.url, viewport={"width": 1200, "height": 800}
        )
        tab = context.new_page()
        tab.goto(f"/experiments/{experiment_id}?layout={layout}")
        expect(tab.locator("#charts-pane")).to_be_hidden()
        expect(tab.get_by_role("link", name="run 119")).to_be_visible()
        box = tab.locator("#table-pane").bounding_box()
        context.close()
        assert box
        assert box["width"] > 900


def contrast(tab: Page, text: str, ground: str) -> float:
    """WCAG's contrast ratio of two tokens, as the browser resolves them."""
    resolve = """name => { const e = document.createElement("i"); e.style.color = `var(${name})`; document.body.append(e);
        const c = getComputedStyle(e).color; e.remove(); return c.match(/[0-9.]+/g).slice(0, 3).map(Number); }"""

    def luminance(name: str) -> float:
        parts: Any = tab.evaluate(resolve, name)
        linear = [c / 255 / 12.92 if c / 255 <= 0.03928 else ((c / 255 + 0.055) / 1.055) ** 2.4 for c in parts]
        return float(0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2])

    high, low = sorted((luminance(text), luminance(ground)), reverse=True)
    return (high + 0.05) / (low + 0.05)
