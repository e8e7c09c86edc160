"""Pages of the registry follow what others do there, and leave in peace what a person is doing."""

from __future__ import annotations

import pytest
from mlflow import MlflowClient
from playwright.sync_api import FloatRect, Page, expect

from tests.browser.slow import offline

SOON = 15_000


@pytest.fixture(scope="module")
def filled(client: MlflowClient) -> str:
    """A model of sixty versions, and sixty models beside it."""
    client.create_registered_model("followed")
    for _ in range(60):
        client.create_model_version("followed", "s3://there/it/is")
    for i in range(60):
        client.create_registered_model(f"beside {i:02}")
    return "followed"


def stands(tab: Page, row: str, before: FloatRect | None) -> None:
    """Where it stood."""
    assert before
    moved = "([id, y]) => Math.abs(document.getElementById(id).getBoundingClientRect().y - y) < 3"
    tab.wait_for_function(moved, arg=[row, before["y"]])


def followed(tab: Page, path: str) -> None:
    with tab.expect_response("**/registry/live"):
        tab.goto(path)


class TestModel:
    def test_versions_aliases_tags_and_names_come_and_what_is_typed_stays(
        self, tab: Page, client: MlflowClient, filled: str
    ) -> None:
        followed(tab, f"/models/{filled}")
        kept = tab.locator("#version-30")
        kept.evaluate("row => { row.same = 'yes'; row.scrollIntoView({ block: 'center' }); row.querySelector('a').focus(); }")
        before = kept.bounding_box()
        made = client.create_model_version(filled, "s3://there/it/is")
        client.set_registered_model_alias(filled, "champion", "30")
        client.set_registered_model_tag(filled, "team", "vision")
        client.update_registered_model(filled, description="It *finds* them.")
        expect(tab.locator(f"#version-{made.version}")).to_be_attached(timeout=SOON)
        expect(kept).to_contain_text("@champion", timeout=SOON)
        expect(tab.locator(".head")).to_contain_text("vision", timeout=SOON)
        expect(tab.locator(".note em")).to_have_text("finds", timeout=SOON)
        expect(tab.locator("#versions h2")).to_contain_text("61")
        assert kept.evaluate("row => row.same") == "yes"
        expect(kept.locator("a").first).to_be_focused()
        stands(tab, "version-30", before)
        client.delete_model_version(filled, "61")
        expect(tab.locator("#version-61")).to_have_count(0, timeout=SOON)
        client.rename_registered_model(filled, "called otherwise")
        try:
            expect(tab.locator("h1")).to_have_text("called otherwise", timeout=SOON)
            expect(tab).to_have_title("called otherwise · Runstone")
            tab.wait_for_function("() => location.pathname === '/models/called%20otherwise'")
        finally:
            client.rename_registered_model("called otherwise", filled)
        expect(tab.locator("h1")).to_have_text(filled, timeout=SOON)

    def test_a_version_follows_and_its_end_is_said(self, tab: Page, client: MlflowClient, filled: str) -> None:
        made = client.create_model_version(filled, "s3://there/it/is").version
        followed(tab, f"/models/{filled}/versions/{made}")
        tab.locator("summary", has_text="Alias").click()
        tab.locator("#alias").fill("half a wo")
        client.set_registered_model_alias(filled, "first", made)
        client.set_model_version_tag(filled, made, "checked", "twice")
        client.update_model_version(filled, made, description="New.")
        expect(tab.locator(".aliases")).to_contain_text("@first", timeout=SOON)
        expect(tab.locator(".head")).to_contain_text("twice", timeout=SOON)
        expect(tab.locator(".note")).to_contain_text("New.", timeout=SOON)
        expect(tab.locator("#alias")).to_have_value("half a wo")
        expect(tab.locator("#alias")).to_be_focused()
        tab.watch.expect("404")  # type: ignore[attr-defined]
        client.delete_model_version(filled, made)
        expect(tab.locator(".problem.gone")).to_contain_text("somebody deleted it", timeout=SOON)
        expect(tab.locator("#alias")).to_have_value("half a wo")


class TestModels:
    def test_the_list_follows_in_place_and_catches_up(self, tab: Page, client: MlflowClient, filled: str) -> None:
        followed(tab, "/models?order=name+ASC")
        area = tab.locator(".fills .scroll")
        seen = area.locator("tr", has_text="beside 40")
        seen.evaluate("row => { row.same = 'yes'; row.scrollIntoView({ block: 'start' }); }")
        place = seen.bounding_box()
        client.create_registered_model("a new one", tags={"team": "speech"})
        expect(area.get_by_role("link", name="a new one")).to_be_attached(timeout=SOON)
        stands(tab, str(seen.get_attribute("id")), place)
        with offline(tab):
            expect(tab.locator(".not-live")).to_contain_text("Offline, not live", timeout=SOON)
            client.set_registered_model_tag("beside 40", "said", "meanwhile")
            client.delete_registered_model("a new one")
        expect(seen).to_contain_text("meanwhile", timeout=SOON)
        expect(area.get_by_role("link", name="a new one")).to_have_count(0)
        expect(tab.locator(".not-live")).to_have_count(0)
        assert seen.evaluate("row => row.same") == "yes"
        client.delete_registered_model_tag("beside 40", "said")
        expect(seen).not_to_contain_text("meanwhile", timeout=SOON)

    def test_the_first_one_and_activity_come_by_themselves(self, tab: Page, client: MlflowClient) -> None:
        followed(tab, "/activity")
        client.create_registered_model("just now")
        expect(tab.locator(".timeline")).to_contain_text("just now", timeout=SOON)
