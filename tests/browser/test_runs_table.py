"""What people do with the table of runs, with runs that the real client logged."""

from __future__ import annotations

import re
import urllib.parse

import pytest
from mlflow import MlflowClient
from mlflow.entities import Metric, Param, RunTag
from playwright.sync_api import Browser, Locator, Page, expect

from tests.browser.axe import serious
from tests.browser.conftest import Watch
from tests.conftest import RunningServer

HOSTILE = ["<script>alert(1)</script>", '"><img src=x onerror=alert(1)>', "'><svg onload=alert(1)>", "{{7*7}}' OR '1'='1", "`; DROP"]  # fmt: skip


@pytest.fixture(scope="module")
def client(sqlite_server: RunningServer) -> MlflowClient:
    return MlflowClient(sqlite_server.url)


def make(client: MlflowClient, name: str, count: int = 12) -> str:
    """`count` runs: `run 00` is the oldest; `loss` falls and then rises by a half, `acc` rises with the number of the run."""
    number: str = client.create_experiment(name)
    for i in range(count):
        run = client.create_run(number, start_time=1700000000000 + i * 1000, run_name=f"run {i:02}")
        metrics = [Metric("loss", value, 1, step) for step, value in enumerate((1.0, 1 / (i + 2), 1 / (i + 2) + 0.5))]
        params = [Param("model", ("tree", "net", "it's")[i % 3]), Param("seed", str(i))]
        client.log_batch(run.info.run_id, [*metrics, Metric("acc", i / 10, 1, 0)], params, [RunTag("stage", "dev")])
        client.set_terminated(run.info.run_id, end_time=1700000060000 + i * 1000)
    return number


@pytest.fixture(scope="module")
def number(client: MlflowClient) -> str:
    """For what changes no run."""
    return make(client, "table of runs")


@pytest.fixture(scope="module")
def many(sqlite_server: RunningServer) -> str:
    number = sqlite_server.experiment("many runs")
    for i in range(1150):
        sqlite_server.run(number, run_name=f"run {i:04}", start_time=1700000000000 + i)
    return number


@pytest.fixture
def own(client: MlflowClient, request: pytest.FixtureRequest) -> str:
    """An experiment of the test's own."""
    return make(client, request.node.name, 6)


def names(tab: Page) -> list[str]:
    return tab.locator("#runs tbody th a").all_inner_texts()


def heads(tab: Page) -> list[str]:
    found: list[str] = tab.locator("#runs thead th[data-column]").evaluate_all("all => all.map(th => th.dataset.column)")
    return found


def asked(tab: Page, name: str) -> list[str]:
    return urllib.parse.parse_qs(urllib.parse.urlparse(tab.url).query).get(name, [])


def row(tab: Page, name: str) -> Locator:
    return tab.locator("#runs tr[data-run]", has=tab.get_by_role("link", name=name, exact=True))


def select(tab: Page, *found: str) -> None:
    for name in found:
        row(tab, name).get_by_role("checkbox").check()


def column_menu(tab: Page, column: str, item: str) -> None:
    tab.locator(f'th[data-column="{column}"]').hover()
    tab.locator(f'th[data-column="{column}"] .more').click()
    tab.locator(".popover").get_by_text(item, exact=True).click()


