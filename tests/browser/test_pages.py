"""What people do with the pages."""

from __future__ import annotations

from urllib.parse import quote

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.conftest import Watch
from tests.browser.waiting import becomes
from tests.conftest import RunningServer

HOSTILE = ["<script>alert(1)</script>", '"><img src=x onerror=alert(1)>', "'><svg onload=alert(1)>", "</title><script>alert(1)</script>", "{{constructor.constructor('alert(1)')()}}"]  # fmt: skip


class TestRun:
    def test_draws_its_charts(self, tab: Page, run_id: str) -> None:
        tab.goto(f"/runs/{run_id}")
        for key in ("loss", "single"):
            tab.get_by_role("figure", name=f"Chart of {key}").scroll_into_view_if_needed()
        expect(tab.locator(".chart-panel .uplot")).to_have_count(2)
        expect(tab.get_by_role("figure", name="Chart of loss")).to_contain_text("4\u202f000 points")
        expect(tab.get_by_role("figure", name="Chart of odd")).to_contain_text("5 points, 1 NaN")
        expect(tab.get_by_role("figure", name="Chart of never")).to_contain_text("No finite value")
        expect(tab.get_by_role("figure", name="Chart of single")).to_contain_text("0.5")
        tab.get_by_role("figure", name="Chart of loss").locator(".u-over").hover()
        expect(tab.locator("figure[data-key=loss] .chart-tooltip")).to_contain_text("step 1")

    def test_charts_are_loaded_when_they_come_into_view(self, tab: Page, sqlite_server: RunningServer) -> None:
        made = sqlite_server.run()
        points = [{"key": f"m{i:03}", "value": i, "timestamp": step, "step": step} for i in range(200) for step in (0, 1)]
        sqlite_server.ok("runs/log-batch", {"run_id": made, "metrics": points})
        asked: list[str] = []
        tab.on("request", lambda request: asked.append(request.url) if "/charts/panel" in request.url else None)
        tab.goto(f"/runs/{made}")
        tab.wait_for_load_state("networkidle")
        first = len(asked)
        assert first < 40
        assert tab.locator("figure").count() < 200
        last = tab.locator("#charts figure").last
        last.scroll_into_view_if_needed()
        expect(last.locator(".uplot")).to_be_visible()
        assert first < len(asked) < 120

    def test_times_are_the_readers_own(self, tab: Page, run_id: str) -> None:
        tab.goto(f"/runs/{run_id}")
        started = tab.locator("dl.facts time").first
        expect(started).to_contain_text("3:46")  # 22:16 UTC in Kolkata
        assert "ago" in str(started.get_attribute("title"))

    def test_ids_are_copied(self, tab: Page, run_id: str) -> None:
        tab.goto(f"/runs/{run_id}")
        tab.get_by_role("button", name="Copy the run id").click()
        expect(tab.locator("#live")).to_have_text("Copied")
        becomes(lambda: tab.evaluate("navigator.clipboard.readText()"), run_id)

    def test_files_open_in_place(self, tab: Page, run_id: str) -> None:
        tab.goto(f"/runs/{run_id}")
        tab.evaluate("window.stayed = true")
        files = tab.locator("#artifacts")
        files.get_by_role("link", name="plots").click()
        files.get_by_role("link", name="readme.txt", exact=True).click()
        expect(files.locator(".files pre")).to_have_text("inside plots/readme.txt")
        becomes(lambda: "file=plots%2Freadme.txt" in tab.url or "file=plots/readme.txt" in tab.url, True)
        with tab.expect_download() as download:
            files.get_by_role("link", name="Download").click()
        assert download.value.path().read_text() == "inside plots/readme.txt"
        files.get_by_role("link", name="artifacts").click()
        expect(files.get_by_role("link", name="config.yaml", exact=True)).to_be_visible()
        assert tab.evaluate("window.stayed") is True

    def test_one_metric_large_with_its_points(self, tab: Page, run_id: str) -> None:
        tab.goto(f"/runs/{run_id}")
        tab.locator("#metrics").get_by_role("link", name="loss").click()
        expect(tab.locator("figure[data-key=loss] .uplot")).to_be_visible()
        expect(tab.locator("tbody tr")).to_have_count(500)


class TestForms:
    def test_an_experiment_is_made_renamed_deleted_and_brought_back(self, tab: Page) -> None:
        tab.goto("/experiments")
        tab.get_by_text("New experiment").click()
        expect(tab.locator("input[name=name]:focus")).to_have_count(1)
        tab.keyboard.type("by hand")
        tab.keyboard.press("Enter")
        tab.wait_for_selector("h1:has-text('by hand')")
        expect(tab.locator(".toast")).to_contain_text("Experiment “by hand” created")
        tab.wait_for_url(lambda url: "told=" not in url)  # a reload shall not say it again
        tab.get_by_label("More actions").click()
        tab.get_by_role("link", name="Edit name").click()
        tab.get_by_label("Name", exact=True).fill("by my hand")
        tab.get_by_role("button", name="Save").click()
        tab.wait_for_selector("h1:has-text('by my hand')")
        tab.get_by_label("More actions").click()
        tab.get_by_role("button", name="Delete experiment").click()
        tab.get_by_role("button", name="Undo").click()
        tab.wait_for_selector("h1:has-text('by my hand')")

    def test_a_toast_goes_after_ten_seconds_unless_it_is_used(self, tab: Page) -> None:
        tab.clock.install()
        tab.goto("/experiments")
        tab.get_by_text("New experiment").click()
        tab.locator("#new-name").fill("said once")
        tab.keyboard.press("Enter")
        expect(tab.locator(".toast")).to_be_visible()
        tab.clock.fast_forward(2000)  # time goes on besides: a busy machine needs the rest
        tab.locator(".toast").hover()
        tab.clock.fast_forward(60_000)
        expect(tab.locator(".toast")).to_be_visible()
        tab.mouse.move(10, 10)
        tab.clock.fast_forward(11_000)
        expect(tab.locator(".toast")).to_have_count(0)


