"""What people change in the table of runs, with the way back."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from mlflow import MlflowClient
from playwright.sync_api import Browser, Page, expect

from tests.browser.axe import serious
from tests.browser.conftest import Watch
from tests.browser.runs_table import expect_names, row, select
from tests.browser.waiting import becomes
from tests.conftest import RunningServer

# Of `own`, newest first.
ALL = [f"run {i:02}" for i in reversed(range(6))]


class TestChanges:
    def test_delete_restore_and_undo(self, tab: Page, own: str) -> None:
        tab.goto(f"/experiments/{own}")
        select(tab, "run 01", "run 02")
        tab.get_by_role("button", name="Delete", exact=True).click()
        expect(tab.locator(".toast")).to_contain_text("2 runs moved to the trash")
        expect(row(tab, "run 01")).to_have_count(0)
        tab.get_by_role("button", name="Undo").click()
        expect(row(tab, "run 01")).to_have_count(1)
        select(tab, "run 03")
        tab.keyboard.press("Delete")
        expect(row(tab, "run 03")).to_have_count(0)
        tab.goto(f"/experiments/{own}?view=deleted")
        select(tab, "run 03")
        tab.get_by_role("button", name="Restore", exact=True).click()
        expect(tab.locator(".toast")).to_contain_text("1 run restored")

    def test_tag_many_and_undo(self, tab: Page, watch: Watch, own: str, client: MlflowClient) -> None:
        tab.goto(f"/experiments/{own}?columns=tags.stage")
        expect(tab.locator("[data-select-all]")).to_be_visible()
        tab.keyboard.press("m")
        expect(tab.locator(".toast")).to_contain_text("Select runs first")
        select(tab, "run 00", "run 01")
        watch.expect("400")
        tab.keyboard.press("t")
        field = tab.get_by_label("Tag", exact=True)
        field.fill("../no name")
        tab.keyboard.press("Enter")
        expect(tab.locator(".toast[role=alert]")).to_contain_text("Nothing was changed")
        expect(field).to_have_value("../no name")
        field.fill(" ")
        tab.keyboard.press("Enter")
        assert field.evaluate("e => e.validationMessage") == "Give the tag a name."
        field.fill("stage")
        tab.get_by_label("Value").fill("prod <b>")
        tab.keyboard.press("Enter")
        expect(row(tab, "run 00").locator("td").first).to_have_text("prod <b>")
        expect(field).to_be_hidden()
        expect(tab.locator("[data-bulk-tag]").locator("..").locator("summary")).to_be_focused()
        becomes(lambda: len(client.search_runs([own], "tags.stage = 'prod <b>'")), 2)
        expect(tab.locator("[data-bulk-count]")).to_have_text("2")  # they stay selected
        tab.get_by_role("button", name="Undo").click()
        expect(row(tab, "run 00").locator("td").first).to_have_text("dev")

    def test_all_that_match_are_changed_at_once_and_back(
        self, tab: Page, many: str, client: MlflowClient, sqlite_server: RunningServer
    ) -> None:
        def tagged() -> int:
            return len(client.search_runs([many], "tags.stage = 'old'", max_results=1000))

        tab.goto(f"/experiments/{many}?filter=run_name LIKE 'run 02%25' OR run_name LIKE 'run 03%25'&columns=tags.stage")
        expect(tab.locator("#runs tbody tr")).to_have_count(100)
        tab.get_by_label("Select all shown runs").check()
        count = tab.locator("[data-bulk-count]")
        expect(count).to_have_text("100")
        tab.get_by_role("button", name="Select all 200 matching").click()
        expect(count).to_have_text("200")
        expect(tab.get_by_role("link", name="Compare", exact=True)).to_be_hidden()
        tab.get_by_role("link", name="run 0310", exact=True).scroll_into_view_if_needed()
        expect(row(tab, "run 0295").get_by_role("checkbox")).to_be_checked()
        tab.keyboard.press("t")
        tab.get_by_label("Tag", exact=True).fill("stage")
        tab.get_by_label("Value").fill("old")
        tab.keyboard.press("Enter")
        expect(tab.locator(".toast")).to_contain_text("set on 200 runs")
        expect(row(tab, "run 0310").locator("td").first).to_have_text("old")
        expect(tab.locator("[data-bulk]")).to_be_hidden()
        assert tagged() == 200
        tab.get_by_role("button", name="Undo").click()
        expect(tab.locator(".toast")).to_contain_text("Taken back", timeout=20_000)  # of 200 runs, on a machine that does more
        assert tagged() == 0

    def test_all_that_match_are_let_go_by_one_and_by_another_filter(self, tab: Page, many: str) -> None:
        tab.goto(f"/experiments/{many}?filter=run_name LIKE 'run 02%25' OR run_name LIKE 'run 03%25'")
        expect(tab.locator("#runs tbody tr")).to_have_count(100)
        tab.get_by_label("Select all shown runs").check()
        tab.get_by_role("button", name="Select all 200 matching").click()
        row(tab, "run 0399").get_by_role("checkbox").uncheck()
        expect(tab.locator("[data-bulk-count]")).to_have_text("99")
        tab.goto(f"/experiments/{many}")
        tab.get_by_label("Select all shown runs").check()
        expect(tab.locator("[data-bulk-bound]")).to_have_text(re.compile("More than 1.000 match"))
        expect(tab.locator("[data-bulk-matching]")).to_be_hidden()
        assert serious(tab) == []

    def test_how_many_match_comes_behind_the_rows(self, tab: Page, many: str) -> None:
        said = tab.locator("#runs .pager > span").first
        tab.goto(f"/experiments/{many}?filter=run_name LIKE 'run%25'")
        expect(said).to_have_text(re.compile(r"^1.150 of 1.150 runs"))
        tab.locator("#filter").fill("run_name LIKE 'run 00%'")
        tab.keyboard.press("Enter")
        expect(said).to_have_text(re.compile(r"^100 of 1.150 runs"))

    def test_move_to_another_experiment_and_back(self, tab: Page, own: str, client: MlflowClient) -> None:
        to = client.create_experiment(f"target {own}")
        run = client.search_runs([own], "run_name = 'run 04'")[0]
        client.log_text(run.info.run_id, "kept", "note.txt")
        tab.goto(f"/experiments/{own}")
        select(tab, "run 04")
        tab.keyboard.press("m")
        tab.get_by_label("Move to the experiment").fill("target")
        tab.get_by_role("button", name=f"target {own}").click()
        expect(tab.locator(".toast")).to_contain_text(f"1 run moved to target {own}")
        expect(row(tab, "run 04")).to_have_count(0)
        moved = client.get_run(run.info.run_id)
        assert moved.info.experiment_id == to
        assert moved.info.artifact_uri == run.info.artifact_uri
        assert [found.path for found in client.list_artifacts(run.info.run_id)] == ["note.txt"]
        tab.get_by_role("button", name="Undo").click()
        expect(row(tab, "run 04")).to_have_count(1)
        tab.goto(f"/#/experiments/{own}/runs/{run.info.run_id}")
        tab.wait_for_url(f"**/runs/{run.info.run_id}")

    def test_nested_runs_move_along_unless_one_says_no(self, tab: Page, own: str, client: MlflowClient) -> None:
        to = client.create_experiment(f"target {own}")
        parent = client.search_runs([own], "run_name = 'run 04'")[0].info.run_id
        child = client.create_run(own, run_name="child", tags={"mlflow.parentRunId": parent}).info.run_id
        tab.goto(f"/experiments/{own}?nested=1")
        for moved, said in (([parent, child], "2 runs moved"), ([parent], "1 run moved")):
            select(tab, "run 04")
            tab.keyboard.press("m")
            tab.get_by_label("Nested runs move along").set_checked(child in moved)
            tab.get_by_label("Move to the experiment").fill(f"target {own}")
            tab.get_by_role("button", name=f"target {own}", exact=True).click()
            expect(tab.locator(".toast")).to_contain_text(said)
            expect(row(tab, "run 04")).to_have_count(0)
            assert {run.info.run_id for run in client.search_runs([to])} == set(moved)
            tab.get_by_role("button", name="Undo").click()
            expect(row(tab, "run 04")).to_have_count(1)
            assert client.search_runs([to]) == []

    def test_names_tags_and_notes_are_edited_where_they_stand(self, tab: Page, own: str, client: MlflowClient) -> None:
        tab.goto(f"/experiments/{own}?columns=tags.mlflow.note.content&columns=tags.stage")
        cells = row(tab, "run 05").locator("td")
        cells.first.dblclick()
        tab.keyboard.type("worth a look")
        tab.keyboard.press("Enter")
        expect(cells.first).to_have_text("worth a look")
        expect(tab.locator(".toast")).to_contain_text("Note set on 1 run.")
        expect(cells.first).to_be_focused()  # the keys of the table go on from here
        tab.keyboard.press("ArrowRight")
        tab.keyboard.press("Enter")
        tab.keyboard.press("Escape")
        expect(cells.nth(1)).to_be_focused()
        cells.nth(1).dblclick()
        tab.keyboard.press("Escape")
        expect(cells.nth(1)).to_be_focused()
        row(tab, "run 05").locator("th").click(position={"x": 280, "y": 10})
        tab.get_by_role("menuitem", name="Rename").click()
        tab.keyboard.press("Delete")
        tab.keyboard.press("Enter")
        expect(tab.locator(".toast")).to_contain_text("A run needs a name")
        row(tab, "run 05").locator("th").click(position={"x": 280, "y": 10})
        tab.get_by_role("menuitem", name="Rename").click()
        tab.keyboard.type("best of all")
        tab.keyboard.press("Enter")
        expect(row(tab, "best of all")).to_have_count(1)
        run = client.search_runs([own], "run_name = 'best of all'")[0]
        assert run.data.tags["mlflow.note.content"] == "worth a look"
        tab.get_by_role("button", name="Undo").click()
        expect(row(tab, "run 05")).to_have_count(1)

    def test_a_colour_is_chosen_and_stays(self, tab: Page, own: str) -> None:
        tab.goto(f"/experiments/{own}")
        row(tab, "run 05").locator("th").click(position={"x": 280, "y": 10})
        tab.get_by_role("menuitemradio", name="Colour 4").click()
        expect(row(tab, "run 05")).to_have_attribute("data-look", "4")
        tab.reload()
        expect(row(tab, "run 05").locator(".swatch")).to_have_class("swatch run-4")

    def test_what_is_refused_is_said_and_nothing_is_lost(self, tab: Page, watch: Watch, own: str, client: MlflowClient) -> None:
        tab.goto(f"/experiments/{own}?columns=tags.stage")
        watch.expect("400")
        row(tab, "run 05").locator("td").first.dblclick()
        tab.keyboard.type("new")
        client.delete_run(client.search_runs([own], "run_name = 'run 05'")[0].info.run_id)  # or the row goes, live
        tab.keyboard.press("Enter")
        expect(tab.locator(".toast[role=alert]")).to_contain_text("Nothing was changed")
        expect(tab.locator(".editing input")).to_have_value("new")


class TestWithoutScripts:
    @pytest.fixture
    def plain(self, browser: Browser, sqlite_server: RunningServer) -> Iterator[Page]:
        context = browser.new_context(java_script_enabled=False, base_url=sqlite_server.url)
        yield context.new_page()
        context.close()

    def test_what_is_ticked_is_deleted_and_restored(self, plain: Page, own: str) -> None:
        plain.goto(f"/experiments/{own}")
        select(plain, "run 01", "run 03")
        plain.get_by_role("button", name="Delete", exact=True).click()
        expect_names(plain, ["run 05", "run 04", "run 02", "run 00"])
        plain.get_by_role("button", name="Undo").click()
        expect_names(plain, ALL)
        select(plain, "run 01")
        plain.get_by_role("button", name="Delete", exact=True).click()
        plain.get_by_role("link", name="Trash").click()
        select(plain, "run 01")
        plain.get_by_role("button", name="Restore").click()
        plain.get_by_role("link", name="Active").click()
        expect_names(plain, ALL)

    def test_it_is_tagged_and_moved(self, plain: Page, own: str, client: MlflowClient) -> None:
        target = client.create_experiment(f"target of {own}")
        plain.goto(f"/experiments/{own}?order=run_name+ASC")
        select(plain, "run 00", "run 01")
        plain.locator("summary", has_text="Tag").click()
        plain.get_by_label("Tag", exact=True).fill("stage")
        plain.get_by_label("Value", exact=True).fill("prod")
        plain.get_by_role("button", name="Set", exact=True).click()
        becomes(lambda: {run.info.run_name for run in client.search_runs([own], "tags.stage = 'prod'")}, {"run 00", "run 01"})
        expect_names(plain, sorted(ALL))
        select(plain, "run 05")
        plain.locator("summary", has_text="Move").click()
        plain.get_by_label("Move to the experiment").fill(f"target of {own}")
        plain.get_by_role("button", name="Move", exact=True).click()
        becomes(lambda: [run.info.run_name for run in client.search_runs([target])], ["run 05"])

    def test_it_is_compared(self, plain: Page, own: str) -> None:
        plain.goto(f"/experiments/{own}")
        select(plain, "run 00", "run 01")
        plain.get_by_role("button", name="Compare").click()
        plain.wait_for_url("**/compare?*")
        expect(plain.locator("main")).to_contain_text("run 00")

    def test_enter_in_a_cell_that_is_edited_sends_no_form(self, tab: Page, own: str) -> None:
        tab.goto(f"/experiments/{own}")
        select(tab, "run 01")
        row(tab, "run 02").locator("th").dblclick(position={"x": 200, "y": 10})
        tab.locator("#runs input.edit").fill("renamed")
        tab.keyboard.press("Enter")
        expect(row(tab, "renamed")).to_be_visible()
        expect(tab.locator("#runs tbody th a")).to_have_count(6)
        expect(tab).not_to_have_url(re.compile(re.escape("/compare")))
