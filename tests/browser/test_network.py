"""On a network that is slow, that fails or that is gone: what was begun is seen, what failed says so and how to go on, nothing typed is lost."""

from __future__ import annotations

import pytest
from mlflow import MlflowClient
from playwright.sync_api import Locator, Page, expect

from tests.browser.axe import found_now
from tests.browser.runs_table import make, row, select
from tests.browser.slow import Network, offline
from tests.browser.test_live import COUNTING
from tests.browser.waiting import becomes
from tests.conftest import RunningServer

# What the page was told: {newest}, and then {fresh}.
HEARING = """() => new EventSource(document.getElementById('runs').dataset.live).onmessage = (event) => {
    window.heard = event.data.includes('"fresh":["') ? 'fresh' : window.heard ?? 'newest';
}"""

HIDE = """(hidden) => {
    Object.defineProperty(document, 'hidden', { value: hidden, configurable: true });
    document.dispatchEvent(new Event('visibilitychange'));
}"""


def again(tab: Page | Locator) -> Locator:
    return tab.get_by_role("button", name="Try again")


class TestReads:
    def test_the_table_says_what_failed_and_comes_when_asked_again(self, tab: Page, number: str) -> None:
        tab.goto(f"/experiments/{number}")
        net = Network(tab, f"/experiments/{number}?*order*")
        said = tab.locator("#runs .problem.failed")
        net.answer(503, Retry_After="7")
        tab.get_by_role("link", name="acc").click()
        expect(said).to_contain_text(
            "could not be refreshed, and what you see is from before: the server is busy. Try again in 7 s"
        )
        net.answer(500, X_Request_Id="abc123")
        again(tab).click()
        expect(said).to_contain_text("the server answered 500 (request id abc123)")
        net.answer(401)
        again(tab).click()
        expect(said).to_contain_text("you are signed out")
        net.hold()
        again(tab).click()
        expect(tab.locator("#progress")).to_be_visible()
        expect(tab.locator("#runs")).to_have_attribute("aria-busy", "true")
        expect(said).to_have_count(0)
        assert not [found for found in found_now(tab) if "color-contrast" not in found]
        net.heal()
        expect(tab.locator("th[aria-sort]")).to_contain_text("acc")
        expect(tab.locator("#progress")).to_be_hidden()
        tab.wait_for_function("() => location.search.includes('order')")

    def test_panels_and_lists_show_that_they_wait_and_what_failed(self, tab: Page, own: str, client: MlflowClient) -> None:
        tab.goto(f"/experiments/{own}")
        names = Network(tab, "/runs/names?")
        names.hold()
        tab.get_by_text("Columns", exact=True).click()
        found = tab.locator("[data-picker-found]")
        expect(found.locator(".skeleton").first).to_be_visible()
        expect(found).to_have_attribute("aria-busy", "true")
        expect(tab.locator("[data-picker-chosen]")).to_contain_text("Started")
        names.cut()
        tab.locator("[data-picker-find]").fill("end")
        expect(found).to_contain_text("The names could not be loaded: the server cannot be reached.")
        names.heal()
        again(tab).click()
        expect(found.get_by_role("button", name="Ended")).to_be_visible()
        tab.keyboard.press("Escape")

        # What a field offers: the list says that it looks, and then why there is nothing.
        field = tab.get_by_role("combobox", name="Filter runs")
        names.hold()
        field.fill("acc")
        expect(tab.locator(".suggestions .note:visible")).to_contain_text("Looking")
        names.cut()
        field.press_sequentially("u")
        expect(tab.locator(".suggestions .note:visible")).to_contain_text("could not be loaded: the server cannot be reached.")
        names.heal()
        field.fill("")
        field.press("Escape")

        # Where selected runs go.
        moves = Network(tab, "/runs/experiments?")
        moves.answer(413)
        select(tab, "run 01")
        tab.locator(".bulk summary", has_text="Move").click()
        expect(tab.locator(".bulk .found")).to_contain_text("could not be loaded")
        moves.heal()
        again(tab).click()
        expect(tab.locator(".bulk .found button").first).to_be_visible()

    def test_charts_whose_metrics_could_not_be_read_come_when_asked_again(self, tab: Page, own: str) -> None:
        names = Network(tab, "/charts/names")
        names.hold()
        tab.goto(f"/experiments/{own}?layout=both")
        pane = tab.locator("#charts-pane")
        expect(pane.locator(".chart-room.waiting > i").first).to_be_visible()
        names.answer(503, Retry_After="3")
        tab.goto(f"/experiments/{own}?layout=both")
        expect(pane).to_contain_text("The metrics could not be read: the server is busy. Try again in 3 s.")
        names.heal()
        again(pane).click()
        expect(pane.locator("figure[data-key=acc]")).to_be_visible()
        expect(pane).not_to_contain_text("could not be read")
        expect(pane.locator(".chart-room")).to_have_count(0)

        # One chart of many: the others are none of its business.
        chart, points = pane.locator("figure[data-key=acc]"), Network(tab, "/charts/panel")
        points.answer(500, X_Request_Id="abc123")
        tab.goto(f"/experiments/{own}?layout=both")
        expect(chart).to_contain_text("This chart could not be read: the server answered 500 (request id abc123).")
        points.heal()
        again(chart).click()
        expect(chart.locator(".said .problem")).to_have_count(0)

    def test_rows_below_and_the_palette(self, tab: Page, client: MlflowClient) -> None:
        number = make(client, "opened slowly", 2)
        parent = client.search_runs([number], "run_name = 'run 01'")[0].info.run_id
        client.create_run(number, run_name="below", tags={"mlflow.parentRunId": parent})
        tab.goto(f"/experiments/{number}?nested=1")
        rows = Network(tab, "/runs/rows?*within*")
        rows.hold()
        twig = row(tab, "run 01").locator("button.twig")
        twig.click()
        expect(tab.locator("#runs tr.waiting .skeleton")).to_be_visible()
        expect(tab.locator("#progress")).to_be_visible()
        rows.heal()
        expect(row(tab, "below")).to_be_visible()
        twig.click()
        rows.answer(500)
        twig.click()
        expect(tab.locator("#runs tr.failed")).to_contain_text("These runs could not be loaded: the server answered 500.")
        rows.heal()
        again(tab).click()
        expect(row(tab, "below")).to_be_visible()
        expect(tab.locator("#runs tr.failed")).to_have_count(0)

        palette = Network(tab, "/search?q")
        palette.hold()
        tab.keyboard.press("Control+k")
        expect(tab.locator("#palette-found .skeleton").first).to_be_visible()
        palette.answer(503)
        tab.get_by_role("combobox", name="Find an experiment").fill("slowly")
        expect(tab.locator("#palette [role=status]")).to_contain_text("The server is busy.")
        palette.heal()
        tab.get_by_role("option", name="Try again").click()
        expect(tab.get_by_role("option", name="opened slowly")).to_be_visible()


