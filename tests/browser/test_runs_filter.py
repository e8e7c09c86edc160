"""What people do to find runs in the table: filter and sort."""

from __future__ import annotations

import re

from playwright.sync_api import Page, expect

from tests.browser.runs_table import asked, column_menu, expect_names, names, row, select
from tests.browser.waiting import becomes


class TestFilter:
    def test_filters_in_place_and_back_shows_what_was(self, tab: Page, number: str) -> None:
        tab.goto(f"/experiments/{number}")
        tab.evaluate("window.stayed = true")
        tab.keyboard.press("/")
        tab.keyboard.type("metrics.acc > 0.85")
        tab.keyboard.press("Enter")
        expect(tab.locator(".pager")).to_contain_text("3 of 12 runs")
        expect_names(tab, ["run 11", "run 10", "run 09"])
        assert tab.evaluate("window.stayed") is True
        tab.go_back()
        expect(tab.locator(".pager")).to_contain_text("12 runs")
        expect(tab.locator("#filter")).to_have_value("")
        expect(tab.locator("#runs tbody th a")).to_have_count(12)

    def test_offers_names_operators_and_values(self, tab: Page, number: str) -> None:
        tab.goto(f"/experiments/{number}")
        box, offers = tab.locator("#filter"), tab.locator("#filter-suggestions")
        box.click()
        tab.keyboard.type("mod")
        expect(offers.get_by_role("option").first).to_contain_text("params.model")
        tab.keyboard.press("ArrowDown")
        tab.keyboard.press("Enter")
        expect(box).to_have_value("params.model ")
        expect(offers.get_by_role("option").first).to_contain_text("=")
        tab.keyboard.press("ArrowDown")
        tab.keyboard.press("Tab")
        expect(offers.get_by_role("option", name="it's")).to_be_visible()
        offers.get_by_role("option", name="it's").click()
        expect(box).to_have_value("params.model = 'it''s' ")
        expect(offers.get_by_role("option", name="AND")).to_be_visible()
        tab.keyboard.press("Escape")
        expect(offers).to_be_hidden()
        tab.keyboard.press("Enter")
        expect(tab.locator(".pager")).to_contain_text("4 of 12 runs")

    def test_escape_closes_the_offers_then_leaves_the_field_and_keeps_the_filter(self, tab: Page, number: str) -> None:
        tab.goto(f"/experiments/{number}?filter=metrics.acc > 0.85")
        select(tab, "run 10")
        box, offers = tab.locator("#filter"), tab.locator("#filter-suggestions")
        box.click()
        tab.keyboard.press("End")
        tab.keyboard.type(" AND mod")
        expect(offers.get_by_role("option").first).to_be_visible()
        tab.keyboard.press("Escape")
        expect(offers).to_be_hidden()
        expect(box).to_be_focused()
        tab.keyboard.press("Escape")
        expect(box).not_to_be_focused()
        expect(box).to_have_value("metrics.acc > 0.85 AND mod")
        expect(row(tab, "run 10").get_by_role("checkbox")).to_be_checked()
        becomes(lambda: asked(tab, "filter"), ["metrics.acc > 0.85"])
        tab.keyboard.press("v")
        tab.get_by_label("Save what is shown as").fill("after Escape")
        tab.keyboard.press("Enter")
        expect(tab.locator(".toast")).to_contain_text("after Escape")
        expect(tab.locator(".pager")).to_contain_text("3 of 12")
        becomes(lambda: asked(tab, "filter"), ["metrics.acc > 0.85"])

    def test_what_cannot_be_read_is_marked_and_the_table_stays(self, tab: Page, number: str) -> None:
        tab.goto(f"/experiments/{number}")
        box = tab.locator("#filter")
        box.fill("metrics.acc > 0 AND metrcs.acc > 1")
        tab.keyboard.press("Enter")
        expect(tab.locator("#filter-problem mark")).to_have_text("metrcs")
        expect(box).to_have_value("metrics.acc > 0 AND metrcs.acc > 1")
        assert box.get_attribute("aria-invalid") == "true"
        assert box.evaluate("box => box.selectionStart") == 20
        expect(tab.locator("#runs tbody th a")).to_have_count(12)
        box.fill("metrics.acc > 0.85")
        tab.keyboard.press("Enter")
        expect(tab.locator(".pager")).to_contain_text("3 of 12")
        expect(tab.locator("#filter-problem")).to_have_count(0)
        assert box.get_attribute("aria-invalid") is None

    def test_chips_and_text_stay_in_step(self, tab: Page, number: str) -> None:
        tab.goto(f"/experiments/{number}?filter=metrics.acc BETWEEN 0.2 AND 0.9 AND params.model = 'a AND b'")
        chips = tab.locator(".chip.condition")
        expect(chips).to_have_text(["metrics.acc BETWEEN 0.2 AND 0.9", "params.model = 'a AND b'"])
        chips.nth(1).get_by_role("button").click()
        expect(tab.locator(".pager")).to_contain_text("8 of 12")
        expect(tab.locator("#filter")).to_have_value("metrics.acc BETWEEN 0.2 AND 0.9")
        tab.locator("#filter").fill("status = 'FAILED' OR metrics.acc > 1")
        expect(chips).to_have_count(1)

    def test_a_cell_filters_excludes_and_copies(self, tab: Page, number: str) -> None:
        tab.goto(f"/experiments/{number}?columns=params.model&columns=metrics.acc&columns=tags.none")
        cell = row(tab, "run 02").locator("td").first
        cell.click()
        tab.get_by_role("menuitem", name="Exclude this").click()
        expect(tab.locator(".pager")).to_contain_text("8 of 12")
        expect(tab.locator("#filter")).to_have_value("params.`model` != 'it''s'")
        row(tab, "run 04").locator("td").nth(1).click()
        tab.get_by_role("menuitem", name="At least this").click()
        expect(tab.locator(".pager")).to_contain_text("5 of 12")
        row(tab, "run 04").locator("td").first.click()
        tab.get_by_role("menuitem", name="Copy").click()
        expect(tab.locator(".toast")).to_contain_text("Copied")
        becomes(lambda: tab.evaluate("navigator.clipboard.readText()"), "net")
        row(tab, "run 04").locator("td").nth(2).click()
        tab.get_by_role("menuitem", name="Filter by this").click()
        expect(tab.locator("#filter")).to_have_value(re.compile("tags.`none` IS NULL$"))