class TestFrame:
    def test_links_that_the_client_prints_lead_to_the_pages(self, tab: Page, experiment_id: str, run_id: str) -> None:
        for old, new in (
            (f"experiments/{experiment_id}/runs/{run_id}", f"/runs/{run_id}"),
            (f"experiments/{experiment_id}/runs/{run_id}/artifacts", f"/runs/{run_id}"),
            (f"experiments/{experiment_id}", f"/experiments/{experiment_id}"),
            (f"experiments/{experiment_id}?searchFilter=x", f"/experiments/{experiment_id}"),
            (f"experiments/{experiment_id}/models", f"/experiments/{experiment_id}/models"),
            ("models", "/models"),
        ):
            tab.goto("about:blank")
            tab.goto(f"/#/{old}")
            tab.wait_for_url(f"**{new}")

    def test_the_rail_folds_by_button_and_key_and_is_remembered(self, tab: Page) -> None:
        tab.goto("/experiments")
        label = tab.locator(".rail").get_by_text("Experiments")
        tab.get_by_role("button", name="Collapse").click()
        expect(label).to_be_hidden()
        tab.goto("/models")
        expect(tab.locator(".rail").get_by_text("Models")).to_be_hidden()
        tab.keyboard.press("[")
        expect(tab.locator(".rail").get_by_text("Models")).to_be_visible()

    def test_everything_is_reached_by_keyboard(self, tab: Page) -> None:
        tab.goto("/experiments")
        tab.keyboard.press("Tab")
        expect(tab.get_by_role("link", name="Skip to content")).to_be_focused()
        tab.keyboard.press("Enter")
        expect(tab.locator("#content")).to_be_focused()
        tab.keyboard.press("Tab")
        assert tab.evaluate("getComputedStyle(document.activeElement).outlineStyle") == "solid"
        tab.keyboard.press("Enter")
        expect(tab.get_by_label("Name", exact=True)).to_be_focused()
        tab.keyboard.press("Escape")
        expect(tab.get_by_label("Name", exact=True)).to_be_hidden()
        assert tab.evaluate("document.activeElement.tagName") == "SUMMARY"

    @pytest.mark.parametrize("text", HOSTILE)
    def test_hostile_text_runs_nothing(self, tab: Page, sqlite_server: RunningServer, text: str) -> None:
        number = sqlite_server.experiment(f"{text} {abs(hash(text))}")
        tags = [{"key": "mlflow.note.content", "value": text}, {"key": "k", "value": text}]
        made = sqlite_server.run(number, run_name=text, tags=tags)
        points = [{"key": "m", "value": step, "timestamp": step, "step": step} for step in (0, 1)]
        sqlite_server.ok("runs/log-batch", {"run_id": made, "params": [{"key": "p", "value": text}], "metrics": points})
        for path in (
            f"/experiments?search={quote(text)}",
            f"/experiments/{number}?columns=params.p&columns=tags.k",
            f"/runs/{made}",
        ):
            tab.goto(path)
            expect(tab.get_by_text(text).first).to_be_attached()

    def test_an_error_is_a_page(self, tab: Page, watch: Watch) -> None:
        watch.expect("404")
        tab.goto("/runs/none")
        expect(tab.get_by_role("heading", name="Not found")).to_be_visible()
        tab.get_by_role("button", name="Copy the request id").click()
        expect(tab.locator("#live")).to_have_text("Copied")
        becomes(lambda: tab.evaluate("navigator.clipboard.readText()"), tab.locator("#request-id").inner_text())


class TestWithoutScripts:
    def test_everything_is_readable_and_works(
        self, browser: Browser, sqlite_server: RunningServer, experiment_id: str, run_id: str
    ) -> None:
        context = browser.new_context(java_script_enabled=False, base_url=sqlite_server.url)
        tab = context.new_page()
        tab.goto(f"/runs/{run_id}")
        expect(tab.locator("#metrics").get_by_text("loss")).to_be_visible()
        expect(tab.locator("[data-needs-script]").first).to_be_hidden()
        tab.locator("#metrics").get_by_role("link", name="loss").click()
        expect(tab.locator("tbody tr")).to_have_count(500)
        tab.goto(f"/experiments/{experiment_id}")
        tab.get_by_role("searchbox", name="Filter runs").fill("metrics.acc > 0.9")
        tab.get_by_role("button", name="Filter", exact=True).click()
        expect(tab.locator("tbody tr")).to_have_count(11)
        tab.get_by_role("link", name="acc").click()
        expect(tab.locator("th[aria-sort=descending]")).to_contain_text("acc")
        tab.get_by_label("More actions").click()
        tab.get_by_role("button", name="Delete experiment").click()
        expect(tab.locator(".toast")).to_contain_text("moved to the trash")
        tab.get_by_role("button", name="Undo").click()
        expect(tab.get_by_role("heading", name="in a browser")).to_be_visible()
        context.close()
