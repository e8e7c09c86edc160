"""Saved views and short links, as somebody uses them."""

from __future__ import annotations

from playwright.sync_api import Browser, Page, expect

from tests.browser.axe import serious
from tests.conftest import RunningServer


class TestViews:
    def test_a_view_is_saved_applied_and_deleted(self, tab: Page, experiment_id: str) -> None:
        tab.goto(f"/experiments/{experiment_id}?filter=metrics.acc+%3E+0.9")
        tab.keyboard.press("v")
        expect(tab.get_by_label("Save what is shown as")).to_be_focused()
        tab.keyboard.type("High <b>acc</b>")
        assert serious(tab) == []
        tab.keyboard.press("Enter")
        expect(tab.locator(".toast")).to_contain_text("High <b>acc</b>")
        tab.goto(f"/experiments/{experiment_id}")
        expect(tab.locator("#runs tbody tr")).to_have_count(100)
        tab.keyboard.press("v")
        tab.get_by_role("link", name="High <b>acc</b>").click()
        expect(tab.locator("#runs tbody tr")).to_have_count(11)
        tab.wait_for_load_state()
        tab.keyboard.press("v")
        tab.get_by_role("link", name="Rename, replace, delete").click()
        tab.get_by_label("Rename or delete").click()
        assert serious(tab) == []
        tab.get_by_role("button", name="Delete view").click()
        expect(tab.get_by_text("Views that you save here")).to_be_visible()
        tab.keyboard.press("z")
        expect(tab.locator(".toast")).to_contain_text("saved")

    def test_a_short_link_opens_the_same_in_another_browser(
        self, tab: Page, browser: Browser, sqlite_server: RunningServer, experiment_id: str
    ) -> None:
        tab.goto(f"/experiments/{experiment_id}?view=active")
        tab.get_by_label("Filter runs").fill("metrics.acc > 0.9")
        tab.keyboard.press("Enter")
        tab.wait_for_url("**filter=metrics.acc*")
        tab.get_by_label("Share what is shown").click()
        tab.get_by_role("button", name="Make a short link").click()
        address = tab.get_by_label("Short link", exact=True).input_value()
        context = browser.new_context(base_url=sqlite_server.url)
        other = context.new_page()
        other.goto(address)
        expect(other.locator("#runs tbody tr")).to_have_count(11)
        context.close()