class TestFilter:
    def test_filters_in_place_and_back_shows_what_was(self, tab: Page, number: str) -> None:
        tab.goto(f"/experiments/{number}")
        tab.evaluate("window.stayed = true")
        tab.keyboard.press("/")
        tab.keyboard.type("metrics.acc > 0.85")
        tab.keyboard.press("Enter")
        expect(tab.locator(".pager")).to_contain_text("3 of 12 runs")
        assert names(tab) == ["run 11", "run 10", "run 09"]
        assert tab.evaluate("window.stayed") is True
        tab.go_back()
        expect(tab.locator(".pager")).to_contain_text("12 runs")
        assert tab.locator("#filter").input_value() == ""
        assert len(names(tab)) == 12

    def test_offers_names_operators_and_values(self, tab: Page, number: str) -> None:
        tab.goto(f"/experiments/{number}")
        box, offers = tab.locator("#filter"), tab.locator("#filter-suggestions")
        box.click()
        tab.keyboard.type("mod")
        expect(offers.get_by_role("option").first).to_contain_text("params.model")
        tab.keyboard.press("ArrowDown")
        tab.keyboard.press("Enter")
        assert box.input_value() == "params.model "
        expect(offers.get_by_role("option").first).to_contain_text("=")
        tab.keyboard.press("ArrowDown")
        tab.keyboard.press("Tab")
        expect(offers.get_by_role("option", name="it's")).to_be_visible()
        offers.get_by_role("option", name="it's").click()
        assert box.input_value() == "params.model = 'it''s' "
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
        assert box.input_value() == "metrics.acc > 0.85 AND mod", "what was typed is not lost"
        assert row(tab, "run 10").get_by_role("checkbox").is_checked()
        assert asked(tab, "filter") == ["metrics.acc > 0.85"]
        tab.keyboard.press("v")
        tab.get_by_label("Save what is shown as").fill("after Escape")
        tab.keyboard.press("Enter")
        expect(tab.locator(".toast")).to_contain_text("after Escape")
        expect(tab.locator(".pager")).to_contain_text("3 of 12")
        assert asked(tab, "filter") == ["metrics.acc > 0.85"]

    def test_what_cannot_be_read_is_marked_and_the_table_stays(self, tab: Page, number: str) -> None:
        tab.goto(f"/experiments/{number}")
        box = tab.locator("#filter")
        box.fill("metrics.acc > 0 AND metrcs.acc > 1")
        tab.keyboard.press("Enter")
        expect(tab.locator("#filter-problem mark")).to_have_text("metrcs")
        assert box.input_value() == "metrics.acc > 0 AND metrcs.acc > 1"
        assert box.get_attribute("aria-invalid") == "true"
        assert box.evaluate("box => box.selectionStart") == 20
        assert len(names(tab)) == 12
        box.fill("metrics.acc > 0.85")
        tab.keyboard.press("Enter")
        expect(tab.locator(".pager")).to_contain_text("3 of 12")
        assert tab.locator("#filter-problem").count() == 0
        assert box.get_attribute("aria-invalid") is None

    def test_chips_and_text_stay_in_step(self, tab: Page, number: str) -> None:
        tab.goto(f"/experiments/{number}?filter=metrics.acc BETWEEN 0.2 AND 0.9 AND params.model = 'a AND b'")
        chips = tab.locator(".chip.condition")
        assert chips.all_inner_texts() == ["metrics.acc BETWEEN 0.2 AND 0.9", "params.model = 'a AND b'"]
        chips.nth(1).get_by_role("button").click()
        expect(tab.locator(".pager")).to_contain_text("8 of 12")
        assert tab.locator("#filter").input_value() == "metrics.acc BETWEEN 0.2 AND 0.9"
        tab.locator("#filter").fill("status = 'FAILED' OR metrics.acc > 1")
        expect(chips).to_have_count(1)

    def test_a_cell_filters_excludes_and_copies(self, tab: Page, number: str) -> None:
        tab.goto(f"/experiments/{number}?columns=params.model&columns=metrics.acc&columns=tags.none")
        cell = row(tab, "run 02").locator("td").first
        cell.click()
        tab.get_by_role("menuitem", name="Exclude this").click()
        expect(tab.locator(".pager")).to_contain_text("8 of 12")
        assert tab.locator("#filter").input_value() == "params.`model` != 'it''s'"
        row(tab, "run 04").locator("td").nth(1).click()
        tab.get_by_role("menuitem", name="At least this").click()
        expect(tab.locator(".pager")).to_contain_text("5 of 12")
        row(tab, "run 04").locator("td").first.click()
        tab.get_by_role("menuitem", name="Copy").click()
        expect(tab.locator(".toast")).to_contain_text("Copied")
        assert tab.evaluate("navigator.clipboard.readText()") == "net"
        row(tab, "run 04").locator("td").nth(2).click()
        tab.get_by_role("menuitem", name="Filter by this").click()
        expect(tab.locator("#filter")).to_have_value(re.compile("tags.`none` IS NULL$"))


