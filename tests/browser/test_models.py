"""The registry and the pages of editing, as somebody uses them."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.browser.axe import serious
from tests.browser.conftest import Watch
from tests.conftest import RunningServer

PATHS = (
    "/models", "/models/used", "/models/used/edit", "/models/used/versions/1", "/models/used/versions/1/edit", "/models/used/compare", "/models/used/activity", "/activity",
    "/runs/{run_id}/edit", "/experiments/{experiment_id}/edit", "/experiments/{experiment_id}/views", "/experiments?folder=deep/", "/search?q=used", "/experiments/{experiment_id}/models",
    "/compare/models", "/compare/models?models={models}", "/runs/{run_id}", "/experiments/{experiment_id}", "/compare?runs={run_id},{other}",
    "/runs/{run_id}/metric?key=loss", "/logged-models/{one}", "/logged-models/{one}/edit",
)  # fmt: skip
SIZES_ARE_NOT_SEEN = "window.ResizeObserver = class { observe() {} unobserve() {} disconnect() {} }"
HOSTILE = "<img src=x onerror=alert(1)> \u202e" + "n" * 400


@pytest.fixture(scope="module")
def model(sqlite_server: RunningServer, run_id: str) -> str:
    sqlite_server.experiment("deep/er")
    sqlite_server.ok(
        "registered-models/create", {"name": "used", "description": HOSTILE, "tags": [{"key": "k", "value": HOSTILE}]}
    )
    for _ in range(2):
        version = {
            "name": "used",
            "source": f"runs:/{run_id}/m",
            "run_id": run_id,
            "tags": [{"key": "k" * 200, "value": HOSTILE}],
        }
        sqlite_server.ok("model-versions/create", version)
    return "used"


@pytest.fixture(scope="module")
def other(sqlite_server: RunningServer, experiment_id: str) -> str:
    """A second run, to compare with."""
    made = sqlite_server.run(experiment_id, run_name="other", start_time=1700000300000)
    points = [{"key": "loss", "value": 1 / (i + 2), "timestamp": i, "step": i} for i in range(100)]
    sqlite_server.ok("runs/log-batch", {"run_id": made, "metrics": points, "params": [{"key": "a", "value": HOSTILE}]})
    return made


@pytest.fixture(scope="module")
def logged(sqlite_server: RunningServer, experiment_id: str, run_id: str) -> list[str]:
    """Two logged models with a metric and a signature each."""
    found = []
    sqlite_server.ok("runs/set-tag", {"run_id": run_id, "key": "hostile", "value": HOSTILE})
    for i in range(2):
        body = {
            "experiment_id": experiment_id,
            "name": f"net {i}",
            "source_run_id": run_id,
            "params": [{"key": "depth", "value": str(i)}],
        }
        info = sqlite_server.ok("logged-models", body)["model"]["info"]
        found.append(info["model_id"])
        metric = {"key": "acc", "value": i / 4, "timestamp": 1, "model_id": info["model_id"]}
        sqlite_server.ok("runs/log-batch", {"run_id": run_id, "metrics": [metric]})
        text = f'flavors: {{a: {{}}}}\nsignature:\n  inputs: \'[{{"name": "in {i}", "type": "double"}}]\'\n'
        path = f"{info['artifact_uri'].removeprefix('mlflow-artifacts:/')}/MLmodel"
        assert sqlite_server.client.put(f"/api/2.0/mlflow-artifacts/artifacts/{path}", content=text).status_code == 200
    return found


class TestAccess:
    @pytest.mark.parametrize("path", PATHS)
    def test_no_page_has_a_serious_finding_or_sticks_out(
        self, tab: Page, model: str, logged: list[str], experiment_id: str, run_id: str, other: str, path: str
    ) -> None:
        """Nor before a script has drawn its charts again for a narrower window."""
        address = path.format(experiment_id=experiment_id, run_id=run_id, other=other, models=",".join(logged), one=logged[0])
        tab.add_init_script(SIZES_ARE_NOT_SEEN)
        for scheme in ("light", "dark"):
            chosen: Any = scheme
            tab.emulate_media(color_scheme=chosen, reduced_motion="reduce")
            tab.goto(address)
            assert serious(tab) == []
        for width in (320, 390, 1024):
            tab.set_viewport_size({"width": width, "height": 700})
            assert tab.evaluate("document.documentElement.scrollWidth") <= width


class TestVersion:
    def test_an_alias_is_given_and_taken_away(self, tab: Page, watch: Watch, model: str) -> None:
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
        watch.expect("400")
        tab.goto("/models/used/versions/2")
        tab.keyboard.press("a")
        expect(tab.get_by_label("Alias", exact=True)).to_be_focused()
        tab.keyboard.type("v7")
        tab.keyboard.press("Enter")
        refused = tab.get_by_role("alert")
        expect(refused).to_contain_text("reserved")
        expect(tab.get_by_label("Alias", exact=True)).to_be_focused()
        panel, said = tab.locator(".aliases .panel").bounding_box(), refused.bounding_box()
        assert panel
        assert said
        assert panel["x"] <= said["x"] < said["x"] + said["width"] <= panel["x"] + panel["width"]

    def test_two_are_compared_and_one_is_copied(self, tab: Page, watch: Watch, model: str) -> None:
        tab.goto("/models/used/versions/1")
        tab.keyboard.press("c")
        tab.wait_for_url("**/compare*")
        expect(tab.get_by_role("heading", level=1)).to_contain_text("Versions")
        tab.goto("/models/used/versions/1")
        watch.expect("400")
        tab.locator("summary", has_text="Copy").click()
        field = tab.get_by_label("Copy this version to the model")
        field.fill("used/prod")
        tab.keyboard.press("Enter")
        tab.wait_for_url("**/copy")
        expect(tab.get_by_role("alert")).to_contain_text("cannot contain")
        expect(field).to_be_focused()
        expect(field).to_have_value("used/prod")
        assert serious(tab) == []
        field.fill("used-prod")
        tab.keyboard.press("Enter")
        tab.wait_for_url("**/models/used-prod/versions/1*")
        tab.keyboard.press("z")
        expect(tab.locator(".toast")).to_contain_text("and the model “used-prod”")

    def test_a_model_is_made_described_and_deleted_and_a_version_too(self, tab: Page, model: str) -> None:
        tab.goto("/models")
        tab.keyboard.press("n")
        expect(tab.get_by_label("Name", exact=True)).to_be_focused()
        tab.keyboard.type("made by hand")
        tab.keyboard.press("Enter")
        tab.wait_for_url("**/models/made%20by%20hand*")
        expect(tab.locator(".toast")).to_contain_text("created")
        tab.keyboard.press("e")
        tab.wait_for_url("**/edit")
        tab.get_by_label("Description").fill("It **works**.")
        tab.keyboard.press("Control+Enter")
        expect(tab.locator(".note strong")).to_have_text("works")
        tab.wait_for_load_state()
        tab.get_by_label("Delete this model").click()
        expect(tab.get_by_label("Type its name to delete it")).to_be_focused()
        assert serious(tab) == []
        tab.keyboard.type("made by hand")
        tab.keyboard.press("Enter")
        expect(tab.locator(".toast")).to_contain_text("Model “made by hand” deleted.")
        tab.goto("/models/used/versions/1")
        tab.locator("summary", has_text="Copy").click()
        tab.get_by_label("Copy this version to the model").fill("used-then")
        tab.keyboard.press("Enter")
        tab.wait_for_url("**/models/used-then/versions/1*")
        tab.get_by_label("Delete this version").click()
        expect(tab.get_by_text("There is no trash for versions")).to_be_visible()
        tab.set_viewport_size({"width": 390, "height": 700})
        assert tab.evaluate("document.documentElement.scrollWidth") <= 390
        tab.get_by_role("button", name="Delete version 1").click()
        expect(tab.locator(".toast")).to_contain_text("Version 1 of “used-then” deleted.")
        expect(tab.get_by_text("No versions yet")).to_be_visible()

    def test_a_refused_form_stands_at_the_address_of_its_page(
        self, tab: Page, sqlite_server: RunningServer, watch: Watch
    ) -> None:
        watch.expect("400")
        sqlite_server.ok("registered-models/create", {"name": "taken"})
        tab.goto("/models")
        tab.keyboard.press("n")
        tab.get_by_label("Name", exact=True).fill("../no")
        tab.keyboard.press("Enter")
        expect(tab.locator("#new-problem")).to_be_visible()
        expect(tab.get_by_label("Name", exact=True)).to_have_value("../no")
        tab.goto("/models/taken")
        tab.get_by_label("Delete this model").click()
        tab.get_by_label("Type its name to delete it").fill("take")
        tab.keyboard.press("Enter")
        expect(tab.locator("#delete-problem")).to_be_visible()
        expect(tab.get_by_label("Type its name to delete it")).to_have_value("take")
        expect(tab).to_have_url(f"{sqlite_server.url}/models/taken")
        with tab.expect_request("**/models/taken") as asked:
            tab.reload()
        assert asked.value.method == "GET"
        expect(tab.locator("#delete-problem")).to_have_count(0)

    def test_a_note_is_edited_by_keyboard(self, tab: Page, run_id: str) -> None:
        tab.goto(f"/runs/{run_id}")
        tab.keyboard.press("e")
        tab.wait_for_url("**/edit")
        expect(tab.get_by_label("Name", exact=True)).to_be_focused()
        tab.get_by_label("Note").fill("It **works**.")
        tab.keyboard.press("Meta+Enter")
        expect(tab.locator(".note strong")).to_have_text("works")
        tab.wait_for_load_state()
        tab.keyboard.press("z")
        expect(tab.locator(".note")).to_have_count(0)


class TestLoggedModels:
    def test_one_is_registered_and_taken_back(self, tab: Page, logged: list[str]) -> None:
        tab.goto(f"/logged-models/{logged[0]}")
        tab.keyboard.press("r")
        expect(tab.get_by_label("Register it as a version of the model")).to_be_focused()
        tab.keyboard.type("registered by hand")
        tab.keyboard.press("Enter")
        tab.wait_for_url("**/models/registered%20by%20hand/versions/1*")
        expect(tab.locator(".toast")).to_contain_text("Registered as version 1 of “registered by hand”, a new model.")
        expect(tab.locator("#lineage")).to_contain_text("net 0")
        tab.keyboard.press("z")
        expect(tab.locator(".toast")).to_contain_text("and the model “registered by hand”")

    def test_selected_ones_are_compared(self, tab: Page, logged: list[str], experiment_id: str) -> None:
        tab.goto(f"/experiments/{experiment_id}/models")
        tab.keyboard.press("c")
        expect(tab.locator(".toast")).to_contain_text("Select logged models first")
        for name in ("net 0", "net 1"):
            tab.get_by_label(f"Select {name}").check()
        tab.keyboard.press("c")
        tab.wait_for_url("**/compare/models?*")
        expect(tab.get_by_role("heading", level=1)).to_have_text("Compare 2 logged models")
        expect(tab.locator("#compare-signature-inputs")).to_contain_text("in 0")
        tab.get_by_label("Baseline").select_option(logged[0])
        tab.get_by_role("button", name="Show").click()
        expect(tab.locator("#compare-metrics small:not(:empty)")).to_have_text("+0.25")
        tab.get_by_role("heading", name="All logged models at once").scroll_into_view_if_needed()
        expect(tab.locator("[data-plot] canvas")).to_be_visible()
        tab.get_by_label("Plot").select_option("box")
        expect(tab.locator(".plots [data-said]")).to_contain_text("smallest, quarters and largest")

    def test_ticked_ones_are_deleted_and_taken_back(self, tab: Page, sqlite_server: RunningServer) -> None:
        number = sqlite_server.experiment()
        for i in range(3):
            sqlite_server.ok("logged-models", {"experiment_id": number, "name": f"gone {i}"})
        tab.goto(f"/experiments/{number}/models?filter=name+LIKE+'gone%25'")
        every, rows, bar = tab.locator("[data-tick-all]"), tab.locator("tr[data-model]"), tab.locator("#several")
        every.check()
        expect(bar).to_contain_text("3 selected")
        tab.get_by_label("Select gone 1").uncheck()
        expect(bar).to_contain_text("2 selected")
        expect(every).to_have_js_property("indeterminate", True)
        tab.keyboard.press("Delete")
        expect(tab.locator(".toast")).to_contain_text("2 logged models moved to the trash.")
        expect(rows).to_have_count(1)
        expect(tab.get_by_label("Filter logged models")).to_have_value("name LIKE 'gone%'")
        assert not serious(tab)
        tab.keyboard.press("z")
        expect(tab.locator(".toast")).to_contain_text("2 logged models restored.")
        expect(rows).to_have_count(3)


class TestTagsInPlace:
    def test_are_added_changed_removed_and_taken_back_on_the_page(self, tab: Page, sqlite_server: RunningServer) -> None:
        tab.goto(f"/runs/{sqlite_server.run(run_name='tagged')}")
        tab.evaluate("window.stays = true")
        tab.get_by_text("Add a tag").click()
        expect(tab.get_by_label("Tag", exact=True)).to_be_focused()
        tab.keyboard.type("team")
        tab.keyboard.press("Tab")
        tab.keyboard.type("vision")
        tab.keyboard.press("Enter")
        row = tab.locator("[data-tag=team]")
        expect(row.locator("summary")).to_contain_text("vision")
        expect(row.locator("summary")).to_be_focused()
        tab.keyboard.press("Enter")
        expect(tab.get_by_label("Value of team")).to_be_focused()
        tab.get_by_label("Value of team").fill("speech")
        tab.keyboard.press("Enter")
        expect(row.locator("summary")).to_contain_text("speech")
        tab.keyboard.press("z")
        expect(row.locator("summary")).to_contain_text("vision")
        tab.get_by_label("Remove the tag team").click()
        expect(row).to_have_count(0)
        expect(tab.locator(".toast")).to_contain_text("removed")
        assert tab.evaluate("window.stays")

    def test_a_refusal_stays_where_it_was_typed(self, tab: Page, sqlite_server: RunningServer, watch: Watch) -> None:
        watch.expect("400")
        tab.goto(f"/runs/{sqlite_server.run(run_name='refused')}")
        tab.get_by_text("Add a tag").click()
        expect(tab.get_by_label("Tag", exact=True)).to_be_focused()
        tab.keyboard.type("../x")
        tab.keyboard.press("Enter")
        expect(tab.get_by_label("Tag", exact=True)).to_have_value("../x")
        expect(tab.locator("#tag-problem")).to_be_visible()
        assert serious(tab) == []
