"""The columns of the table of runs, the charts beside it, and exports of what it shows."""

from __future__ import annotations

import re

from mlflow import MlflowClient
from mlflow.entities import Metric
from playwright.sync_api import Page, expect

from tests.browser.runs_table import asked, column_menu, heads, row, select
from tests.browser.waiting import becomes


class TestColumns:
    def test_are_found_added_moved_pinned_and_hidden(self, tab: Page, number: str) -> None:
        tab.goto(f"/experiments/{number}")
        before = heads(tab)
        tab.get_by_text("Columns", exact=True).click()
        tab.get_by_role("searchbox", name="Find a column").fill("stag")
        tab.locator("[data-picker-found]").get_by_text("stage").click()
        expect(tab.locator('th[data-column="tags.stage"]')).to_be_visible()
        becomes(lambda: heads(tab), [*before, "tags.stage"])
        tab.get_by_role("button", name="Move up: stage").click()
        expect(tab.locator("#runs thead th[data-column]").nth(-1)).to_have_attribute("data-column", before[-1])
        tab.get_by_role("button", name="Pin: stage").click()
        expect(tab.locator("#runs thead th[data-column]").nth(1)).to_have_attribute("data-column", "tags.stage")
        tab.get_by_role("button", name="Hide: stage").click()
        expect(tab.locator('th[data-column="tags.stage"]')).to_have_count(0)
        tab.keyboard.press("Escape")
        becomes(lambda: heads(tab), before)
        column_menu(tab, before[1], "Move right")
        expect(tab.locator("#runs thead th[data-column]").nth(2)).to_have_attribute("data-column", before[1])
        expect(tab.locator(f'th[data-column="{before[1]}"] .more')).to_be_focused()
        tab.keyboard.press("Enter")
        tab.get_by_role("menuitem", name="Move left").press("Enter")
        expect(tab.locator("#runs thead th[data-column]").nth(1)).to_have_attribute("data-column", before[1])
        column_menu(tab, before[1], "Hide")
        expect(tab.locator(".toast")).to_contain_text("hidden")
        expect(tab.locator(f'th[data-column="{before[1]}"]')).to_have_count(0)
        expect(tab.locator(f'th[data-column="{before[2]}"] .more')).to_be_focused()
        tab.keyboard.press("z")
        expect(tab.locator("#runs thead th[data-column]").nth(1)).to_have_attribute("data-column", before[1])
        becomes(lambda: heads(tab), before)

    def test_a_name_that_is_not_found_is_taken_as_typed(self, tab: Page, number: str) -> None:
        tab.goto(f"/experiments/{number}")
        tab.get_by_text("Columns", exact=True).click()
        tab.get_by_role("searchbox", name="Find a column").fill("metrics.never logged")
        tab.keyboard.press("Enter")
        expect(tab.locator('th[data-column="metrics.never logged"]')).to_be_visible()

    def test_pinned_ones_stay_when_the_table_scrolls(self, tab: Page, number: str) -> None:
        tab.goto(f"/experiments/{number}")
        column_menu(tab, "metrics.acc", "Pin")
        head = tab.locator('th[data-column="metrics.acc"]')
        expect(head).to_have_class(re.compile("pinned"))
        before = head.bounding_box()
        tab.locator("#runs .scroll").evaluate("e => e.scrollTo(200, 0)")
        assert head.bounding_box() == before

    def test_are_dragged_to_another_place(self, tab: Page, number: str) -> None:
        tab.goto(f"/experiments/{number}?columns=metrics.acc&columns=metrics.loss&columns=params.seed")
        tab.locator('th[data-column="params.seed"]').drag_to(
            tab.locator('th[data-column="metrics.acc"]'), target_position={"x": 4, "y": 10}
        )
        expect(tab.locator("#runs thead th[data-column]").nth(1)).to_have_attribute("data-column", "params.seed")
        becomes(lambda: asked(tab, "columns"), ["params.seed", "metrics.acc", "metrics.loss"])

    def test_widths_are_dragged_typed_and_kept(self, tab: Page, number: str) -> None:
        tab.goto(f"/experiments/{number}")
        head = tab.locator('th[data-column="attributes.user_id"]')
        edge = head.locator(".edge").bounding_box()
        assert edge
        tab.mouse.move(edge["x"] + 3, edge["y"] + 8)
        tab.mouse.down()
        tab.mouse.move(edge["x"] + 83, edge["y"] + 8, steps=4)
        tab.mouse.up()
        expect(head).to_have_js_property("offsetWidth", 184)
        column_menu(tab, "attributes.user_id", "Set the width")
        tab.keyboard.press("ArrowRight")
        expect(head).to_have_js_property("offsetWidth", 200)
        tab.reload()
        expect(head).to_have_js_property("offsetWidth", 200)

    def test_names_of_very_wide_runs_are_asked_from_the_server(self, tab: Page, client: MlflowClient) -> None:
        number = client.create_experiment("12 000 metrics")
        run = client.create_run(number, run_name="wide").info.run_id
        for start in range(0, 12_000, 1000):
            client.log_batch(run, [Metric(f"layer_{i:05}/grad", 1.0, 1, 0) for i in range(start, start + 1000)])
        tab.goto(f"/experiments/{number}")
        assert len(tab.request.get(f"/experiments/{number}").body()) < 200_000
        tab.get_by_text("Columns", exact=True).click()
        found = tab.locator("[data-picker-found]")
        expect(found.get_by_role("button")).not_to_have_count(0)
        assert found.get_by_role("button").count() < 100
        tab.get_by_role("searchbox", name="Find a column").fill("11987 layer")
        expect(found.get_by_role("button")).to_have_text(["layer_11987/grad"])