class TestSort:
    def test_by_one_column_and_by_several(self, tab: Page, number: str) -> None:
        tab.goto(f"/experiments/{number}?columns=params.model&columns=metrics.loss")
        head = tab.locator('th[data-column="params.model"]')
        head.get_by_role("link").click()
        expect(head).to_have_attribute("aria-sort", "ascending")
        assert names(tab)[:2] == ["run 11", "run 08"], "it's, the newest first"
        tab.locator('th[data-column="metrics.loss"] a').click(modifiers=["Shift"])
        expect(tab.locator('th[data-column="metrics.loss"] .way')).to_have_text("↑2")
        expect(head.locator(".way")).to_have_text("↑1")
        assert asked(tab, "order") == ["params.`model` ASC", "metrics.`loss` ASC"]
        tab.locator('th[data-column="metrics.loss"] a').click(modifiers=["Shift"])
        expect(tab.locator('th[data-column="metrics.loss"] .way')).to_have_text("↓2")
        assert names(tab)[0] == "run 02"

    def test_by_the_best_value(self, tab: Page, number: str) -> None:
        tab.goto(f"/experiments/{number}?columns=metrics.loss")
        column_menu(tab, "metrics.loss", "Best value")
        best = tab.locator('th[data-column="best:metrics.loss"]')
        expect(best).to_contain_text("best")
        expect(row(tab, "run 03").locator("td").first).to_have_text("0.2")
        best.get_by_role("link").click()
        expect(best).to_have_attribute("aria-sort", "ascending")
        assert names(tab)[0] == "run 11"