class TestWrites:
    def test_a_cell_keeps_what_was_typed(self, tab: Page, own: str, client: MlflowClient) -> None:
        tab.goto(f"/experiments/{own}?columns=tags.stage")
        net = Network(tab, "/runs/change")
        toast, box = tab.locator(".toast[role=alert]"), tab.locator(".editing input")
        row(tab, "run 01").locator("td").first.dblclick()
        tab.keyboard.type("kept")
        net.answer(503, Retry_After="3")
        tab.keyboard.press("Enter")
        expect(toast).to_contain_text("Nothing was changed: the server is busy. Try again in 3 s.")
        expect(box).to_have_value("kept")
        net.heal()
        with offline(tab):
            box.press("Enter")
            expect(toast).to_contain_text("Nothing was changed: this computer is offline.")
        net.hold()
        box.press("Enter")
        expect(tab.locator("#progress")).to_be_visible()
        expect(tab.get_by_role("button", name="Cancel")).to_be_hidden()
        net.heal()
        expect(row(tab, "run 01").locator("td").first).to_have_text("kept")
        run_id = row(tab, "run 01").get_attribute("data-run")
        becomes(lambda: client.get_run(str(run_id)).data.tags["stage"], "kept")

    @pytest.mark.parametrize("status", [413, 500])
    def test_a_form_that_is_not_taken_stays_with_what_was_typed(
        self, tab: Page, own: str, client: MlflowClient, status: int
    ) -> None:
        run_id = client.search_runs([own], "run_name = 'run 01'")[0].info.run_id
        tab.goto(f"/runs/{run_id}/edit")
        net = Network(tab, f"/runs/{run_id}/edit")
        toast = tab.locator(".toast[role=alert]")
        tab.get_by_label("Note").fill("a long\nthought")
        net.answer(status)
        tab.get_by_role("button", name="Save").click()
        why = {413: "it is larger than the server takes", 500: "the server answered 500"}[status]
        expect(toast).to_contain_text(f"Nothing was changed, and what you typed is still here: {why}.")
        net.heal()
        with offline(tab):
            tab.get_by_role("button", name="Save").click()
            expect(toast).to_contain_text("this computer is offline")
        expect(tab.get_by_label("Note")).to_have_value("a long\nthought")
        net.hold()
        again(tab).click()
        expect(tab.locator("form[aria-busy=true]")).to_have_count(1)
        expect(tab.locator("#progress")).to_be_visible()
        net.heal()
        expect(tab.locator(".toast")).to_contain_text("changed")
        expect(tab.locator("#note")).to_contain_text("thought")
        becomes(lambda: client.get_run(run_id).data.tags["mlflow.note.content"], "a long\nthought")

    def test_a_form_that_is_refused_says_why_beside_the_field(self, tab: Page, sqlite_server: RunningServer) -> None:
        Network(tab, "nothing")
        sqlite_server.ok("registered-models/create", {"name": "taken name"})
        sqlite_server.ok("registered-models/create", {"name": "to be renamed"})
        tab.goto("/models/to%20be%20renamed/edit")
        tab.get_by_label("Name").fill("taken name")
        tab.get_by_label("Description").fill("and why")
        tab.get_by_role("button", name="Save").click()
        expect(tab.locator("#edit-problem")).to_contain_text("is called")
        expect(tab.get_by_label("Description")).to_have_value("and why")

    def test_a_tag_of_a_run_stays_in_its_field(self, tab: Page, own: str, client: MlflowClient) -> None:
        run_id = client.search_runs([own], "run_name = 'run 01'")[0].info.run_id
        tab.goto(f"/runs/{run_id}")
        net = Network(tab, f"/runs/{run_id}/tags")
        tab.locator("[data-tag=stage] summary").click()
        value = tab.locator("[data-tag=stage] input[name=value]")
        value.fill("typed")
        net.cut()
        value.press("Enter")
        expect(tab.locator(".toast[role=alert]")).to_contain_text(
            "Nothing was changed, and what you typed is still there: the server cannot be reached."
        )
        expect(value).to_have_value("typed")
        net.heal()
        again(tab).click()
        expect(tab.locator("[data-tag=stage] summary")).to_contain_text("typed")


