"""The rows of the table of runs: they come as one scrolls, are selected, and change while one looks."""

from __future__ import annotations

import re

from mlflow import MlflowClient
from playwright.sync_api import Page, expect

from tests.browser.conftest import Watch
from tests.browser.runs_table import asked, row, select
from tests.browser.waiting import becomes


class TestRows:
    def test_come_as_one_scrolls_and_none_is_blank(self, tab: Page, many: str) -> None:
        tab.goto(f"/experiments/{many}?columns=attributes.status")
        area = tab.locator("#runs .scroll")
        area.hover()
        seen: set[str] = set()
        for _ in range(150):
            tab.mouse.wheel(0, 500)
            tab.wait_for_timeout(15)
            found = area.evaluate("""area => { const box = area.getBoundingClientRect(); return [.2, .4, .6, .8].map(part =>
                document.elementFromPoint(box.x + 90, box.y + box.height * part)?.closest('tr')?.querySelector('a')?.title ?? 'blank'); }""")
            assert "blank" not in found
            seen.update(found)
        expect(tab.get_by_role("link", name="run 0000", exact=True)).to_be_visible()
        assert tab.locator("tr[data-run]").count() < 1150, "far away rows have given their place"
        assert len(seen) > 200
        area.evaluate("area => area.scrollTo(0, 0)")
        expect(tab.get_by_role("link", name="run 1149", exact=True)).to_be_visible()

    def test_going_back_leads_to_the_same_rows(self, tab: Page, many: str) -> None:
        tab.goto(f"/experiments/{many}?columns=attributes.status")
        for last in ("run 1050", "run 0950", "run 0850"):
            tab.get_by_role("link", name=last, exact=True).scroll_into_view_if_needed()
        link = tab.get_by_role("link", name="run 0870", exact=True)
        link.scroll_into_view_if_needed()
        before = link.bounding_box()
        link.click()
        tab.wait_for_url("**/runs/*")
        tab.go_back()
        expect(link).to_be_in_viewport()
        assert before
        for _ in range(100):
            after = link.bounding_box()
            if after and abs(before["y"] - after["y"]) < 4:
                break
            tab.wait_for_timeout(100)
        assert after
        assert abs(before["y"] - after["y"]) < 4
        expect(tab).not_to_have_url(re.compile(re.escape("after")))
        tab.locator("#runs .scroll").evaluate("area => area.scrollTo(0, 0)")
        expect(tab.get_by_role("link", name="run 0999", exact=True)).to_be_attached()

    def test_a_window_that_cannot_be_loaded_says_so(self, tab: Page, watch: Watch, many: str) -> None:
        watch.expect("ERR_FAILED")
        tab.goto(f"/experiments/{many}?columns=attributes.status")
        expect(tab.get_by_role("link", name="run 1050", exact=True)).to_be_attached()  # the rest of the first hundred
        tab.route("**/runs/rows?*", lambda route: route.abort())
        tab.get_by_role("link", name="run 1050", exact=True).scroll_into_view_if_needed()
        expect(tab.get_by_text("More rows could not be loaded")).to_be_attached()
        tab.unroute("**/runs/rows?*")
        tab.get_by_role("button", name="Try again").click()
        expect(tab.get_by_role("link", name="run 1000", exact=True)).to_be_attached()

    def test_a_count_that_fails_says_so_and_is_tried_again(self, tab: Page, watch: Watch, many: str) -> None:
        watch.expect("ERR_FAILED")
        tab.route("**/runs/matching?*", lambda route: route.abort())
        tab.goto(f"/experiments/{many}?columns=attributes.status&filter=status+%3D+'RUNNING'")
        said = tab.locator("#runs .pager > span")
        expect(said).to_contain_text("1\u202f000+ of")
        expect(said).to_contain_text("not counted further: the server cannot be reached")
        tab.unroute("**/runs/matching?*")
        said.get_by_role("button", name="Try again").click()
        expect(said).to_contain_text("1\u202f150 of")
        expect(said).not_to_contain_text("counted further")

    def test_are_selected_by_click_shift_and_keys(self, tab: Page, number: str) -> None:
        tab.goto(f"/experiments/{number}")
        count = tab.locator("[data-bulk-count]")
        row(tab, "run 10").get_by_role("checkbox").click()
        row(tab, "run 07").get_by_role("checkbox").click(modifiers=["Shift"])
        expect(count).to_have_text("4")
        tab.keyboard.press("j")
        tab.keyboard.press("x")
        expect(count).to_have_text("5")
        tab.keyboard.press("k")
        tab.keyboard.press("k")
        tab.keyboard.press("Space")
        expect(count).to_have_text("4")
        tab.keyboard.press("Escape")
        expect(tab.locator("[data-bulk]")).to_be_hidden()
        tab.get_by_role("checkbox", name="Select all shown runs").check()
        expect(count).to_have_text("12")

    def test_selected_ones_are_compared(self, tab: Page, watch: Watch, number: str) -> None:
        watch.expect("404")
        tab.goto(f"/experiments/{number}")
        select(tab, "run 10", "run 03")
        ids = [row(tab, name).get_attribute("data-run") for name in ("run 10", "run 03")]
        tab.keyboard.press("c")
        tab.wait_for_url("**/compare?*")
        becomes(lambda: asked(tab, "runs"), [",".join(map(str, ids))])

    def test_hidden_and_pinned_ones_stay_so(self, tab: Page, number: str) -> None:
        tab.goto(f"/experiments/{number}")
        tab.evaluate("document.addEventListener('runs-shown', event => { window.told = event.detail.runs; })")
        row(tab, "run 05").get_by_role("button", name="Hide in charts").click()
        becomes(lambda: [run["name"] for run in tab.evaluate("window.told") if run["hidden"]], ["run 05"])
        row(tab, "run 02").locator("th").click(position={"x": 280, "y": 10})
        tab.get_by_role("menuitem", name="Pin to the top").click()
        expect(tab.locator("tbody.tops").get_by_role("link")).to_have_text(["run 02"])
        tab.reload()
        shown = tab.evaluate("JSON.parse(document.getElementById('shown-runs').textContent)")
        assert [run["name"] for run in shown if run["pinned"]] == ["run 02"] == [shown[0]["name"]]
        assert [run["name"] for run in shown if run["hidden"]] == ["run 05"]
        tab.get_by_role("button", name="Unpin").click()
        expect(tab.locator("tbody.tops")).to_have_count(0)

    def test_all_between_are_selected_where_rows_have_given_their_place(self, tab: Page, many: str) -> None:
        tab.goto(f"/experiments/{many}?columns=attributes.status")
        row(tab, "run 1140").get_by_role("checkbox").check()
        for last in ("run 1050", "run 0950", "run 0850", "run 0750", "run 0650"):
            tab.get_by_role("link", name=last, exact=True).scroll_into_view_if_needed()
        expect(row(tab, "run 1140")).to_have_count(0)  # its window is empty now
        tab.keyboard.down("Shift")
        row(tab, "run 0660").get_by_role("checkbox").click()
        tab.keyboard.up("Shift")
        expect(tab.locator("[data-bulk-count]")).to_have_text("481")
        tab.locator("#runs .scroll").evaluate("area => area.scrollTo(0, 0)")
        expect(row(tab, "run 1140").get_by_role("checkbox")).to_be_checked()
        expect(row(tab, "run 1139").get_by_role("checkbox")).to_be_checked()
        expect(row(tab, "run 1141").get_by_role("checkbox")).not_to_be_checked()