class TestLayout:
    def test_table_charts_or_both_and_the_bar_between_them(self, tab: Page, number: str) -> None:
        asked_for: list[str] = []
        tab.on("request", lambda request: asked_for.append(request.url))
        tab.goto(f"/experiments/{number}")
        expect(tab.locator("#charts-pane")).to_be_hidden()
        tab.wait_for_timeout(700)
        assert not [url for url in asked_for if "/charts" in url and "/static/" not in url], (
            "charts that nobody sees cost nothing"
        )
        tab.get_by_role("link", name="Table and charts").click()
        expect(tab.locator("#charts-pane .chart-panel").first).to_be_visible()
        becomes(lambda: asked(tab, "layout"), ["both"])
        before = tab.locator("#table-pane").bounding_box()
        tab.locator("[data-splitter]").focus()
        tab.keyboard.press("ArrowRight")
        after = tab.locator("#table-pane").bounding_box()
        assert before
        assert after
        assert after["width"] > before["width"]
        tab.reload()
        becomes(lambda: abs((tab.locator("#table-pane").bounding_box() or before)["width"] - after["width"]) < 2, True)
        tab.get_by_role("link", name="Charts", exact=True).click()
        expect(tab.locator("#table-pane")).to_be_hidden()

    def test_pointing_at_a_run_is_told_both_ways(self, tab: Page, number: str) -> None:
        tab.goto(f"/experiments/{number}")
        tab.evaluate("document.addEventListener('run-hover', event => { window.over = event.detail.id; })")
        row(tab, "run 03").hover()
        becomes(lambda: tab.evaluate("window.over"), row(tab, "run 03").get_attribute("data-run"))
        other = row(tab, "run 04")
        tab.evaluate(
            "id => document.dispatchEvent(new CustomEvent('run-hover', {detail: {id}}))", other.get_attribute("data-run")
        )
        expect(other).to_have_class(re.compile("hovered"))

    def test_the_keys_of_the_table_are_listed_and_work(self, tab: Page, number: str) -> None:
        tab.goto(f"/experiments/{number}")
        tab.keyboard.press("?")
        sheet = tab.locator("dialog#keys")
        for said in ("Next run", "Compare the selected runs", "Menu of the run or cell", "Next cell", "Read the next point"):
            expect(sheet).to_contain_text(said)
        tab.keyboard.press("Escape")
        links = tab.locator("#runs tbody th a")
        for key, at in (("j", 0), ("j", 1), ("k", 0)):
            tab.keyboard.press(key)
            expect(links.nth(at)).to_be_focused()
        tab.keyboard.press("t")
        expect(tab.locator(".toast")).to_contain_text("Select runs first")
        tab.keyboard.press("x")
        tab.keyboard.press("j")
        tab.keyboard.press("j")
        tab.keyboard.press("Shift+X")
        expect(tab.locator("[data-bulk-count]")).to_have_text("3")
        for key, field in (("t", tab.get_by_label("Tag", exact=True)), ("m", tab.get_by_label("Move to the experiment"))):
            tab.keyboard.press(key)
            expect(field).to_be_focused()
            tab.keyboard.press("Escape")
        links.first.focus()
        tab.keyboard.press("ArrowRight")
        expect(tab.locator("#runs tbody tr").first.locator("td").first).to_be_focused()
        tab.keyboard.press("Shift+F10")
        expect(tab.get_by_role("menuitem", name="Filter by this")).to_be_focused()
        tab.keyboard.press("Escape")
        tab.keyboard.press("ArrowLeft")
        tab.keyboard.press("Shift+F10")
        expect(tab.get_by_role("menuitem", name="Open")).to_be_focused()
        tab.keyboard.press("Escape")
        tab.keyboard.press("Escape")
        expect(tab.locator("[data-bulk]")).to_be_hidden()
        for key, opened in (("C", tab.get_by_role("searchbox", name="Find a column")), ("/", tab.get_by_label("Filter runs"))):
            tab.keyboard.press(key)
            expect(opened).to_be_focused()
            tab.keyboard.press("Escape")