class TestColumns:
    def test_are_found_added_moved_pinned_and_hidden(self, tab: Page, number: str) -> None:
        tab.goto(f"/experiments/{number}")
        before = heads(tab)
        tab.get_by_text("Columns", exact=True).click()
        tab.get_by_role("searchbox", name="Find a column").fill("stag")
        tab.locator("[data-picker-found]").get_by_text("stage").click()
        expect(tab.locator('th[data-column="tags.stage"]')).to_be_visible()
        assert heads(tab) == [*before, "tags.stage"]
        tab.get_by_role("button", name="Move up: stage").click()
        expect(tab.locator("#runs thead th[data-column]").nth(-1)).to_have_attribute("data-column", before[-1])
        tab.get_by_role("button", name="Pin: stage").click()
        expect(tab.locator("#runs thead th[data-column]").nth(1)).to_have_attribute("data-column", "tags.stage")
        tab.get_by_role("button", name="Hide: stage").click()
        expect(tab.locator('th[data-column="tags.stage"]')).to_have_count(0)
        tab.keyboard.press("Escape")
        assert heads(tab) == before

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
        assert asked(tab, "columns") == ["params.seed", "metrics.acc", "metrics.loss"]

    def test_widths_are_dragged_typed_and_kept(self, tab: Page, number: str) -> None:
        tab.goto(f"/experiments/{number}")
        head = tab.locator('th[data-column="attributes.user_id"]')
        edge = head.locator(".edge").bounding_box()
        assert edge
        tab.mouse.move(edge["x"] + 3, edge["y"] + 8)
        tab.mouse.down()
        tab.mouse.move(edge["x"] + 83, edge["y"] + 8, steps=4)
        tab.mouse.up()
        assert head.evaluate("th => th.offsetWidth") == 184
        column_menu(tab, "attributes.user_id", "Set the width")
        tab.keyboard.press("ArrowRight")
        assert head.evaluate("th => th.offsetWidth") == 200
        tab.reload()
        assert head.evaluate("th => th.offsetWidth") == 200

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
        after = link.bounding_box()
        assert before
        assert after
        assert abs(before["y"] - after["y"]) < 4
        assert "after" not in tab.url
        tab.locator("#runs .scroll").evaluate("area => area.scrollTo(0, 0)")
        expect(tab.get_by_role("link", name="run 0999", exact=True)).to_be_attached()

    def test_a_window_that_cannot_be_loaded_says_so(self, tab: Page, watch: Watch, many: str) -> None:
        watch.expect("ERR_FAILED")
        tab.goto(f"/experiments/{many}?columns=attributes.status")
        tab.route("**/runs/rows?*", lambda route: route.abort())
        tab.get_by_role("link", name="run 1050", exact=True).scroll_into_view_if_needed()
        expect(tab.get_by_text("More rows could not be loaded")).to_be_attached()
        tab.unroute("**/runs/rows?*")
        tab.get_by_role("button", name="Try again").click()
        expect(tab.get_by_role("link", name="run 1000", exact=True)).to_be_attached()

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
        assert asked(tab, "runs") == [",".join(map(str, ids))]

    def test_hidden_and_pinned_ones_stay_so(self, tab: Page, number: str) -> None:
        tab.goto(f"/experiments/{number}")
        tab.evaluate("document.addEventListener('runs-shown', event => { window.told = event.detail.runs; })")
        row(tab, "run 05").get_by_role("button", name="Hide in charts").click()
        assert [run["name"] for run in tab.evaluate("window.told") if run["hidden"]] == ["run 05"]
        row(tab, "run 02").locator("th").click(position={"x": 280, "y": 10})
        tab.get_by_role("menuitem", name="Pin to the top").click()
        expect(tab.locator("tbody.tops").get_by_role("link")).to_have_text(["run 02"])
        tab.reload()
        shown = tab.evaluate("JSON.parse(document.getElementById('shown-runs').textContent)")
        assert [run["name"] for run in shown if run["pinned"]] == ["run 02"] == [shown[0]["name"]]
        assert [run["name"] for run in shown if run["hidden"]] == ["run 05"]
        tab.get_by_role("button", name="Unpin").click()
        expect(tab.locator("tbody.tops")).to_have_count(0)


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

    def test_tag_many_and_undo(self, tab: Page, own: str, client: MlflowClient) -> None:
        tab.goto(f"/experiments/{own}?columns=tags.stage")
        select(tab, "run 00", "run 01")
        tab.keyboard.press("t")
        tab.get_by_label("Tag", exact=True).fill("stage")
        tab.get_by_label("Value").fill("prod <b>")
        tab.keyboard.press("Enter")
        expect(row(tab, "run 00").locator("td").first).to_have_text("prod <b>")
        assert len(client.search_runs([own], "tags.stage = 'prod <b>'")) == 2
        tab.get_by_role("button", name="Undo").click()
        expect(row(tab, "run 00").locator("td").first).to_have_text("dev")

    def test_all_that_match_are_changed_at_once_and_back(
        self, tab: Page, many: str, client: MlflowClient, sqlite_server: RunningServer
    ) -> None:
        def tagged() -> int:
            return len(client.search_runs([many], "tags.stage = 'old'", max_results=1000))

        tab.goto(f"/experiments/{many}?filter=run_name LIKE 'run 02%25' OR run_name LIKE 'run 03%25'&columns=tags.stage")
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
        expect(tab.locator(".toast")).to_contain_text("200 runs tagged")
        expect(row(tab, "run 0310").locator("td").first).to_have_text("old")
        expect(tab.locator("[data-bulk]")).to_be_hidden()
        assert tagged() == 200
        tab.get_by_role("button", name="Undo").click()
        expect(tab.locator(".toast")).to_contain_text("Taken back")
        assert tagged() == 0

    def test_all_that_match_are_let_go_by_one_and_by_another_filter(self, tab: Page, many: str) -> None:
        tab.goto(f"/experiments/{many}?filter=run_name LIKE 'run 02%25' OR run_name LIKE 'run 03%25'")
        tab.get_by_label("Select all shown runs").check()
        tab.get_by_role("button", name="Select all 200 matching").click()
        row(tab, "run 0399").get_by_role("checkbox").uncheck()
        expect(tab.locator("[data-bulk-count]")).to_have_text("99")
        tab.goto(f"/experiments/{many}")
        tab.get_by_label("Select all shown runs").check()
        expect(tab.locator("[data-bulk-bound]")).to_have_text(re.compile("More than 1.000 match"))
        expect(tab.locator("[data-bulk-matching]")).to_be_hidden()
        assert serious(tab) == []

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
        expect(row(tab, "run 05")).to_have_attribute("data-colour", "4")
        tab.reload()
        expect(row(tab, "run 05").locator(".swatch")).to_have_class("swatch run-4")

    def test_what_is_refused_is_said_and_nothing_is_lost(self, tab: Page, watch: Watch, own: str, client: MlflowClient) -> None:
        tab.goto(f"/experiments/{own}?columns=tags.stage")
        client.delete_run(client.search_runs([own], "run_name = 'run 05'")[0].info.run_id)
        watch.expect("400")
        row(tab, "run 05").locator("td").first.dblclick()
        tab.keyboard.type("new")
        tab.keyboard.press("Enter")
        expect(tab.locator(".toast[role=alert]")).to_contain_text("Nothing was changed")
        expect(tab.locator(".editing input")).to_have_value("new")


