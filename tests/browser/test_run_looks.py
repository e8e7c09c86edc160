"""Runs that stand together are told apart, by the same look in the table, in the charts and in their legends."""

from __future__ import annotations

import pytest
from mlflow import MlflowClient
from playwright.sync_api import Page, expect

from tests.browser.runs_table import make, row
from tests.conftest import RunningServer


@pytest.fixture(scope="module")
def looked(sqlite_server: RunningServer) -> str:
    return make(MlflowClient(sqlite_server.url), "looks", count=20)


@pytest.fixture
def drawn(tab: Page) -> Page:
    """`window.told`: what the charts were told last."""
    tab.add_init_script("document.addEventListener('runs-shown', event => { window.told = event.detail.runs; })")
    return tab


def looks(tab: Page) -> dict[str, tuple[str, str]]:
    """By run the classes and the colour of its mark in the table."""
    found: dict[str, tuple[str, str]] = tab.locator("#runs tr[data-run]").evaluate_all(
        "rows => Object.fromEntries(rows.map(row => { const mark = row.querySelector('.swatch');"
        " return [row.dataset.run, [mark.className, getComputedStyle(mark).color]]; }))"
    )
    return found


class TestRunsThatStandTogether:
    def test_no_two_look_alike_in_table_and_charts_whatever_is_sorted_hidden_or_chosen(self, drawn: Page, looked: str) -> None:
        drawn.goto(f"/experiments/{looked}?layout=both")
        expect(drawn.locator("canvas.lines").first).to_be_visible()
        first = looks(drawn)
        assert len(first) == len({tuple(look) for look in first.values()}) == 20
        told = drawn.evaluate("window.told")
        assert len({run["look"] for run in told}) == 20
        drawn.locator('th[data-column="attributes.start_time"] a').first.click()
        expect(drawn.locator("#runs tbody th a").first).to_have_text("run 00")
        assert looks(drawn) == first  # another order changes nothing
        drawn.get_by_label("Group runs by").select_option("params.seed")
        marks = drawn.locator("[data-legend] .swatch")
        expect(marks).to_have_count(20)
        assert len(set(marks.evaluate_all("all => all.map(mark => mark.className)"))) == 20
        drawn.get_by_label("Group runs by").select_option("")
        chosen = row(drawn, "run 05")
        taken = next(run["name"] for run in told if run["look"] == 3)
        chosen.locator("th").click(position={"x": 280, "y": 10})
        drawn.get_by_role("menuitemradio", name="Colour 3", exact=True).click()
        expect(chosen).to_have_attribute("data-look", "3")
        if taken != "run 05":
            expect(row(drawn, taken)).not_to_have_attribute("data-look", "3")
        assert len({tuple(look) for look in looks(drawn).values()}) == 20

    def test_compared_ones_neither_and_charts_say_it_in_their_own_colours(self, tab: Page, looked: str) -> None:
        tab.goto(f"/experiments/{looked}")
        run_ids = tab.locator("#runs tr[data-run]").evaluate_all("rows => rows.map(row => row.dataset.run)")
        tab.goto(f"/compare?runs={','.join(run_ids)}")
        marks = tab.locator("#differences thead .swatch").evaluate_all("all => all.map(mark => mark.className)")
        assert len(set(marks)) == 20
        expect(tab.locator("[data-key=loss] canvas.lines")).to_be_visible()
        tab.locator("[data-key=loss] .u-over").hover(position={"x": 150, "y": 100})
        expect(tab.locator("[data-key=loss] .chart-tooltip tr").first).to_be_visible()
        shown = tab.locator("[data-key=loss] .chart-tooltip tr").evaluate_all(
            "rows => rows.map(row => [row.querySelector('a').href.split('/').at(-1), row.querySelector('.swatch').className])"
        )
        assert dict(shown).items() <= dict(zip(run_ids, marks, strict=True)).items()
