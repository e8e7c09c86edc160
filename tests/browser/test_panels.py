"""What one panel shows: by mouse moved and sized, outliers, marks where a value is no number, spikes at every zoom, groups, axes."""

from __future__ import annotations

import csv
import re
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.browser.axe import serious
from tests.browser.conftest import Watch
from tests.browser.waiting import becomes
from tests.conftest import RunningServer

PANEL = "figure[data-key='{}']"
SPIKE = 12_345


@pytest.fixture(scope="module")
def number(sqlite_server: RunningServer) -> str:
    """Four runs in two groups: one with a spike of one step among 30 000, one with NaN and both infinities."""
    server = sqlite_server
    made = server.experiment("panels/looked at")
    for i in range(4):
        run_id = server.run(made, run_name=f"panel {i}", start_time=1_700_000_000_000)
        server.ok("runs/log-batch", {"run_id": run_id, "params": [{"key": "model", "value": ["net", "tree"][i % 2]}]})
        length = 30_000 if i == 0 else 100
        for start in range(0, length, 1000):
            values: list[Any] = [1 + i / 10 + step % 7 / 100 for step in range(start, min(length, start + 1000))]
            if i == 0 and start <= SPIKE < start + 1000:
                values[SPIKE - start] = 500.0
            if i == 1:
                values[10], values[20], values[30] = "NaN", "Infinity", "-Infinity"
            points = [
                {"key": key, "value": value, "timestamp": 1_700_000_000_000 + (start + k) * 1000, "step": start + k}
                for k, value in enumerate(values)
                for key in (("loss",) if length > 1000 else ("loss", "acc", "lr"))
            ]
            for part in range(0, len(points), 1000):
                server.ok("runs/log-batch", {"run_id": run_id, "metrics": points[part : part + 1000]})
    return made


def opened(tab: Page, number: str, charts: str = "") -> None:
    tab.goto(f"/experiments/{number}?layout=charts" + (f"&charts={charts}" if charts else ""))
    expect(tab.locator(PANEL.format("loss")).locator(".uplot")).to_be_visible()


def svg(tab: Page, key: str) -> str:
    """The panel as it stands, as the export tells it."""
    panel = tab.locator(PANEL.format(key))
    panel.get_by_label("More actions").click()
    with tab.expect_download() as download:
        panel.get_by_role("button", name="Save as SVG").click()
    return Path(download.value.path()).read_text()


def ticks(text: str) -> list[float]:
    """Of the vertical axis."""
    return [float(tick.replace("\u202f", "")) for tick in re.findall(r'text-anchor="end">([^<]+)<', text)]


class TestPlaces:
    def test_are_changed_by_dragging_and_kept(self, tab: Page, number: str) -> None:
        opened(tab, number)
        keys = "all => all.map(one => one.dataset.key)"
        becomes(lambda: tab.locator("figure[data-key]").evaluate_all(keys), ["acc", "loss", "lr"])
        target = tab.locator(PANEL.format("lr"))
        box = target.bounding_box()
        assert box
        tab.locator(PANEL.format("acc")).locator("[data-handle]").drag_to(
            target, target_position={"x": box["width"] - 20, "y": 40}
        )
        tab.wait_for_url(re.compile("charts=n:loss,lr,acc$"))
        tab.reload()
        expect(tab.locator("figure[data-key]").last).to_have_attribute("data-key", "acc")

    def test_grow_by_the_corner(self, tab: Page, number: str) -> None:
        opened(tab, number)
        panel = tab.locator(PANEL.format("acc"))
        box, corner = panel.bounding_box(), panel.locator("[data-corner]").bounding_box()
        assert box
        assert corner
        tab.mouse.move(corner["x"] + 8, corner["y"] + 8)
        tab.mouse.down()
        tab.mouse.move(corner["x"] + box["width"], corner["y"] + box["height"], steps=6)
        tab.mouse.up()
        tab.wait_for_url(re.compile("charts=d:acc~2~2$"))
        grown = panel.bounding_box()
        assert grown
        assert grown["width"] > 1.5 * box["width"]
        assert panel.locator("canvas.lines").evaluate("one => one.getBoundingClientRect().width") > box["width"]


