"""The page of a run with more than a page can show, and the tree of its nested runs, as somebody uses them."""

from __future__ import annotations

import re

import pytest
from mlflow import MlflowClient
from mlflow.entities import Metric, Param, RunTag
from playwright.sync_api import Browser, Page, expect

from tests.browser.axe import serious
from tests.browser.waiting import becomes
from tests.conftest import RunningServer


@pytest.fixture(scope="module")
def wide(client: MlflowClient) -> str:
    """A running run with 2 500 metrics, 300 params and a tag of several lines."""
    run_id: str = client.create_run("0", run_name="wide").info.run_id
    names = [f"layer_{i // 100:02}/norm_{i:04}" for i in range(2500)]
    for start in range(0, len(names), 1000):
        client.log_batch(run_id, [Metric(name, 1.5, 1, 0) for name in names[start : start + 1000]])
    for start in range(0, 300, 100):
        client.log_batch(run_id, params=[Param(f"p{i:03}", f"v{i}") for i in range(start, start + 100)])
    client.log_batch(run_id, tags=[RunTag("lines", "one\r\ntwo\r\n"), *(RunTag(f"t{i:02}", "x") for i in range(15))])
    return run_id


@pytest.fixture(scope="module")
def sweep(client: MlflowClient) -> dict[str, str]:
    """`top` with 55 children; `trial 54`, the newest, has two of its own."""
    found = {"top": str(client.create_run("0", start_time=1, run_name="top").info.run_id)}

    def child(name: str, parent: str, start: int) -> None:
        tags = {"mlflow.parentRunId": found[parent]}
        found[name] = str(client.create_run("0", start_time=start, run_name=name, tags=tags).info.run_id)
        client.log_metric(found[name], "loss", 0.25)
        client.set_terminated(found[name], end_time=start + 5000)

    for i in range(55):
        child(f"trial {i:02}", "top", 100 + i)
    for i in range(2):
        child(f"fold {i}", "trial 54", 10 + i)
    return found


class TestLists:
    def test_metrics_are_searched_while_one_types_and_turned_over(self, tab: Page, wide: str) -> None:
        tab.goto(f"/runs/{wide}")
        rows = tab.locator("#metrics-rows tbody th")
        expect(rows).to_have_count(100)
        tab.get_by_label("Search the metrics", exact=True).press_sequentially("LAYER_07 norm")
        expect(rows.first).to_have_text("layer_07/norm_0700")
        expect(tab.locator("#metrics-rows .pager")).to_contain_text("100 matching metrics, 2\u202f500 in all")
        expect(tab).to_have_url(re.compile(re.escape("metrics=LAYER_07+norm")))
        expect(tab.get_by_label("Search the metrics", exact=True)).to_be_focused()
        tab.get_by_label("Search the metrics", exact=True).fill("")
        tab.locator("#metrics-rows").get_by_role("link", name="Last").click()
        expect(rows.last).to_have_text("layer_24/norm_2499")
        tab.reload()
        expect(rows.last).to_have_text("layer_24/norm_2499")
        rows.last.get_by_role("link").click()
        expect(tab.get_by_role("heading", level=1)).to_have_text("layer_24/norm_2499")
        tab.go_back()
        expect(rows.last).to_have_text("layer_24/norm_2499")

    def test_a_run_that_goes_on_leaves_the_search_alone(self, tab: Page, wide: str, client: MlflowClient) -> None:
        tab.goto(f"/runs/{wide}")
        box = tab.get_by_label("Search the metrics", exact=True)
        box.fill("norm_0042")
        expect(tab.locator("#metrics-rows tbody th")).to_have_text(["layer_00/norm_0042"])
        box.focus()
        client.log_metric(wide, "layer_00/norm_0042", 7.25, step=3)
        expect(tab.locator("#metrics-rows tbody td").first).to_have_text("7.25")
        expect(tab.locator("#metrics-rows tbody th")).to_have_text(["layer_00/norm_0042"])
        expect(box).to_be_focused()
        expect(box).to_have_value("norm_0042")

    def test_params_and_tags_too(self, tab: Page, wide: str) -> None:
        tab.goto(f"/runs/{wide}")
        tab.get_by_label("Search the params").fill("v77")
        expect(tab.locator("#params-rows tbody th")).to_have_text(["p077"])
        tab.get_by_label("Search the tags", exact=True).first.fill("nothing like it")
        expect(tab.locator("#tags-rows .pager")).to_contain_text("No tag has “nothing like it” in it, 16 in all")
        expect(tab).to_have_url(re.compile(re.escape("params=v77")))

    def test_lines_of_a_tag_stay_through_the_forms(self, tab: Page, wide: str, client: MlflowClient) -> None:
        tab.goto(f"/runs/{wide}/edit")
        form = tab.locator("#tags form.tag", has_text="lines")
        expect(form.locator("textarea")).to_have_value("one\ntwo\n")
        form.get_by_role("button", name="Set").click()
        expect(tab.locator(".toast")).to_be_visible()
        becomes(lambda: client.get_run(wide).data.tags["lines"], "one\r\ntwo\r\n")
        tab.locator("#tags form.tag", has_text="lines").locator("textarea").fill("one\nthree")
        tab.locator("#tags form.tag", has_text="lines").get_by_role("button", name="Set").click()
        becomes(lambda: client.get_run(wide).data.tags["lines"], "one\r\nthree")
        expect(tab.locator("#tags form.tag", has_text="lines").locator("textarea")).to_have_value("one\nthree")
        tab.get_by_role("button", name="Undo").click()
        becomes(lambda: client.get_run(wide).data.tags["lines"], "one\r\ntwo\r\n")

    def test_without_scripts_links_and_forms_do_the_same(self, browser: Browser, sqlite_server: RunningServer, wide: str) -> None:
        context = browser.new_context(java_script_enabled=False, base_url=sqlite_server.url)
        tab = context.new_page()
        tab.goto(f"/runs/{wide}")
        tab.get_by_label("Search the metrics", exact=True).fill("layer_03")
        tab.locator("#metrics form").get_by_role("button", name="Search").click()
        expect(tab.locator("#metrics-rows tbody th").first).to_have_text("layer_03/norm_0300")
        tab.locator("#params-rows").get_by_role("link", name="Next").click()
        expect(tab.locator("#params-rows tbody th").first).to_have_text("p100")
        expect(tab.locator("#metrics-rows tbody th").first).to_have_text("layer_03/norm_0300")
        context.close()

    def test_no_serious_finding(self, tab: Page, wide: str) -> None:
        for path in (f"/runs/{wide}?metrics=layer_03&tags=zzz", f"/runs/{wide}/edit"):
            tab.goto(path)
            assert serious(tab) == []


