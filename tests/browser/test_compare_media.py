"""Images and tables that the client logged at steps, side by side under one slider."""

from __future__ import annotations

import re
from collections.abc import Iterator

import mlflow
import numpy as np
import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.axe import serious
from tests.conftest import RunningServer

FIGURE = "#media section:has(h2 > bdi:text-is('{}')) figure >> nth={}"
COLOURS = {0: 0, 10: 80, 20: 160, 30: 240}


@pytest.fixture(scope="module")
def run_ids(sqlite_server: RunningServer) -> Iterator[list[str]]:
    """The first logs at 0, 10, 20 and 30, the second at 10 and 30 only, the third nothing. An image's grey tells its step."""
    mlflow.set_tracking_uri(sqlite_server.url)
    mlflow.set_experiment("with images")
    ids = []
    for i, steps in enumerate(((0, 10, 20, 30), (10, 30), ())):
        with mlflow.start_run(run_name=f"seen {i}") as run:
            for step in steps:
                mlflow.log_image(np.full((24, 40, 3), COLOURS[step], dtype=np.uint8), key="val/dogs", step=step)
                mlflow.log_table({"prompt": ["<b>hi</b>", "why"], "score": [step, i]}, f"answers/step_{step}.json")
            if steps:
                picture = mlflow.Image(np.full((8, 8, 3), 99, dtype=np.uint8))
                mlflow.log_table({"id": [1], "drawn": [picture]}, "drawn.json")
            ids.append(run.info.run_id)
    yield ids
    mlflow.set_tracking_uri("")


def opened(tab: Page, run_ids: list[str], more: str = "") -> None:
    tab.goto(f"/compare/media?runs={','.join(run_ids)}{more}")
    expect(tab.get_by_role("heading", name="Images and tables")).to_be_visible()


def grey(tab: Page, key: str, place: int) -> int:
    """Of the pixel in the middle of the image that stands there."""
    image = tab.locator(FIGURE.format(key, place)).locator("img")
    expect(image).to_be_visible()
    image.evaluate("image => image.decode()")
    found: int = image.evaluate(
        "image => { const canvas = document.createElement('canvas'), context = canvas.getContext('2d'); canvas.width = canvas.height = 1;"
        " context.drawImage(image, 0, 0, 1, 1); return context.getImageData(0, 0, 1, 1).data[0]; }"
    )
    return found


