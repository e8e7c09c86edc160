"""Groups and trees of runs, and what holds for the table whatever it shows: access, hostile text, no scripts."""

from __future__ import annotations

import re

import pytest
from mlflow import MlflowClient
from playwright.sync_api import Browser, Page, expect

from tests.browser.axe import serious
from tests.browser.conftest import Watch
from tests.browser.runs_table import asked, heads, row, select
from tests.conftest import RunningServer

HOSTILE = ["<script>alert(1)</script>", '"><img src=x onerror=alert(1)>', "'><svg onload=alert(1)>", "{{7*7}}' OR '1'='1", "`; DROP"]  # fmt: skip


@pytest.fixture(scope="module")
def many_grouped(sqlite_server: RunningServer) -> str:
    """130 runs in three groups; the two oldest are a group of their own."""
    number = sqlite_server.experiment("many in groups")
    for i in range(130):
        run_id = sqlite_server.run(number, run_name=f"run {i:03}", start_time=1_700_000_000_000 + i)
        params = [{"key": "model", "value": "rare" if i < 2 else ["net", "tree"][i % 2]}]
        points = [{"key": "loss", "value": i + step, "timestamp": 1, "step": step} for step in range(3)]
        sqlite_server.ok("runs/log-batch", {"run_id": run_id, "params": params, "metrics": points})
    return number


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

    def test_charts_beside_them_draw_the_groups(self, tab: Page, number: str) -> None:
        tab.goto(f"/experiments/{number}?layout=both&group=params.model")
        expect(tab.locator("[data-key=loss] .readout")).to_have_text("3 groups of 12 runs")
        expect(tab.locator("[data-legend] li")).to_have_text(["it's 4 runs", "net 4 runs", "tree 4 runs"])
        expect(tab.get_by_label("Group runs by")).to_have_value("params.model")
        tab.get_by_role("button", name="Show the runs of the group").first.click()
        expect(tab.locator("#runs tr[data-run]")).to_have_count(4)
        tab.locator("#runs tr[data-run] [data-eye]").first.click()
        expect(tab.locator("[data-key=loss] .readout")).to_have_text("3 groups of 11 runs")
        panel = tab.locator(".chart-panel[data-key=loss]")
        panel.get_by_label("More actions").click()
        menu, box = panel.locator(".menu .panel").bounding_box(), tab.locator("#charts-pane").bounding_box()
        assert menu
        assert box
        assert menu["x"] >= box["x"]  # nothing of it is cut
        assert menu["width"] < 300

    def test_charts_are_of_all_runs_of_the_groups_and_may_go_without_them(self, tab: Page, many_grouped: str) -> None:
        tab.goto(f"/experiments/{many_grouped}?layout=both&group=params.model")
        readout, said = tab.locator("[data-key=loss] .readout"), tab.locator("[data-drawn]")
        expect(readout).to_have_text("3 groups of 130 runs")
        expect(said).to_be_hidden()
        group = tab.get_by_label("Group runs by")
        group.select_option("")
        expect(readout).to_have_text("100 runs")
        expect(said).to_contain_text("Charts draw 100 of 130 runs: the newest of each group")
        said.get_by_role("link").click()
        expect(said).to_be_hidden()
        expect(readout).to_have_text("130 runs")
        expect(tab).to_have_url(re.compile(re.escape("draw=1000")))
        tab.reload()
        expect(readout).to_have_text("130 runs")
        expect(group).to_have_value("")
        group.select_option("params.model")
        expect(readout).to_have_text("3 groups of 130 runs")
        tab.reload()
        expect(readout).to_have_text("3 groups of 130 runs")

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
        tab.goto(f"/experiments?search=experiment_id IN ('{number}', '{own}')")
        tab.keyboard.press("r")
        expect(tab.locator(".toast")).to_contain_text("Select experiments first")
        boxes, bar = tab.locator("input[name=experiments]"), tab.locator("#several")
        expect(boxes).to_have_count(2)
        for i in (0, 1):
            boxes.nth(i).check()
        expect(bar).to_contain_text("2 selected")
        bar.get_by_role("button", name="Clear").click()
        expect(bar).to_be_hidden()
        for i in (0, 1):
            boxes.nth(i).focus()
            tab.keyboard.press("Space")
        assert serious(tab) == []
        tab.keyboard.press("r")
        tab.wait_for_url("**/runs?*")
        expect(tab.get_by_role("heading", name="Runs of 2 experiments")).to_be_visible()
        expect(tab.locator(".pager")).to_contain_text("18 runs")
        tab.locator("#filter").fill("metrics.acc < 0.05")
        tab.keyboard.press("Enter")
        expect(tab.locator(".pager")).to_contain_text("2 of 18")
        assert sorted(",".join(asked(tab, "experiments")).split(",")) == sorted([number, own])

    def test_without_scripts_rows_are_paged_filtered_sorted_and_grouped(
        self, browser: Browser, sqlite_server: RunningServer, experiment_id: str
    ) -> None:
        context = browser.new_context(java_script_enabled=False, base_url=sqlite_server.url)
        tab = context.new_page()
        tab.goto(f"/experiments/{experiment_id}")
        assert not tab.locator("[data-needs-script]:visible").count()
        tab.get_by_role("link", name="Next").click()
        expect(tab.locator("#runs tbody tr")).to_have_count(88)
        tab.get_by_text("Columns", exact=True).click()
        tab.get_by_label("Another one").fill("max:metrics.acc")
        tab.get_by_role("button", name="Show these").click()
        expect(tab.locator("#runs thead")).to_contain_text(re.compile(r"max\s+acc"), use_inner_text=True)
        tab.locator("summary", has_text="Group").click()
        tab.get_by_label("Group by a param or tag").fill("params.seed")
        tab.get_by_role("button", name="Group").click()
        expect(tab.locator("tr[data-group]")).to_have_count(120)
        context.close()
