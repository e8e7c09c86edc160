"""Charts beside the table of an experiment's logged models, as somebody uses them."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page, expect

from tests.browser.axe import serious
from tests.browser.waiting import becomes
from tests.conftest import RunningServer

PANEL = "figure[data-key='{}']"
ON_TEST = {"dataset_name": "test", "dataset_digest": "d"}


@pytest.fixture(scope="module")
def place(sqlite_server: RunningServer) -> str:
    """Six models: one metric with a history on a dataset, one measured once, in a section of its own."""
    server = sqlite_server
    number = server.experiment("models/charted")
    run_id = server.run(number, run_name="trainer")
    for i in range(6):
        params = [{"key": "loss", "value": ["l1", "l2"][i % 2]}]
        body = {"experiment_id": number, "name": f"net {i}", "source_run_id": run_id, "params": params}
        on = {"timestamp": 1, "model_id": server.ok("logged-models", body)["model"]["info"]["model_id"]}
        points = [{"key": "acc", "value": (i + step) / 30, "step": step, **on, **ON_TEST} for step in range(20)]
        server.ok("runs/log-batch", {"run_id": run_id, "metrics": [*points, {"key": "eval/size", "value": 10 * i, **on}]})
    server.ok("runs/update", {"run_id": run_id, "status": "FINISHED"})
    return f"/experiments/{number}/models"


def point_at(tab: Page, key: str, share: float) -> None:
    over = tab.locator(PANEL.format(key)).locator(".u-over")
    over.scroll_into_view_if_needed()
    box = over.bounding_box()
    assert box
    tab.mouse.move(box["x"] + box["width"] * share, box["y"] + box["height"] / 2)


class TestCharts:
    def test_stand_beside_the_table_with_its_colours_and_eyes(self, tab: Page, place: str) -> None:
        tab.goto(place)
        tab.get_by_label("Table and charts").click()
        readouts = {key: tab.locator(PANEL.format(key)).locator(".readout") for key in ("acc · test", "eval/size")}
        for readout in readouts.values():
            expect(readout).to_have_text("6 logged models")
        assert serious(tab) == []
        point_at(tab, "eval/size", 0.75)
        tip = tab.locator(f"{PANEL.format('eval/size')} .chart-tooltip")
        expect(tip.locator("a").first).to_have_attribute("href", re.compile("/logged-models/m-"))
        tab.get_by_label("Hide net 3 in charts").click()
        for readout in readouts.values():
            expect(readout).to_have_text("5 logged models")
        tab.get_by_label("Horizontal axis").select_option("place")
        tab.get_by_label("Find charts by a regular expression").fill("ac.")
        expect(tab.locator(PANEL.format("eval/size"))).to_have_count(0)
        tab.get_by_role("link", name="acc · test").click()  # the page comes anew, as it was
        expect(tab.locator("tr.eyed")).to_contain_text("net 3")
        expect(readouts["acc · test"]).to_have_text("5 logged models")
        expect(tab.get_by_label("Horizontal axis")).to_have_value("place")
        tab.get_by_label("Filter logged models").fill("params.loss = 'l1'")
        tab.get_by_label("Filter logged models").press("Enter")
        expect(readouts["acc · test"]).to_have_text("3 logged models")
        becomes(lambda: all(part in tab.url for part in ("layout=both", "hidden=m-", "charts=x:place;q:ac.")), True)

    def test_groups_and_the_table_of_a_panel(self, tab: Page, place: str) -> None:
        tab.goto(f"{place}?layout=charts&charts=g:params.loss,mean,minmax")
        figure = tab.locator(PANEL.format("eval/size"))
        expect(figure.locator(".readout")).to_have_text("2 groups of 6 logged models")
        expect(tab.locator("[data-legend] li")).to_have_text(["l1 3 logged models", "l2 3 logged models"])
        figure.get_by_label("More actions").click()
        figure.get_by_role("button", name="Data as table").click()
        cells = tab.locator("#chart-table tbody tr").first
        expect(cells.locator("td")).to_have_text(["3", "20", "0", "40"])  # of 0, 20 and 40
        expect(cells.locator("th")).to_have_text("l1")

    def test_a_chart_is_read_and_sized_by_keyboard(self, tab: Page, place: str) -> None:
        tab.goto(f"{place}?layout=charts")
        figure, live = tab.locator(PANEL.format("eval/size")), tab.locator("#live")
        expect(figure.locator(".readout")).to_have_text("6 logged models")
        figure.focus()
        tab.keyboard.press("ArrowRight")
        expect(live).to_have_text(re.compile("^place 1, net 5 50"))
        tab.keyboard.press("ArrowRight")
        expect(live).to_have_text(re.compile("^place 2, .*net 4 40"))
        expect(figure.locator(".chart-tooltip .swatch").first).to_have_css("width", "8px")
        tab.keyboard.press("Shift+ArrowRight")
        expect(live).to_have_text("Width 2 of 4, height 1 of 4")
        tab.get_by_label("Find charts by a regular expression").fill("((")
        expect(tab.locator("[data-said]")).to_contain_text("is no regular expression")