class TestGroups:
    def test_show_aggregates_and_open_to_their_runs(self, tab: Page, number: str) -> None:
        tab.goto(f"/experiments/{number}")
        tab.locator("summary", has_text="Group").click()
        tab.get_by_label("Group by a param or tag").fill("mod")
        tab.locator("#group-suggestions").get_by_role("option", name="model").click()
        group = tab.locator("tr[data-group]", has_text="tree")
        expect(group).to_contain_text("4 runs")
        acc = heads(tab).index("metrics.acc")
        expect(group.locator("> *").nth(acc)).to_contain_text("0.45")
        expect(group.locator("> *").nth(acc)).to_contain_text("0 – 0.9")
        group.get_by_role("button", name="Show the runs of the group").click()
        expect(tab.locator("tbody[data-within] th a")).to_have_text(["run 09", "run 06", "run 03", "run 00"])
        group.get_by_role("button").click()
        expect(tab.locator("tbody[data-within]")).to_have_count(0)
        group.get_by_role("link", name="4 runs").click()
        expect(tab.locator(".pager")).to_contain_text("4 of 12")

    def test_nested_runs_are_a_tree(self, tab: Page, client: MlflowClient) -> None:
        number = client.create_experiment("nested")
        parent = client.create_run(number, run_name="parent").info.run_id
        child = client.create_run(number, run_name="child", tags={"mlflow.parentRunId": parent}).info.run_id
        client.create_run(number, run_name="grandchild", tags={"mlflow.parentRunId": child})
        client.create_run(number, run_name="alone")
        tab.goto(f"/experiments/{number}")
        tab.get_by_role("link", name="Nested runs below their parents").click()
        expect(tab.locator("#runs tbody th a")).to_have_text(["alone", "parent"])
        row(tab, "parent").get_by_role("button", name="1 nested run").click()
        expect(tab.locator("#runs tbody th a")).to_have_text(["alone", "parent", "child"])
        row(tab, "child").get_by_role("button", name="1 nested run").click()
        expect(tab.locator("#runs tbody th a")).to_have_text(["alone", "parent", "child", "grandchild"])
        row(tab, "parent").get_by_role("button", name="1 nested run").click()
        expect(tab.locator("#runs tbody th a")).to_have_text(["alone", "parent"])


class TestEverybody:
    @pytest.mark.parametrize("query", ["", "?group=params.model", "?filter=metrcs.a = 1", "?nested=1", "?filter=metrics.acc > 9"])
    def test_no_serious_finding(self, tab: Page, watch: Watch, number: str, query: str) -> None:
        watch.expect("400")
        tab.emulate_media(reduced_motion="reduce")
        tab.goto(f"/experiments/{number}{query}")
        assert serious(tab) == []

    def test_menus_and_the_bar_have_none(self, tab: Page, number: str) -> None:
        tab.emulate_media(reduced_motion="reduce")
        tab.goto(f"/experiments/{number}")
        select(tab, "run 05")
        tab.get_by_text("Columns", exact=True).click()
        expect(tab.locator("[data-picker-found] button").first).to_be_visible()
        assert serious(tab) == []
        tab.keyboard.press("Escape")
        row(tab, "run 05").locator("th").click(position={"x": 280, "y": 10})
        assert serious(tab) == []

    @pytest.mark.parametrize("text", HOSTILE)
    def test_hostile_text_runs_nothing(self, tab: Page, client: MlflowClient, text: str) -> None:
        number = client.create_experiment(f"{text} {HOSTILE.index(text)}")
        run = client.create_run(number, run_name=text, tags={"t": text, "mlflow.note.content": text}).info.run_id
        client.log_param(run, "p", text)
        tab.goto(f"/experiments/{number}?columns=params.p&columns=tags.t&columns=tags.mlflow.note.content")
        cell = tab.locator("#runs tbody td").first
        expect(cell).to_have_text(text)
        cell.click()
        tab.get_by_role("menuitem", name="Filter by this").click()
        expect(tab.locator(".pager")).to_contain_text("1 of 1 run")
        expect(tab.locator("#runs tbody th a")).to_have_text(text)
        tab.goto(f"/experiments/{number}?group=params.p&group=tags.t")
        tab.locator("[data-members]").click()
        expect(tab.locator("tbody[data-within] a")).to_have_text(text)

    def test_runs_of_several_experiments_stand_in_one_table(self, tab: Page, number: str, own: str) -> None:
        tab.goto(f"/runs?experiments={number},{own}")
        expect(tab.locator(".pager")).to_contain_text("18 runs")
        tab.locator("#filter").fill("metrics.acc < 0.05")
        tab.keyboard.press("Enter")
        expect(tab.locator(".pager")).to_contain_text("2 of 18")
        assert asked(tab, "experiments") == [f"{number},{own}"]

    def test_without_scripts_rows_are_paged_filtered_sorted_and_grouped(
        self, browser: Browser, sqlite_server: RunningServer, experiment_id: str
    ) -> None:
        context = browser.new_context(java_script_enabled=False, base_url=sqlite_server.url)
        tab = context.new_page()
        tab.goto(f"/experiments/{experiment_id}")
        assert not tab.locator("[data-needs-script]:visible").count()
        tab.get_by_role("link", name="Next").click()
        assert tab.locator("#runs tbody tr").count() == 20
        tab.get_by_text("Columns", exact=True).click()
        tab.get_by_label("Another one").fill("max:metrics.acc")
        tab.get_by_role("button", name="Show these").click()
        assert "max acc" in re.sub(r"\s+", " ", tab.locator("#runs thead").inner_text())
        tab.locator("summary", has_text="Group").click()
        tab.get_by_label("Group by a param or tag").fill("params.seed")
        tab.get_by_role("button", name="Group").click()
        assert tab.locator("tr[data-group]").count() == 120
        context.close()