class TestLive:
    def test_new_runs_and_values_appear_and_what_was_chosen_stays(self, tab: Page, own: str, client: MlflowClient) -> None:
        with tab.expect_response("**/runs/live*"):
            tab.goto(f"/experiments/{own}?columns=attributes.status&columns=metrics.acc")
        select(tab, "run 03")
        tab.wait_for_timeout(1500)
        made = client.create_run(own, run_name="just begun").info.run_id
        fresh = row(tab, "just begun")
        expect(fresh).to_be_visible()
        expect(tab.locator("#runs tbody th a").first).to_have_text("just begun")
        expect(tab.locator(".pager")).to_contain_text("7 runs")
        client.log_metric(made, "acc", 0.125)
        expect(fresh.locator("td").nth(1)).to_have_text("0.125")
        client.set_terminated(made)
        expect(fresh.locator("td").first).to_have_text("Finished")
        expect(tab.locator("[data-bulk-count]")).to_have_text("1")
        expect(row(tab, "run 03").get_by_role("checkbox")).to_be_checked()

    def test_where_only_the_server_knows_their_place_they_are_offered(self, tab: Page, own: str, client: MlflowClient) -> None:
        with tab.expect_response("**/runs/live*"):
            tab.goto(f"/experiments/{own}?order=run_name ASC")
        tab.wait_for_timeout(1500)
        client.create_run(own, run_name="run 02b")
        tab.get_by_role("button", name="Show 1 new run").click()
        expect(tab.locator("#runs tbody th a")).to_have_text(
            ["run 00", "run 01", "run 02", "run 02b", "run 03", "run 04", "run 05"]
        )
        expect(tab.get_by_role("button", name="Show 1 new run")).to_have_count(0)

    def test_old_runs_too_in_rows_that_are_shown_and_in_those_that_come_back(
        self, tab: Page, many: str, client: MlflowClient
    ) -> None:
        found = client.search_runs([many], "run_name IN ('run 0700', 'run 1148')", max_results=2)
        ids = {run.info.run_name: run.info.run_id for run in found}
        tab.goto(f"/experiments/{many}?columns=attributes.status")
        for last in ("run 1050", "run 0950", "run 0850", "run 0750", "run 0690"):
            tab.get_by_role("link", name=last, exact=True).scroll_into_view_if_needed()
        expect(row(tab, "run 1148")).to_have_count(0)
        expect(row(tab, "run 0700")).to_be_attached()
        tab.wait_for_timeout(1500)  # until the page has looked once
        for run_id in ids.values():
            client.set_terminated(run_id)
        expect(row(tab, "run 0700")).to_contain_text("Finished")
        expect(tab.get_by_role("link", name="run 0690", exact=True)).to_be_in_viewport()
        tab.locator("#runs .scroll").evaluate("area => area.scrollTo(0, 0)")
        expect(row(tab, "run 1148")).to_contain_text("Finished")