class TestLive:
    def test_a_lost_connection_is_seen_and_what_was_missed_comes(self, tab: Page, client: MlflowClient, own: str) -> None:
        with tab.expect_response("**/runs/live*"):
            tab.goto(f"/experiments/{own}?columns=tags.stage")
        net = Network(tab, "/runs/live")
        mark = tab.locator(".not-live")
        first = client.search_runs([own], "run_name = 'run 02'")[0].info.run_id
        with offline(tab):
            expect(mark).to_contain_text("Offline, not live")
            net.answer(503, Retry_After="9")
            client.create_run(own, run_name="came meanwhile")
            client.set_tag(first, "stage", "changed meanwhile")
        expect(mark).to_contain_text("trying again in")
        tab.evaluate("document.querySelector('.not-live button')?.click()")
        expect(mark).to_be_visible()
        expect(row(tab, "came meanwhile")).to_have_count(0)
        net.heal()
        tab.evaluate("document.querySelector('.not-live button')?.click()")  # unless it came back by itself just now
        expect(row(tab, "came meanwhile")).to_be_visible()
        expect(row(tab, "run 02").locator("td").first).to_have_text("changed meanwhile")
        expect(mark).to_have_count(0)

    def test_it_comes_back_after_the_tab_was_hidden_and_the_computer_slept(
        self, tab: Page, client: MlflowClient, own: str
    ) -> None:
        tab.clock.install()
        tab.add_init_script(COUNTING)
        tab.goto(f"/experiments/{own}")
        tab.wait_for_function("() => window.streams === 1")
        tab.evaluate(HIDE, True)
        client.create_run(own, run_name="while it was hidden")
        tab.evaluate(HIDE, False)
        expect(row(tab, "while it was hidden")).to_be_visible(timeout=15_000)
        tab.clock.fast_forward("00:22")  # as a lid that is closed does: every timer fires once, late
        tab.wait_for_function("() => window.streams === 3")
        client.create_run(own, run_name="after it slept")
        expect(row(tab, "after it slept")).to_be_visible(timeout=15_000)
        tab.clock.run_for(45_000)  # in which the server, that says every 15 s that it is here, says nothing
        tab.wait_for_function("() => window.streams === 4")
        expect(tab.locator(".not-live")).to_have_count(0)

    def test_news_wait_while_a_cell_is_edited(self, tab: Page, client: MlflowClient, own: str) -> None:
        with tab.expect_response("**/runs/live*"):
            tab.goto(f"/experiments/{own}?columns=tags.stage")
        row(tab, "run 01").locator("td").first.dblclick()
        tab.keyboard.type("half a wo")
        tab.evaluate(HEARING)
        tab.wait_for_function("() => window.heard === 'newest'")
        client.set_tag(client.search_runs([own], "run_name = 'run 01'")[0].info.run_id, "stage", "by somebody else")
        client.create_run(own, run_name="came meanwhile")
        tab.wait_for_function("() => window.heard === 'fresh'")
        expect(tab.locator(".editing input")).to_have_value("half a wo")
        expect(row(tab, "came meanwhile")).to_have_count(0)
        tab.keyboard.press("Escape")
        expect(row(tab, "came meanwhile")).to_be_visible(timeout=15_000)
        expect(row(tab, "run 01").locator("td").first).to_have_text("by somebody else")