class TestLines:
    def test_leave_outliers_out_of_the_axis_on_request(self, tab: Page, number: str) -> None:
        opened(tab, number)
        assert max(ticks(svg(tab, "loss"))) >= 400
        tab.get_by_label("clip outliers").check()
        assert max(ticks(svg(tab, "loss"))) < 2

    def test_show_a_spike_of_one_step_at_every_zoom(self, tab: Page, number: str) -> None:
        for zoom in ("", "z:10000,20000", "z:12300,12400", f"z:{SPIKE - 1},{SPIKE + 1}"):
            opened(tab, number, zoom)
            expect(tab.locator(PANEL.format("loss")).locator(".readout")).to_contain_text(re.compile("run|point"))
            assert max(ticks(svg(tab, "loss"))) >= 400, zoom

    def test_mark_what_is_no_finite_number(self, tab: Page, number: str) -> None:
        opened(tab, number)
        text = svg(tab, "acc")
        assert [text.count(f">{sign}<") for sign in "×▲▼"] == [1, 1, 1]

    def test_of_a_group_have_a_middle_and_a_band(self, tab: Page, number: str) -> None:
        opened(tab, number, "g:params.model,median,minmax")
        panel = tab.locator(PANEL.format("acc"))
        expect(panel.locator(".readout")).to_have_text("2 groups of 3 runs")
        panel.locator(".u-over").hover()
        rows = panel.locator(".chart-tooltip tr")
        expect(rows).to_have_count(2)
        expect(rows.filter(has_text="tree")).to_contain_text("2 runs")
        expect(rows.filter(has_text="net")).to_contain_text("1 run")
        names = sorted(panel.locator(".chart-tooltip th").all_inner_texts())
        assert [name.strip() for name in names] == ["net", "tree"]
        expect(tab.get_by_role("list", name="Groups by model").locator("li")).to_have_text(["net 2 runs", "tree 2 runs"])
        colours = panel.locator(".chart-tooltip tr").evaluate_all(
            "all => Object.fromEntries(all.map(row => [row.querySelector('bdi').textContent, row.querySelector('i').className]))"
        )
        legend = tab.locator("[data-legend] li").evaluate_all(
            "all => Object.fromEntries(all.map(row => [row.querySelector('bdi').textContent, row.querySelector('i').className]))"
        )
        assert colours == legend == {"net": "swatch run-1", "tree": "swatch run-2"}
        panel.get_by_label("More actions").click()
        with tab.expect_download() as download:
            panel.get_by_role("button", name="Save data as CSV").click()
        saved = {(row["group"], row["step"]): row for row in csv.DictReader(Path(download.value.path()).read_text().splitlines())}
        figures = [float(saved["tree", "0"][name]) for name in ("mean", "median", "std", "standard_error", "min", "max")]
        assert figures == pytest.approx([1.2, 1.2, 0.02**0.5, 0.1, 1.1, 1.3])  # of 1.1 and 1.3
        alone = saved["tree", "10"]  # where the other one has NaN
        assert [alone[name] for name in ("runs", "not_finite", "std")] == ["1", "1", ""]
        assert float(alone["mean"]) == pytest.approx(1 + 3 / 10 + 3 / 100)

    def test_stand_on_logarithmic_axes(self, tab: Page, number: str) -> None:
        opened(tab, number, "lx;ly")
        text = svg(tab, "loss")
        assert "Step, log" in text
        found = ticks(text)
        assert found == [tick for tick in found if tick > 0]
        assert len(found) >= 2


class TestViews:
    def test_hold_how_charts_are_drawn(self, tab: Page, number: str) -> None:
        opened(tab, number, "ly;s:gauss,0.6")
        tab.keyboard.press("v")
        tab.get_by_label("Save what is shown as").fill("Smooth and log")
        tab.keyboard.press("Enter")
        expect(tab.locator(".toast")).to_contain_text("Smooth and log")
        tab.goto(f"/experiments/{number}")
        tab.keyboard.press("v")
        tab.get_by_role("link", name="Smooth and log").click()
        expect(tab.locator(PANEL.format("loss")).locator(".uplot")).to_be_visible()
        expect(tab.get_by_label("log y")).to_be_checked()
        expect(tab.get_by_label("Smoothing", exact=True)).to_have_value("gauss")


class TestLayout:
    def test_of_charts_alone_fits_a_phone_in_both_themes(self, tab: Page, number: str) -> None:
        tab.set_viewport_size({"width": 390, "height": 844})
        for scheme in ("light", "dark"):
            tab.emulate_media(color_scheme=scheme)
            opened(tab, number)
            assert tab.evaluate("document.documentElement.scrollWidth") <= 390
            box = tab.locator(PANEL.format("loss")).bounding_box()
            assert box
            assert box["x"] >= 0
            assert box["x"] + box["width"] <= 390
            assert serious(tab) == []
            assert box["y"] < 700, "what is looked at stands before the settings"
            expect(tab.get_by_label("log y")).to_be_hidden()
            tab.get_by_role("button", name="Settings").click()
            expect(tab.get_by_label("log y")).to_be_visible()


def test_what_draws_charts_comes_with_the_first_of_them_and_is_asked_for_again(tab: Page, watch: Watch, number: str) -> None:
    watch.expect("ERR_FAILED")
    asked: list[str] = []
    tab.on("request", lambda request: asked.append(request.url))
    tab.goto(f"/experiments/{number}")
    expect(tab.locator("tr[data-run]")).to_have_count(4)
    assert not [url for url in asked if "uplot" in url]
    tab.route("**/vendor/uplot.min.js", lambda route: route.abort())
    tab.get_by_role("navigation", name="Layout").get_by_role("link", name="Charts", exact=True).click()
    panel = tab.locator(PANEL.format("loss"))
    expect(panel).to_contain_text("What draws charts could not be loaded.")
    tab.unroute("**/vendor/uplot.min.js")
    tab.get_by_label("Horizontal axis").select_option("time")
    expect(panel.locator(".uplot")).to_be_visible()