class TestLive:
    def test_new_runs_and_values_appear_and_what_was_chosen_stays(self, tab: Page, own: str, client: MlflowClient) -> None:
        with tab.expect_response("**/runs/live*"):
            tab.goto(f"/experiments/{own}?columns=attributes.status&columns=metrics.acc")
        select(tab, "run 03")
        tab.wait_for_timeout(1500)
        made = client.create_run(own, run_name="just begun").info.run_id
        fresh = row(tab, "just begun")
        expect(fresh).to_be_visible(timeout=10_000)
        assert names(tab)[0] == "just begun"
        expect(tab.locator(".pager")).to_contain_text("7 runs")
        client.log_metric(made, "acc", 0.125)
        expect(fresh.locator("td").nth(1)).to_have_text("0.125", timeout=10_000)
        client.set_terminated(made)
        expect(fresh.locator("td").first).to_have_text("Finished", timeout=10_000)
        expect(tab.locator("[data-bulk-count]")).to_have_text("1")
        assert row(tab, "run 03").get_by_role("checkbox").is_checked()

    def test_where_only_the_server_knows_their_place_they_are_offered(self, tab: Page, own: str, client: MlflowClient) -> None:
        with tab.expect_response("**/runs/live*"):
            tab.goto(f"/experiments/{own}?order=run_name ASC")
        tab.wait_for_timeout(1500)
        client.create_run(own, run_name="run 02b")
        tab.get_by_role("button", name="Show 1 new run").click(timeout=10_000)
        expect(tab.locator("#runs tbody th a")).to_have_text(
            ["run 00", "run 01", "run 02", "run 02b", "run 03", "run 04", "run 05"]
        )
        expect(tab.get_by_role("button", name="Show 1 new run")).to_have_count(0)


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
        assert asked(tab, "layout") == ["both"]
        before = tab.locator("#table-pane").bounding_box()
        tab.locator("[data-splitter]").focus()
        tab.keyboard.press("ArrowRight")
        after = tab.locator("#table-pane").bounding_box()
        assert before
        assert after
        assert after["width"] > before["width"]
        tab.reload()
        kept = tab.locator("#table-pane").bounding_box()
        assert kept
        assert abs(kept["width"] - after["width"]) < 2
        tab.get_by_role("link", name="Charts", exact=True).click()
        expect(tab.locator("#table-pane")).to_be_hidden()

    def test_pointing_at_a_run_is_told_both_ways(self, tab: Page, number: str) -> None:
        tab.goto(f"/experiments/{number}")
        tab.evaluate("document.addEventListener('run-hover', event => { window.over = event.detail.id; })")
        row(tab, "run 03").hover()
        assert tab.evaluate("window.over") == row(tab, "run 03").get_attribute("data-run")
        other = row(tab, "run 04")
        tab.evaluate(
            "id => document.dispatchEvent(new CustomEvent('run-hover', {detail: {id}}))", other.get_attribute("data-run")
        )
        expect(other).to_have_class(re.compile("hovered"))

    def test_the_keys_of_the_table_are_listed(self, tab: Page, number: str) -> None:
        tab.goto(f"/experiments/{number}")
        tab.keyboard.press("?")
        expect(tab.locator("dialog#keys")).to_contain_text("Next run")
        expect(tab.locator("dialog#keys")).to_contain_text("Compare the selected runs")


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