class TestTwoPeople:
    def test_at_one_cell(self, tab: Page, client: MlflowClient, own: str) -> None:
        Network(tab, "nothing")
        tab.goto(f"/experiments/{own}?columns=tags.stage")
        run_id = str(row(tab, "run 01").get_attribute("data-run"))
        row(tab, "run 01").locator("td").first.dblclick()
        tab.keyboard.type("mine")
        client.set_tag(run_id, "stage", "theirs")
        tab.keyboard.press("Enter")
        expect(tab.locator(".toast[role=alert]")).to_contain_text(
            "It says 'theirs' by now: somebody else changed it while you typed."
        )
        expect(tab.locator(".editing input")).to_have_value("mine")
        assert client.get_run(run_id).data.tags["stage"] == "theirs"
        tab.locator(".editing input").press("Enter")
        expect(row(tab, "run 01").locator("td").first).to_have_text("mine")
        becomes(lambda: client.get_run(run_id).data.tags["stage"], "mine")

    def test_at_a_run_that_is_deleted_and_a_model_that_is_gone(self, tab: Page, client: MlflowClient, own: str) -> None:
        Network(tab, "nothing")
        run_id = client.search_runs([own], "run_name = 'run 01'")[0].info.run_id
        tab.goto(f"/runs/{run_id}")
        client.delete_run(run_id)
        tab.locator(".head").get_by_label("More actions").click()
        tab.get_by_role("button", name="Delete run").click()
        expect(tab.locator(".toast")).to_contain_text("moved to the trash")
        client.create_registered_model("edited by two")
        tab.goto("/models/edited%20by%20two/edit")
        tab.get_by_label("Description").fill("a long thought")
        client.delete_registered_model("edited by two")
        tab.get_by_role("button", name="Save").click()
        expect(tab.locator(".toast[role=alert]")).to_contain_text("Nothing was changed, and what you typed is still here.")
        expect(tab.get_by_label("Description")).to_have_value("a long thought")