class TestExport:
    def test_more_selected_runs_than_a_link_names_are_not_cut_in_silence(self, tab: Page, many: str) -> None:
        tab.goto(
            f"/experiments/{many}?columns=attributes.status&filter=run_name LIKE 'run 08%25' OR run_name LIKE 'run 09%25' OR run_name LIKE 'run 1%25'"
        )
        for last in ("run 1060", "run 0960"):
            tab.get_by_role("link", name=last, exact=True).scroll_into_view_if_needed()
        expect(tab.get_by_role("link", name="run 0940", exact=True)).to_be_attached()
        tab.get_by_label("Select all shown runs").check()
        tab.locator("summary[aria-label=Export]").click()
        tab.get_by_role("link", name="CSV").click()
        expect(tab.locator(".toast[role=alert]")).to_contain_text("At most 200 selected runs can be exported")
        tab.get_by_role("button", name="Select all 350 matching").click()
        tab.locator("summary[aria-label=Export]").click()
        with tab.expect_download() as download:
            tab.get_by_role("link", name="CSV").click()
        assert len(download.value.path().read_text().splitlines()) == 351

    def test_of_what_is_shown_and_of_the_selected_runs(self, tab: Page, number: str) -> None:
        tab.goto(f"/experiments/{number}?columns=params.seed&filter=metrics.acc > 0.45")
        tab.locator("summary[aria-label=Export]").click()
        with tab.expect_download() as download:
            tab.get_by_role("link", name="CSV").click()
        lines = download.value.path().read_text().splitlines()
        assert lines[0] == "run_name,run_id,params.seed"
        assert len(lines) == 8
        select(tab, "run 07")
        tab.locator("summary[aria-label=Export]").click()
        with tab.expect_download() as download:
            tab.get_by_role("link", name="JSON").click()
        assert '"run 07"' in download.value.path().read_text()
        assert len(download.value.path().read_text().splitlines()) == 3