class TestNestedRuns:
    def test_open_to_their_children_and_close(self, tab: Page, sweep: dict[str, str]) -> None:
        tab.goto(f"/runs/{sweep['top']}")
        names = tab.locator("#nested tbody th a")
        expect(names).to_have_count(51)
        opener = tab.get_by_role("button", name="2 child runs of trial 54")
        opener.focus()
        tab.keyboard.press("Enter")
        expect(names.nth(2)).to_have_text("fold 1")
        expect(opener).to_have_attribute("aria-expanded", "true")
        expect(tab.locator("#nested tbody tr").nth(2)).to_contain_text("Finished")
        expect(tab.locator("#nested tbody tr").nth(2)).to_contain_text("0.25")
        assert serious(tab) == []
        opener.click()
        expect(names).to_have_count(51)
        tab.locator("#nested").get_by_role("link", name="Next").click()
        expect(names).to_have_text(["top", *(f"trial {i:02}" for i in range(4, -1, -1))])

    def test_what_was_opened_of_them_is_not_remembered_as_a_folder(self, tab: Page, sweep: dict[str, str]) -> None:
        tab.goto(f"/runs/{sweep['top']}")
        tab.get_by_role("button", name="2 child runs of trial 54").click()
        expect(tab.get_by_role("link", name="fold 0", exact=True)).to_be_visible()
        assert tab.evaluate("localStorage.getItem('folders')") is None

    def test_without_scripts_they_are_links(self, browser: Browser, sqlite_server: RunningServer, sweep: dict[str, str]) -> None:
        context = browser.new_context(java_script_enabled=False, base_url=sqlite_server.url)
        tab = context.new_page()
        tab.goto(f"/runs/{sweep['top']}")
        assert not tab.locator("#nested button:visible").count()
        tab.locator("#nested").get_by_role("link", name="trial 54").click()
        expect(tab.locator("#nested tbody th a")).to_have_text(["top", "trial 54", "fold 1", "fold 0"])
        context.close()

    def test_when_the_server_is_away_it_says_so(self, tab: Page, sweep: dict[str, str]) -> None:
        tab.watch.expect("ERR_FAILED")  # type: ignore[attr-defined]
        tab.goto(f"/runs/{sweep['top']}")
        tab.route("**/children?*", lambda route: route.abort())
        tab.get_by_role("button", name="2 child runs of trial 54").click()
        expect(tab.locator("#nested")).to_contain_text("This could not be opened: the server cannot be reached.")
        tab.unroute("**/children?*")
        tab.get_by_role("button", name="2 child runs of trial 54").click()
        expect(tab.get_by_role("link", name="fold 0", exact=True)).to_be_visible()
