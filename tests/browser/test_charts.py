"""Charts of many runs as people use them: zoom, smoothing, groups, full screen, export, links; and the comparison."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import mlflow
import pytest
from playwright.sync_api import Page, expect

from tests.browser.axe import serious
from tests.browser.conftest import Watch
from tests.browser.waiting import becomes
from tests.conftest import RunningServer

PANEL = "figure[data-key='{}']"


@pytest.fixture(scope="module")
def run_ids(sqlite_server: RunningServer) -> Iterator[list[str]]:
    """Four runs of two models, logged by the client: one has a spike of one step, NaN and an infinity."""
    mlflow.set_tracking_uri(sqlite_server.url)
    mlflow.set_experiment("charted by the client")
    ids = []
    for i in range(4):
        with mlflow.start_run(run_name=f"chart {i}") as run:
            mlflow.log_params({"model": ["net", "tree"][i % 2], "lr": 0.1 * (i + 1)})
            for key in ("loss", "train/acc", "train/loss", "system/cpu"):
                values: list[Any] = [1 / (1 + step / 50) + i / 10 for step in range(1000)]
                if i == 1 and key == "loss":
                    values[600], values[100], values[200] = 9.0, float("nan"), float("inf")
                entities = [
                    mlflow.entities.Metric(key, value, 1_700_000_000_000 + step * 1000, step) for step, value in enumerate(values)
                ]
                mlflow.MlflowClient().log_batch(run.info.run_id, metrics=entities)
            ids.append(run.info.run_id)
    yield ids
    mlflow.set_tracking_uri("")


def opened(tab: Page, run_ids: list[str], charts: str = "") -> None:
    tab.goto(f"/compare?runs={','.join(run_ids)}" + (f"&charts={charts}" if charts else ""))
    tab.locator(PANEL.format("loss")).scroll_into_view_if_needed()
    expect(tab.locator(PANEL.format("loss")).locator(".uplot")).to_be_visible()


def drag(tab: Page, key: str, start: float, end: float) -> None:
    """Over a part of the chart, as shares of its width."""
    area = tab.locator(PANEL.format(key)).locator(".u-over")
    area.scroll_into_view_if_needed()
    box = area.bounding_box()
    assert box
    tab.mouse.move(box["x"] + box["width"] * start, box["y"] + 60)
    tab.mouse.down()
    tab.mouse.move(box["x"] + box["width"] * end, box["y"] + 62, steps=5)
    tab.mouse.up()


@pytest.fixture(scope="module")
def wide_run(sqlite_server: RunningServer) -> str:
    """12 000 metrics: half of them in sections of their own, most others in one section, and thirty sections of twenty."""
    made = sqlite_server.run(run_name="wide")
    names = [f"layer{i}/grad" for i in range(6000)] + [f"weights/tensor {i}" for i in range(5400)]
    names += [f"block{i}/value {k}" for i in range(30) for k in range(20)]
    for start in range(0, len(names), 1000):
        points = [
            {"key": name, "value": i, "timestamp": step, "step": step}
            for i, name in enumerate(names[start : start + 500])
            for step in range(2)
        ]
        points += [{"key": name, "value": 1, "timestamp": 1} for name in names[start + 500 : start + 1000]]
        for part in (points[:1000], points[1000:]):
            sqlite_server.ok("runs/log-batch", {"run_id": made, "metrics": part})
    return made


class TestThousandsOfMetrics:
    """Long tasks, in ms: what makes a page not answer."""

    @pytest.fixture
    def wide(self, tab: Page, wide_run: str) -> Page:
        tab.add_init_script(
            """window.long = []; new PerformanceObserver(list => { for (const e of list.getEntries()) window.long.push(e.duration); })
            .observe({type: 'longtask', buffered: true});"""
        )
        self.sent: list[int] = []
        tab.on("response", lambda found: self.sent.append(len(found.body())) if "/charts/names" in found.url else None)
        tab.goto(f"/compare?runs={wide_run}")
        expect(tab.locator("[data-charts-pane] [data-said]")).to_contain_text("of 12\u202f000 metrics are listed")
        return tab

    def test_are_not_all_put_into_the_page(self, wide: Page) -> None:
        assert wide.locator("[data-charts-pane] *").count() < 6000
        assert 1 <= wide.locator("figure[data-key]").count() <= 60
        assert sum(self.sent) < 60_000
        wide.locator("[data-more-sections]").click()
        assert wide.locator("[data-charts-pane] *").count() < 7000
        assert max(wide.evaluate("window.long"), default=0) < 1000

    def test_are_all_found(self, wide: Page) -> None:
        field = wide.get_by_label("Find charts")
        for text, keys in (
            ("layer5999/", ["layer5999/grad"]),
            ("^weights/tensor 5(39)[89]$", ["weights/tensor 5398", "weights/tensor 5399"]),
            ("R 5321$", ["weights/tensor 5321"]),
        ):
            field.fill(text)
            expect(wide.locator("figure[data-key]")).to_have_count(len(keys))
            assert wide.locator("figure[data-key]").evaluate_all("all => all.map(one => one.dataset.key)") == keys
        field.fill("9")
        expect(wide.locator("[data-more-sections]")).to_be_visible()
        assert wide.locator("figure[data-key]").count() <= 60
        assert max(wide.evaluate("window.long"), default=0) < 1000

    def test_of_one_section_are_turned_page_by_page(self, wide: Page) -> None:
        wide.get_by_label("Find charts").fill("^weights/")
        expect(wide.locator(".chart-section .count")).to_have_text("5\u202f400")
        wide.get_by_role("button", name="Show 48 of").click()
        expect(wide.locator("figure[data-key]")).to_have_count(48)
        wide.get_by_role("button", name="Next").click()
        expect(wide.locator("[data-pages] span")).to_have_text("49 to 96 of 5\u202f400")
        expect(wide.locator("figure[data-key]")).to_have_count(48)
        expect(wide.locator(PANEL.format("weights/tensor 48"))).to_be_attached()

    def test_are_added_by_name_wherever_they_stand(self, wide: Page) -> None:
        wide.get_by_label("Add the chart of a metric").fill("layer4321/grad")
        wide.keyboard.press("Enter")
        expect(wide.locator(PANEL.format("layer4321/grad"))).to_be_in_viewport()

    def test_of_opened_sections_are_bounded(self, wide: Page) -> None:
        wide.get_by_label("Find charts").fill("^block")
        expect(wide.locator(".chart-section")).to_have_count(30)
        for i in range(30):
            section = wide.locator(f"[data-section=block{i}]")
            if not section.evaluate("one => one.open"):
                section.locator("summary").click()
            expect(section.locator("figure[data-key]")).to_have_count(12)
        expect(wide.locator("figure[data-key]")).to_have_count(240)
        expect(wide.locator(".chart-section[open]")).to_have_count(20)


class TestPanels:
    def test_draw_their_lines_above_the_grid_and_below_the_cursor(self, tab: Page, run_ids: list[str]) -> None:
        opened(tab, run_ids)
        layers = tab.locator(PANEL.format("loss")).evaluate(
            """panel => { const box = panel.querySelector(".u-over").getBoundingClientRect();
            return document.elementsFromPoint(box.x + box.width / 2, box.y + box.height / 2).map(one => one.className || one.tagName); }"""
        )
        order = [next(i for i, name in enumerate(layers) if name == wanted) for wanted in ("u-over", "top", "lines", "CANVAS")]
        assert order == sorted(order), layers

    @pytest.mark.parametrize("width", [1440, 1024, 700, 390])
    def test_have_controls_that_stand_on_one_line(self, tab: Page, run_ids: list[str], width: int) -> None:
        tab.set_viewport_size({"width": width, "height": 900})
        opened(tab, run_ids)
        boxes = tab.locator(".charts-toolbar > *:visible, .charts-toolbar .check").evaluate_all(
            "all => all.map(one => one.getBoundingClientRect()).map(box => [box.left, box.right, box.top + box.height / 2])"
        )
        middles = sorted(middle for _, _, middle in boxes)
        assert all(later - earlier < 1 or later - earlier > 24 for earlier, later in itertools.pairwise(middles)), middles

    def test_stand_in_sections_by_prefix_with_the_systems_closed(self, tab: Page, run_ids: list[str]) -> None:
        opened(tab, run_ids)
        expect(tab.locator(".chart-section > summary bdi")).to_have_text(["Metrics", "train", "system"])
        becomes(lambda: tab.locator(".chart-section").evaluate_all("all => all.map(one => one.open)"), [True, True, False])
        tab.locator(".chart-section summary", has_text="system").click()
        expect(tab.locator(PANEL.format("system/cpu")).locator(".uplot")).to_be_visible()
        tab.wait_for_url("**charts=u:system")

    def test_zoom_together_ask_again_and_keep_it_in_the_address(self, tab: Page, run_ids: list[str]) -> None:
        opened(tab, run_ids)
        asked: list[str] = []
        tab.on("request", lambda request: asked.append(request.post_data or "") if "/charts/panel" in request.url else None)
        drag(tab, "loss", 0.55, 0.65)
        tab.wait_for_url(re.compile("charts=z:[0-9.]+,[0-9.]+$"))
        expect(tab.get_by_role("button", name="Reset zoom")).to_be_visible()
        for _ in range(200):
            if any('"first"' in body and '"key":"train/acc"' in body for body in asked):
                break
            tab.wait_for_timeout(100)
        assert any('"first"' in body and '"key":"train/acc"' in body for body in asked)
        tab.reload()
        expect(tab.get_by_role("button", name="Reset zoom")).to_be_visible()
        tab.get_by_role("button", name="Reset zoom").click()
        expect(tab.get_by_role("button", name="Reset zoom")).to_be_hidden()
        expect(tab).not_to_have_url(re.compile(re.escape("charts=")))

    def test_show_the_nearest_runs_and_point_at_one_everywhere(self, tab: Page, run_ids: list[str]) -> None:
        opened(tab, run_ids)
        tab.locator(PANEL.format("loss")).locator(".u-over").scroll_into_view_if_needed()
        tab.mouse.move(*_near_lines(tab))
        tooltip = tab.locator(PANEL.format("loss")).locator(".chart-tooltip")
        expect(tooltip.locator("tr")).to_have_count(4)
        values = [float(text) for text in tooltip.locator("td:nth-child(2)").all_inner_texts()]
        assert values == sorted(values, reverse=True)
        expect(tab.locator("canvas.dimmed")).not_to_have_count(0)
        expect(tab.locator("th.pointed")).to_have_count(1)
        tab.mouse.click(*_near_lines(tab))
        expect(tooltip).to_have_class(re.compile("pinned"))
        tab.mouse.move(5, 5)
        expect(tooltip).to_be_visible()

    def test_smooth_group_and_scale(self, tab: Page, run_ids: list[str]) -> None:
        opened(tab, run_ids)
        tab.get_by_label("Smoothing", exact=True).select_option("gauss")
        expect(tab.get_by_label("Strength of smoothing")).to_be_visible()
        tab.get_by_label("Group runs by").select_option("params.model")
        expect(tab.locator(PANEL.format("loss")).locator(".readout")).to_have_text("2 groups of 4 runs")
        tab.get_by_label("Band of a group").select_option("minmax")
        tab.get_by_label("Horizontal axis").select_option("relative")
        tab.get_by_label("log y").check()
        tab.wait_for_url("**charts=x:relative;s:gauss,0.6;ly;g:params.model,mean,minmax")
        tab.reload()
        expect(tab.locator(PANEL.format("loss")).locator(".readout")).to_have_text("2 groups of 4 runs")
        expect(tab.get_by_label("Smoothing", exact=True)).to_have_value("gauss")
        tab.get_by_label("Horizontal axis").select_option("metrics.train/acc")
        expect(tab.locator(PANEL.format("loss")).locator(".readout")).to_have_text("2 groups of 4 runs")

    def test_are_found_by_a_regular_expression(self, tab: Page, run_ids: list[str]) -> None:
        opened(tab, run_ids)
        tab.get_by_label("Find charts").fill("^train/.*s$")
        expect(tab.locator("figure[data-key]")).to_have_count(1)
        tab.get_by_label("Find charts").fill("(")
        expect(tab.locator("[data-charts-pane] [data-said]")).to_contain_text("is no regular expression")

    def test_open_in_full_screen_by_keyboard(self, tab: Page, run_ids: list[str]) -> None:
        opened(tab, run_ids)
        tab.locator(PANEL.format("loss")).focus()
        tab.keyboard.press("f")
        full = tab.get_by_role("dialog")
        expect(full.get_by_role("heading")).to_have_text("loss")
        tab.keyboard.press("ArrowRight")
        expect(full.get_by_role("heading")).to_have_text("train/acc")
        tab.keyboard.press("ArrowLeft")
        tab.keyboard.press("ArrowLeft")
        expect(full.get_by_role("heading")).to_have_text("loss")
        tab.keyboard.press("Escape")
        expect(full).to_be_hidden()
        expect(tab.locator(".chart-panels").first.locator("figure")).to_have_count(1)

    def test_change_places_and_sizes_by_keyboard(self, tab: Page, run_ids: list[str]) -> None:
        opened(tab, run_ids)
        tab.locator(PANEL.format("train/acc")).focus()
        tab.keyboard.press("Alt+ArrowRight")
        tab.keyboard.press("Shift+ArrowRight")
        tab.keyboard.press("Shift+ArrowDown")
        tab.wait_for_url(re.compile("charts=n:train/loss,train/acc;d:train/acc~2~2$"))
        tab.reload()
        expect(tab.locator(PANEL.format("train/acc"))).to_have_attribute("data-tall", "2")
        assert tab.locator("[data-section=train] figure").evaluate_all("all => all.map(one => one.dataset.key)") == [
            "train/loss",
            "train/acc",
        ]

    def test_are_removed_and_added(self, tab: Page, run_ids: list[str]) -> None:
        opened(tab, run_ids)
        _menu(tab, "loss", "Remove")
        expect(tab.locator(PANEL.format("loss"))).to_have_count(0)
        tab.wait_for_url("**charts=r:loss")
        tab.get_by_label("Add the chart of a metric").fill("loss")
        tab.keyboard.press("Enter")
        expect(tab.locator(PANEL.format("loss"))).to_have_count(1)

    def test_are_linked_to_one_by_one(self, tab: Page, run_ids: list[str]) -> None:
        opened(tab, run_ids)
        _menu(tab, "train/acc", "Copy link to this chart")
        expect(tab.get_by_text("Link copied")).to_be_visible()
        tab.goto(tab.evaluate("navigator.clipboard.readText()"))
        expect(tab.locator("figure[data-key]")).to_have_count(1)
        tab.get_by_role("button", name="All charts").click()
        expect(tab.locator("figure[data-key]")).not_to_have_count(1)

    def test_are_saved_and_shown_as_a_table(self, tab: Page, run_ids: list[str], tmp_path: Path) -> None:
        opened(tab, run_ids)
        found = {}
        for name, ending in (("Save as PNG", "png"), ("Save as SVG", "svg"), ("Save data as CSV", "csv")):
            with tab.expect_download() as download:
                _menu(tab, "loss", name)
            assert download.value.suggested_filename == f"loss.{ending}"
            found[ending] = download.value.path().read_bytes()
        assert found["png"].startswith(b"\x89PNG")
        assert b"chart 3" in found["svg"]
        rows = [row.split(",") for row in found["csv"].decode().splitlines()]
        spiky = [row for row in rows if row[0] == "chart 1"]
        assert rows[0][:7] == ["run", "run_id", "step", "value", "min", "max", "not_finite"]
        assert max(float(row[5]) for row in spiky if row[5]) == 9.0
        assert {row[6] for row in spiky if row[6]} == {"NaN", "inf"}
        _menu(tab, "loss", "Data as table")
        expect(tab.get_by_role("dialog").locator("tbody tr")).to_have_count(4)
        expect(tab.get_by_role("dialog").get_by_role("row", name=re.compile("chart 1"))).to_contain_text("9")

    def test_over_all_runs_at_once_are_plotted(self, tab: Page, run_ids: list[str]) -> None:
        opened(tab, run_ids)
        tab.get_by_role("heading", name="All runs at once").scroll_into_view_if_needed()
        expect(tab.locator("[data-plot] canvas")).to_be_visible()
        for kind, said in (
            ("scatter", "Trend: loss changes by"),
            ("contour", "4 runs, estimated"),
            ("box", "smallest, quarters and largest"),
        ):
            tab.get_by_label("Plot").select_option(kind)
            if kind == "contour":
                tab.locator("[data-choose=x]").select_option("params.lr")
                tab.locator("[data-choose=y]").select_option("metrics.train/acc")
            expect(tab.locator(".plots [data-said]")).to_contain_text(said)
            if kind == "box":  # each run has an lr of its own: boxes stand over what runs have in common
                expect(tab.locator("[data-choose=x]")).to_have_value("params.model")
        tab.get_by_label("Plot").select_option("correlation")
        expect(tab.locator("[data-correlations] tbody tr")).to_have_count(2)

    def test_what_plots_are_drawn_from_is_asked_for_again(self, tab: Page, watch: Watch, run_ids: list[str]) -> None:
        watch.expect("ERR_FAILED")
        tab.route("**/compare/plotted*", lambda route: route.abort())
        tab.goto(f"/compare?runs={','.join(run_ids)}")
        tab.get_by_role("heading", name="All runs at once").scroll_into_view_if_needed()
        failed = tab.locator(".plots .failed")
        expect(failed).to_contain_text("The plots could not be loaded: the server cannot be reached.")
        tab.unroute("**/compare/plotted*")
        failed.get_by_role("button", name="Try again").click()
        expect(tab.locator("[data-plot] canvas")).to_be_visible()
        expect(failed).to_have_count(0)

    def test_axes_of_parallel_coordinates_are_chosen_from_a_list_by_keyboard(self, tab: Page, run_ids: list[str]) -> None:
        opened(tab, run_ids)
        tab.get_by_role("heading", name="All runs at once").scroll_into_view_if_needed()
        menu = tab.locator("[data-axes]")
        expect(menu.locator("[data-axes-count]")).not_to_have_text("")
        before = int(menu.locator("[data-axes-count]").inner_text())
        menu.locator("summary").focus()
        tab.keyboard.press("Enter")
        expect(menu.get_by_label("Find axes")).to_be_focused()
        tab.keyboard.type("ACC")
        expect(menu.locator("label:visible")).to_have_text(["train/acc"])
        tab.keyboard.press("ArrowDown")
        tab.keyboard.press("Space")
        expect(menu.get_by_label("train/acc")).to_be_checked()
        expect(menu.locator("[data-axes-count]")).to_have_text(str(before + 1))
        tab.wait_for_url(re.compile("plot=a%3A.*metrics.train%2Facc"))
        assert serious(tab) == []
        tab.keyboard.press("Escape")
        expect(menu.locator("summary")).to_be_focused()
        tab.reload()
        tab.get_by_role("heading", name="All runs at once").scroll_into_view_if_needed()
        expect(menu.locator("[data-axes-count]")).to_have_text(str(before + 1))
        tab.locator("[data-choose=colour]").select_option("run")
        tab.wait_for_url(re.compile("c%3Arun"))
        menu.locator("summary").click()
        tab.get_by_role("button", name="None", exact=True).click()
        expect(menu.locator("[data-axes-count]")).to_have_text("0")
        expect(tab.locator("[data-plot] canvas")).to_be_visible()

    def test_parallel_coordinates_are_brushed_by_mouse_and_by_keyboard(self, tab: Page, run_ids: list[str]) -> None:
        opened(tab, run_ids)
        tab.get_by_role("heading", name="All runs at once").scroll_into_view_if_needed()
        menu, count, kept = tab.locator("[data-brush]"), tab.locator("[data-brush-count]"), tab.locator("[data-kept]")
        expect(tab.locator("[data-plot] canvas")).to_be_visible()
        menu.locator("summary").focus()
        tab.keyboard.press("Enter")
        start = menu.get_by_label("lr: from")
        expect(start).to_be_focused()
        tab.keyboard.type("none")
        tab.keyboard.press("Tab")
        expect(start).to_have_attribute("aria-invalid", "true")
        expect(count).to_have_text("")
        start.fill("0.25")
        start.press("Tab")
        expect(count).to_have_text("1")
        expect(kept).to_have_text("Compare only these 2")
        expect(start).to_have_attribute("aria-invalid", "false")
        tab.wait_for_url(re.compile("b%3Aparams.lr%3D0.25"))
        assert serious(tab) == []
        tab.reload()
        tab.get_by_role("heading", name="All runs at once").scroll_into_view_if_needed()
        expect(kept).to_have_text("Compare only these 2")
        menu.locator("summary").click()
        expect(start).to_have_value("0.25")
        tab.get_by_role("button", name="Clear all").click()
        expect(count).to_have_text("")
        expect(kept).to_be_hidden()
        tab.keyboard.press("Escape")
        plot = tab.locator("[data-plot]")
        plot.scroll_into_view_if_needed()
        box = plot.bounding_box()
        assert box
        tab.mouse.move(box["x"] + 60, box["y"] + 60)  # the first axis
        tab.mouse.down()
        tab.mouse.move(box["x"] + 60, box["y"] + 200, steps=4)
        tab.mouse.up()
        expect(count).to_have_text("1")
        tab.wait_for_url(re.compile("b%3Aparams.lr%3D"))

    def test_over_all_runs_at_once_are_kept_in_the_address(self, tab: Page, run_ids: list[str]) -> None:
        opened(tab, run_ids, "ly")
        tab.get_by_label("Plot").select_option("scatter")
        tab.locator("[data-choose=x]").select_option("metrics.train/acc")
        tab.wait_for_url(re.compile(r"plot=k%3Ascatter%3Bx%3Ametrics.train%2Facc"))
        tab.get_by_label("what is the same, too").check()
        tab.wait_for_url(re.compile("all=1"))
        expect(tab.locator("[data-choose=x]")).to_have_value("metrics.train/acc")
        expect(tab.get_by_label("Plot")).to_have_value("scatter")
        expect(tab.get_by_label("log y")).to_be_checked()

    def test_are_live_while_a_run_goes_on(self, tab: Page, sqlite_server: RunningServer) -> None:
        made = sqlite_server.run()
        points = [{"key": "loss", "value": step, "timestamp": step, "step": step} for step in range(5)]
        sqlite_server.ok("runs/log-batch", {"run_id": made, "metrics": points})
        tab.goto(f"/runs/{made}")
        expect(tab.locator(".chart-panel .readout")).to_have_text("5 points")
        sqlite_server.ok("runs/log-batch", {"run_id": made, "metrics": [{"key": "loss", "value": 9, "timestamp": 9, "step": 9}]})
        expect(tab.locator(".chart-panel .readout")).to_have_text("6 points")


def _near_lines(tab: Page) -> tuple[float, float]:
    """Beside the lines, which are near the ground: the spike makes the axis reach up."""
    box = tab.locator(PANEL.format("loss")).locator(".u-over").bounding_box()
    assert box
    return box["x"] + 150, box["y"] + box["height"] - 14


def _menu(tab: Page, key: str, name: str) -> None:
    panel = tab.locator(PANEL.format(key))
    panel.get_by_label("More actions").click()
    panel.get_by_role("button", name=name).click()
