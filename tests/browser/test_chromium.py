"""A real Chromium: pages work, say nothing in the console, ask no other host, and break no policy."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from tests.conftest import RunningServer

BROWSER = next((found for name in ("chromium", "chromium-browser", "google-chrome") if (found := shutil.which(name))), None)
FLAGS = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update",
    "--disable-sync",
]  # fmt: skip


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    assert BROWSER, "Chromium is not on PATH: run make browser"
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=BROWSER, args=FLAGS)
        yield started
        started.close()


@pytest.fixture
def tab(browser: Browser, sqlite_server: RunningServer) -> Iterator[Page]:
    """A tab that fails the test for any console error, script error, or request to another host."""
    context = browser.new_context(viewport={"width": 1280, "height": 900}, base_url=sqlite_server.url)
    opened, problems = context.new_page(), []
    opened.on("console", lambda message: problems.append(message.text) if message.type in ("error", "warning") else None)
    opened.on("pageerror", lambda error: problems.append(str(error)))
    opened.on("request", lambda request: problems.append(request.url) if not request.url.startswith(sqlite_server.url) else None)
    yield opened
    context.close()
    assert problems == []


@pytest.fixture(scope="module")
def run_id(sqlite_server: RunningServer) -> str:
    server = sqlite_server
    number = server.experiment("in a browser")
    made = server.run(number, run_name="charted", start_time=1700000000000)
    for start in range(0, 4000, 1000):
        points = [{"key": "loss", "value": 1 / (i + 1), "timestamp": i, "step": i} for i in range(start, start + 1000)]
        server.ok("runs/log-batch", {"run_id": made, "metrics": points})
    server.ok(
        "runs/log-batch",
        {"run_id": made, "metrics": [{"key": "acc", "value": 0.5, "timestamp": 1}], "params": [{"key": "a", "value": "b"}]},
    )
    return made


class TestPages:
    def test_a_run_draws_its_charts(self, tab: Page, run_id: str) -> None:
        tab.goto(f"/runs/{run_id}")
        tab.get_by_role("heading", name="Charts").scroll_into_view_if_needed()
        tab.wait_for_selector(".chart canvas")
        tab.wait_for_function("document.querySelectorAll('.chart canvas').length === 2")
        assert tab.get_by_text("4\u202f000 points").is_visible()
        assert "ago" in tab.locator("#metrics time").first.inner_text()

    def test_the_filter_works_without_loading_the_page_again(self, tab: Page, run_id: str) -> None:
        tab.goto("/experiments")
        tab.get_by_role("link", name="in a browser").click()
        tab.evaluate("window.stayed = true")
        tab.keyboard.press("/")
        tab.keyboard.type("metrics.acc > 0.4")
        tab.keyboard.press("Enter")
        tab.wait_for_url("**/experiments/*filter=metrics.acc*")
        assert tab.get_by_role("link", name="charted").is_visible()
        tab.get_by_role("searchbox").fill("metrcs.acc > 1")
        tab.get_by_role("button", name="Filter", exact=True).click()
        tab.wait_for_selector("#filter-problem")
        assert "Did you mean 'metrics'" in tab.locator("#filter-problem").inner_text()
        assert tab.evaluate("window.stayed") is True

    def test_links_that_the_client_prints_lead_to_the_pages(self, tab: Page, run_id: str) -> None:
        tab.goto(f"/#/experiments/1/runs/{run_id}")
        tab.wait_for_url(f"**/runs/{run_id}")
        tab.goto("/#/experiments/1")
        tab.wait_for_url("**/experiments/1")

    def test_an_experiment_is_made_deleted_and_brought_back(self, tab: Page) -> None:
        tab.goto("/experiments")
        tab.get_by_text("New experiment").click()
        tab.get_by_label("Name", exact=True).fill("by hand")
        tab.get_by_role("button", name="Create experiment").click()
        tab.wait_for_selector("h1:has-text('by hand')")
        assert tab.get_by_text("No runs yet").is_visible()
        tab.get_by_label("More actions").click()
        tab.get_by_role("button", name="Delete experiment").click()
        tab.get_by_role("button", name="Undo").click()
        tab.wait_for_selector("h1:has-text('by hand')")

    def test_the_theme_is_switched_and_remembered(self, tab: Page) -> None:
        tab.emulate_media(color_scheme="light")
        tab.goto("/experiments")
        colour = "getComputedStyle(document.documentElement).backgroundColor"
        light = tab.evaluate(colour)
        tab.get_by_label("Switch between light and dark").click()
        dark = tab.evaluate(colour)
        tab.reload()
        assert light != dark == tab.evaluate(colour)

    @pytest.mark.parametrize("width", [390, 1024, 1440])
    @pytest.mark.parametrize("path", ["/experiments", "/experiments/1", "/models", "/runs/{run_id}"])
    def test_nothing_sticks_out_of_the_window(self, tab: Page, run_id: str, width: int, path: str) -> None:
        tab.set_viewport_size({"width": width, "height": 800})
        tab.goto(path.format(run_id=run_id))
        assert tab.evaluate("document.documentElement.scrollWidth") <= width

    def test_contrast_is_enough_in_both_themes(self, tab: Page) -> None:
        for scheme in ("light", "dark"):
            tab.emulate_media(color_scheme=scheme)
            tab.goto("/experiments")
            for text, ground in (
                ("--text", "--page"), ("--text-quiet", "--page"), ("--text-quiet", "--stone-1"), ("--accent", "--surface"), ("--on-accent", "--accent"),
                ("--good", "--good-soft"), ("--bad", "--bad-soft"), ("--warn", "--warn-soft"), ("--busy", "--busy-soft"), ("--accent-strong", "--accent-soft"),
            ):  # fmt: skip
                assert contrast(tab, text, ground) >= 4.5, (scheme, text, ground)


class TestWithoutScripts:
    def test_everything_is_readable(self, browser: Browser, sqlite_server: RunningServer, run_id: str) -> None:
        context = browser.new_context(java_script_enabled=False, base_url=sqlite_server.url)
        tab = context.new_page()
        tab.goto(f"/runs/{run_id}")
        assert tab.get_by_text("loss").first.is_visible()
        assert not tab.get_by_text("Copy").first.is_visible()
        tab.goto("/experiments/1?filter=metrics.acc>0.4")
        assert tab.get_by_role("link", name="charted").is_visible()
        context.close()


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
