"""The page of one metric: its chart can do all that a panel can, but for what needs other panels."""

from __future__ import annotations

import re

from mlflow import MlflowClient
from playwright.sync_api import Page, expect

from tests.browser.waiting import becomes
from tests.conftest import RunningServer


class TestMetricPage:
    def test_keeps_how_its_chart_is_drawn_in_the_address(self, tab: Page, run_id: str) -> None:
        tab.goto(f"/runs/{run_id}/metric?key=loss")
        panel = tab.locator("figure[data-key]")
        expect(panel).to_have_count(1)
        expect(panel.locator(".readout")).to_have_text("4\u202f000 points")
        tab.get_by_label("log y").check()
        tab.get_by_label("Smoothing", exact=True).select_option("gauss")
        tab.wait_for_url(re.compile(r"key=loss&charts=s:gauss,0.6;ly$"))
        box = panel.locator(".u-over").bounding_box()
        assert box
        tab.mouse.move(box["x"] + 100, box["y"] + 40)
        tab.mouse.down()
        tab.mouse.move(box["x"] + 300, box["y"] + 45, steps=5)
        tab.mouse.up()
        tab.wait_for_url(re.compile(r";z:[0-9.]+,[0-9.]+$"))
        tab.reload()
        expect(tab.get_by_role("button", name="Reset zoom")).to_be_visible()
        expect(tab.get_by_label("log y")).to_be_checked()

    def test_has_the_other_metrics_as_axis_and_no_place_for_other_panels(self, tab: Page, run_id: str) -> None:
        tab.goto(f"/runs/{run_id}/metric?key=loss")
        expect(tab.locator("figure[data-key=loss] .uplot")).to_be_visible()
        assert "metrics.odd" in tab.get_by_label("Horizontal axis").locator("option").evaluate_all(
            "all => all.map(one => one.value)"
        )
        for label in ("Find charts", "Add the chart of a metric", "Group runs by", "All charts"):
            expect(tab.get_by_label(label)).to_be_hidden()
        tab.get_by_label("More actions").click()
        names = tab.locator("figure .menu .act").all_inner_texts()
        assert names == ["Data as table", "Save as PNG", "Save as SVG", "Save data as CSV", "Copy link to this chart"]
        tab.get_by_role("button", name="Copy link to this chart").click()
        expect(tab.locator("figure .readout")).to_have_text("Link copied")
        becomes(lambda: tab.evaluate("navigator.clipboard.readText()").endswith(f"/runs/{run_id}/metric?key=loss"), True)
        tab.locator("figure[data-key=loss]").focus()
        tab.keyboard.press("f")
        expect(tab.get_by_role("dialog").locator(".uplot")).to_be_visible()

    def test_without_steps_is_drawn_by_time_and_zoomed_by_itself(self, tab: Page, sqlite_server: RunningServer) -> None:
        made = sqlite_server.run()
        points = [{"key": "flat", "value": i, "timestamp": 1700000000000 + 1000 * i, "step": 0} for i in range(50)]
        points += [{"key": "loss", "value": i, "timestamp": i, "step": i} for i in range(50)]
        sqlite_server.ok("runs/log-batch", {"run_id": made, "metrics": points})
        tab.goto(f"/runs/{made}")
        panel = tab.locator("figure[data-key=flat]")
        panel.scroll_into_view_if_needed()
        expect(panel.locator(".uplot")).to_be_visible()
        area = panel.locator(".u-over")
        area.hover()
        expect(panel.locator(".chart-tooltip caption")).to_have_text(re.compile(r"^\d+(\.\d+)? s$"))
        box = area.bounding_box()
        assert box
        tab.mouse.move(box["x"] + 40, box["y"] + 40)
        tab.mouse.down()
        tab.mouse.move(box["x"] + 140, box["y"] + 45, steps=5)
        tab.mouse.up()
        expect(tab.get_by_role("button", name="Reset zoom")).to_be_visible()
        expect(tab).not_to_have_url(re.compile(re.escape("z:")))
        tab.get_by_role("button", name="Reset zoom").click()
        expect(tab.get_by_role("button", name="Reset zoom")).to_be_hidden()

    def test_without_a_number_says_so(self, tab: Page, run_id: str) -> None:
        tab.goto(f"/runs/{run_id}/metric?key=never")
        expect(tab.locator("figure[data-key=never]")).to_contain_text("No finite value to draw: 3 NaN.")

    def test_follows_the_name_and_the_points_of_its_run(self, tab: Page, client: MlflowClient) -> None:
        run_id = client.create_run(client.create_experiment("metric page live"), run_name="first name").info.run_id
        for step in range(30):
            client.log_metric(run_id, "loss", 1 / (step + 1), step=step)
        with tab.expect_response("**/runs/marks"):
            tab.goto(f"/runs/{run_id}/metric?key=loss")
        panel = tab.locator(".chart-panel[data-key=loss]")
        expect(panel.locator("canvas.lines")).to_be_attached()
        panel.evaluate("panel => { panel.same = 'yes'; }")
        client.update_run(run_id, name="second name")
        client.log_metric(run_id, "loss", 7.5, step=31)
        expect(tab.locator("#crumbs")).to_contain_text("second name")
        expect(tab).to_have_title("loss · second name · Runstone")
        expect(tab.locator(".facts")).to_contain_text("7.5")
        expect(tab.locator("section", has=tab.get_by_role("heading", name="Points"))).to_contain_text("31")
        tab.wait_for_function("() => JSON.parse(document.getElementById('shown-runs').textContent)[0].name === 'second name'")
        assert panel.evaluate("panel => panel.same") == "yes"
        client.set_terminated(run_id)