class TestSort:
    def test_by_one_column_and_by_several(self, tab: Page, number: str) -> None:
        tab.goto(f"/experiments/{number}?columns=params.model&columns=metrics.loss")
        head = tab.locator('th[data-column="params.model"]')
        head.get_by_role("link").click()
        expect(head).to_have_attribute("aria-sort", "ascending")
        becomes(lambda: names(tab)[:2], ["run 11", "run 08"])  # it's, the newest first
        tab.locator('th[data-column="metrics.loss"] a').click(modifiers=["Shift"])
        expect(tab.locator('th[data-column="metrics.loss"] .way')).to_have_text("↑2")
        expect(head.locator(".way")).to_have_text("↑1")
        becomes(lambda: asked(tab, "order"), ["params.`model` ASC", "metrics.`loss` ASC"])
        tab.locator('th[data-column="metrics.loss"] a').click(modifiers=["Shift"])
        expect(tab.locator('th[data-column="metrics.loss"] .way')).to_have_text("↓2")
        expect(tab.locator("#runs tbody th a").first).to_have_text("run 02")

    def test_by_the_best_value(self, tab: Page, number: str) -> None:
        tab.goto(f"/experiments/{number}?columns=metrics.loss")
        column_menu(tab, "metrics.loss", "Best value")
        best = tab.locator('th[data-column="best:metrics.loss"]')
        expect(best).to_contain_text("best")
        expect(row(tab, "run 03").locator("td").first).to_have_text("0.2")
        best.get_by_role("link").click()
        expect(best).to_have_attribute("aria-sort", "ascending")
        expect(tab.locator("#runs tbody th a").first).to_have_text("run 11")
