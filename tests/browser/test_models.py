"""The registry and the pages of editing, as somebody uses them."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.browser.axe import serious
from tests.conftest import RunningServer

PATHS = (
    "/models", "/models/used", "/models/used/edit", "/models/used/versions/1", "/models/used/versions/1/edit", "/models/used/compare",
    "/runs/{run_id}/edit", "/experiments/{experiment_id}/edit", "/experiments/{experiment_id}/views", "/experiments?folder=deep/", "/search?q=used",
)  # fmt: skip
HOSTILE = "<img src=x onerror=alert(1)> \u202e" + "n" * 400


@pytest.fixture(scope="module")
def model(sqlite_server: RunningServer, run_id: str) -> str:
    sqlite_server.experiment("deep/er")
    sqlite_server.ok(
        "registered-models/create", {"name": "used", "description": HOSTILE, "tags": [{"key": "k", "value": HOSTILE}]}
    )
    for _ in range(2):
        version = {"name": "used", "source": f"runs:/{run_id}/m", "run_id": run_id, "tags": [{"key": "k", "value": HOSTILE}]}
        sqlite_server.ok("model-versions/create", version)
    return "used"


class TestAccess:
    @pytest.mark.parametrize("path", PATHS)
    def test_no_page_has_a_serious_finding_or_sticks_out(
        self, tab: Page, model: str, experiment_id: str, run_id: str, path: str
    ) -> None:
        for scheme in ("light", "dark"):
            chosen: Any = scheme
            tab.emulate_media(color_scheme=chosen, reduced_motion="reduce")
            tab.goto(path.format(experiment_id=experiment_id, run_id=run_id))
            assert serious(tab) == []
        for width in (320, 390, 1024):
            tab.set_viewport_size({"width": width, "height": 700})
            assert tab.evaluate("document.documentElement.scrollWidth") <= width


class TestVersion:
    def test_an_alias_is_given_and_taken_away(self, tab: Page, model: str) -> None:
        tab.goto("/models/used/versions/2")
        tab.keyboard.press("a")
        expect(tab.get_by_label("Alias", exact=True)).to_be_focused()
        tab.keyboard.type("champion")
        tab.keyboard.press("Enter")
        expect(tab.locator(".toast")).to_contain_text("now means version 2")
        tab.get_by_label("Remove the alias champion").click()
        expect(tab.locator(".toast")).to_contain_text("removed")
        tab.keyboard.press("z")
        expect(tab.locator(".aliases .chip")).to_have_text("@champion")

    def test_two_are_compared_and_one_is_copied(self, tab: Page, model: str) -> None:
        tab.goto("/models/used/versions/1")
        tab.keyboard.press("c")
        tab.wait_for_url("**/compare*")
        expect(tab.get_by_role("heading", level=1)).to_contain_text("Versions")
        tab.goto("/models/used/versions/1")
        tab.locator("summary", has_text="Copy").click()
        tab.get_by_label("Copy this version to the model").fill("used-prod")
        tab.keyboard.press("Enter")
        tab.wait_for_url("**/models/used-prod/versions/1*")

    def test_a_note_is_edited_by_keyboard(self, tab: Page, run_id: str) -> None:
        tab.goto(f"/runs/{run_id}")
        tab.keyboard.press("e")
        tab.wait_for_url("**/edit")
        tab.get_by_label("Note").fill("It **works**.")
        tab.get_by_role("button", name="Save").click()
        expect(tab.locator(".note strong")).to_have_text("works")
        tab.keyboard.press("z")
        expect(tab.locator(".note")).to_have_count(0)