class TestImagesAndTables:
    def test_stand_at_the_last_step_from_the_start(self, tab: Page, run_ids: list[str]) -> None:
        tab.goto(f"/compare?runs={','.join(run_ids)}")
        tab.get_by_role("link", name="Images and tables").click()
        assert [abs(grey(tab, "val/dogs", i) - 240) < 8 for i in (0, 1)] == [True, True]
        expect(tab.locator(FIGURE.format("val/dogs", 2))).to_contain_text("This run has none.")
        expect(tab.get_by_label("Step", exact=True)).to_have_attribute("aria-valuetext", "30, 4 of 4")

    def test_move_by_keyboard_to_the_nearest_earlier_step_of_each(self, tab: Page, run_ids: list[str]) -> None:
        opened(tab, run_ids)
        tab.get_by_label("Step", exact=True).focus()
        tab.keyboard.press("ArrowLeft")
        expect(tab.locator(FIGURE.format("val/dogs", 0))).to_contain_text("step 20")
        expect(tab.locator(FIGURE.format("val/dogs", 1))).to_contain_text("step 10")
        assert abs(grey(tab, "val/dogs", 0) - 160) < 8
        assert abs(grey(tab, "val/dogs", 1) - 80) < 8
        expect(tab.locator(FIGURE.format("answers/step_*.json", 0)).locator("tbody tr").first).to_contain_text("20")
        expect(tab.locator(FIGURE.format("answers/step_*.json", 1)).locator("tbody tr").first).to_contain_text("10")
        expect(tab.get_by_label("Step", exact=True)).to_be_focused()
        tab.keyboard.press("Home")
        expect(tab.locator(FIGURE.format("val/dogs", 1))).to_contain_text("None up to step 0.")
        tab.wait_for_url(re.compile(r"[?&]step=0$"))
        tab.reload()
        expect(tab.locator(FIGURE.format("val/dogs", 0))).to_contain_text("step 0")
        tab.get_by_role("link", name="Next step").click()
        expect(tab.locator(FIGURE.format("val/dogs", 1))).to_contain_text("step 10")
        expect(tab.locator("output")).to_have_text("10")

    def test_show_text_as_text_and_images_in_cells(self, tab: Page, run_ids: list[str]) -> None:
        opened(tab, run_ids)
        expect(tab.locator(FIGURE.format("answers/step_*.json", 0)).locator("td").first).to_have_text("<b>hi</b>")
        cell = tab.locator(FIGURE.format("drawn.json", 0)).locator("td img")
        cell.scroll_into_view_if_needed()
        expect(cell).not_to_have_js_property("naturalWidth", 0)

    def test_are_chosen_by_name_at_the_same_step(self, tab: Page, run_ids: list[str]) -> None:
        opened(tab, run_ids, "&step=10")
        tab.locator("select[name=show]").select_option("tables:answers/step_*.json")
        expect(tab.locator("#media section")).to_have_count(1)
        expect(tab.locator("output")).to_have_text("10")

    def test_have_no_serious_finding_in_either_theme(self, tab: Page, run_ids: list[str]) -> None:
        for scheme in ("light", "dark"):
            tab.emulate_media(color_scheme=scheme)
            opened(tab, run_ids, "&step=20")
            assert serious(tab) == []

    def test_work_as_a_form_without_scripts(self, browser: Browser, sqlite_server: RunningServer, run_ids: list[str]) -> None:
        context = browser.new_context(java_script_enabled=False, base_url=sqlite_server.url)
        tab = context.new_page()
        tab.goto(f"/compare/media?runs={','.join(run_ids)}&step=25")
        expect(tab.locator(FIGURE.format("val/dogs", 0))).to_contain_text("step 20")
        tab.get_by_role("link", name="Step before").click()
        expect(tab.locator(FIGURE.format("val/dogs", 0))).to_contain_text("step 10")
        tab.wait_for_load_state()  # until then nobody listens to keys
        tab.locator("#media-step").focus()
        tab.keyboard.press("Home")
        tab.get_by_role("button", name="Show").click()
        expect(tab.locator(FIGURE.format("val/dogs", 0))).to_contain_text("step 0")
        context.close()

    def test_say_what_to_log_when_there_are_none(self, tab: Page, run_ids: list[str]) -> None:
        opened(tab, run_ids[2:])
        expect(tab.locator(".empty")).to_contain_text("mlflow.log_image(image, key=")


class TestMany:
    def test_a_hundred_runs_stand_under_one_slider_and_their_folders_are_listed_once(
        self, tab: Page, sqlite_server: RunningServer, run_ids: list[str]
    ) -> None:
        client = mlflow.MlflowClient(sqlite_server.url)
        experiment = client.create_experiment("a hundred with images")
        many = [client.create_run(experiment, run_name=f"many {i:03}").info.run_id for i in range(98)]
        for run_id in many[:40]:
            client.log_image(run_id, np.full((4, 4, 3), 10, dtype=np.uint8), key="val/dogs", step=30)
        ids = [*run_ids[:2], *many]
        opened(tab, ids)
        figures = tab.locator("#media section:has(h2 > bdi:text-is('val/dogs')) figure")
        expect(figures).to_have_count(16)  # tables weigh: there are three names of things to see
        expect(tab.locator(".pager").first).to_contain_text("Runs 1 to 16 of 42, 58 more have nothing of this")
        tab.get_by_role("link", name="Next", exact=True).first.click()
        expect(figures.first).to_contain_text("many 014")
        tab.wait_for_load_state()
        tab.keyboard.press("j")
        expect(tab.locator(".pager").first).to_contain_text("Runs 33 to 42 of 42")
        tab.locator("select[name=show]").select_option("images:val/dogs")
        expect(figures).to_have_count(42)  # of one name alone all of them
        looks = figures.locator(".swatch").evaluate_all("all => new Set(all.slice(0, 24).map(mark => mark.className)).size")
        assert looks == 24
        client.log_image(many[0], np.full((4, 4, 3), 10, dtype=np.uint8), key="val/dogs", step=20)
        tab.get_by_label("Step", exact=True).focus()
        tab.keyboard.press("ArrowLeft")
        expect(figures.nth(2)).to_contain_text("None up to step 20.")  # as it was when the page was loaded
        expect(tab.get_by_label("Step", exact=True)).to_be_focused()
        tab.reload()
        expect(figures.nth(2)).to_contain_text("step 20")
