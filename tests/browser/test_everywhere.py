"""What is on every page: the palette, the keys, undo, what is on its way; and that everybody can use it."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.browser.axe import serious
from tests.browser.conftest import Watch
from tests.conftest import RunningServer

PATHS = (
    "/experiments", "/experiments?view=deleted", "/experiments/{experiment_id}", "/experiments/{experiment_id}/models", "/models", "/search?q=run",
    "/runs/{run_id}", "/runs/{run_id}/metric?key=loss", "/runs/{run_id}?file=config.yaml", "/experiments?search=zzz",
)  # fmt: skip


class TestAccess:
    @pytest.mark.parametrize("scheme", ["light", "dark"])
    @pytest.mark.parametrize("path", PATHS)
    def test_no_page_has_a_serious_finding(self, tab: Page, experiment_id: str, run_id: str, path: str, scheme: Any) -> None:
        tab.emulate_media(color_scheme=scheme, reduced_motion="reduce")
        tab.goto(path.format(experiment_id=experiment_id, run_id=run_id))
        assert serious(tab) == []

    def test_a_long_description_is_scrolled_by_keys_and_its_headings_stand_below_the_pages(
        self, tab: Page, sqlite_server: RunningServer
    ) -> None:
        number = sqlite_server.experiment("described/at/great-length")
        note = "# Why\n\n" + "many words " * 400
        sqlite_server.ok("experiments/set-experiment-tag", {"experiment_id": number, "key": "mlflow.note.content", "value": note})
        for width in (390, 1280):
            tab.set_viewport_size({"width": width, "height": 700})
            tab.goto(f"/experiments/{number}")
            said = tab.get_by_role("region", name="Description")
            expect(said).to_contain_text("Why")
            assert serious(tab) == []
            said.focus()
            tab.keyboard.press("End")
            tab.wait_for_function("() => document.querySelector('main > .note').scrollTop > 0")
        covered = """() => { const [id, tools] = [".head .id", ".head .actions"].map(name => document.querySelector(name).getBoundingClientRect());
            return id.right > tools.left && id.left < tools.right && id.bottom > tools.top && id.top < tools.bottom; }"""
        for width in range(320, 480, 10):  # at one of them the id ends where the tools begin
            tab.set_viewport_size({"width": width, "height": 700})
            assert not tab.evaluate(covered), width

    def test_the_rules_find_what_is_wrong(self, tab: Page) -> None:
        tab.goto("/experiments")
        tab.evaluate(
            "document.querySelector('main').insertAdjacentHTML('beforeend', '<button></button><img src=\"/static/x/icon.svg\">')"
        )
        assert {problem.partition(":")[0] for problem in serious(tab)} >= {"button-name", "image-alt"}

    def test_an_error_has_none(self, tab: Page, watch: Watch) -> None:
        watch.expect("404")
        tab.goto("/runs/none")
        assert serious(tab) == []

    def test_dialogs_have_none(self, tab: Page, experiment_id: str) -> None:
        tab.goto("/experiments")
        tab.keyboard.press("?")
        expect(tab.get_by_role("dialog", name="Keys")).to_be_visible()
        assert serious(tab) == []
        tab.keyboard.press("Escape")
        tab.keyboard.press("Control+k")
        expect(tab.get_by_role("option").first).to_be_visible()
        assert serious(tab) == []


class TestPalette:
    def test_finds_what_is_typed_and_opens_it(self, tab: Page, experiment_id: str, run_id: str) -> None:
        tab.goto("/models")
        tab.keyboard.press("Control+k")
        field = tab.get_by_role("combobox", name="Find an experiment")
        expect(field).to_be_focused()
        tab.keyboard.type("in a browser")
        expect(tab.get_by_role("option", name="in a browser id")).to_have_attribute("aria-selected", "true")
        field.fill("charted")
        expect(tab.get_by_role("option", name="charted")).to_have_attribute("aria-selected", "true")
        tab.keyboard.press("Enter")
        tab.wait_for_url(f"**/runs/{run_id}")

    def test_arrows_choose_and_escape_closes(self, tab: Page, experiment_id: str) -> None:
        tab.goto("/experiments")
        tab.locator(".rail").get_by_title("Search everything").click()
        tab.get_by_role("combobox").fill("run 00")
        options = tab.get_by_role("option")
        expect(options).to_have_count(6)
        tab.keyboard.press("ArrowDown")
        tab.keyboard.press("ArrowDown")
        expect(options.nth(2)).to_have_attribute("aria-selected", "true")
        tab.keyboard.press("ArrowUp")
        chosen = tab.get_by_role("combobox").get_attribute("aria-activedescendant")
        assert chosen == options.nth(1).get_attribute("id")
        tab.keyboard.press("Escape")
        expect(tab.get_by_role("dialog")).to_have_count(0)

    def test_does_what_the_page_can_do(self, tab: Page) -> None:
        tab.goto("/experiments")
        tab.keyboard.press("Control+k")
        tab.keyboard.type("go to models")
        tab.get_by_role("option", name="Go to models").click()
        tab.wait_for_url("**/models")

    def test_says_when_the_server_is_gone(self, tab: Page, watch: Watch) -> None:
        tab.goto("/experiments")
        watch.expect("ERR_FAILED")
        tab.route("**/search*", lambda route: route.abort())
        tab.keyboard.press("Control+k")
        expect(tab.get_by_role("dialog", name="Search everything")).to_contain_text("cannot be reached")


class TestKeys:
    def test_the_sheet_lists_what_is_on_the_page(self, tab: Page) -> None:
        tab.goto("/experiments")
        tab.keyboard.press("?")
        sheet = tab.get_by_role("dialog", name="Keys")
        for text in ("Search", "Find an experiment, a run or a model", "Go to models", "Make the rail narrow or wide"):
            expect(sheet.get_by_text(text, exact=True)).to_be_visible()
        tab.keyboard.press("Escape")
        expect(sheet).to_be_hidden()

    def test_two_keys_one_after_the_other(self, tab: Page) -> None:
        tab.goto("/experiments")
        tab.keyboard.type("gm")
        tab.wait_for_url("**/models")

    def test_letters_stay_letters_in_fields(self, tab: Page) -> None:
        tab.goto("/experiments")
        tab.keyboard.press("/")
        tab.keyboard.type("gm?[/")
        expect(tab.get_by_role("searchbox", name="Search experiments")).to_have_value("gm?[/")
        expect(tab.get_by_role("dialog")).to_have_count(0)
        expect(tab).to_have_url(re.compile(re.escape("/experiments") + "$"))


class TestUndo:
    def test_the_key_z_takes_back_what_was_just_done(self, tab: Page, sqlite_server: RunningServer) -> None:
        number = sqlite_server.experiment("soon back")
        tab.goto(f"/experiments/{number}")
        tab.get_by_label("More actions").click()
        tab.get_by_role("button", name="Delete experiment").click()
        expect(tab.locator(".toast")).to_contain_text("moved to the trash")
        expect(tab.locator("#live")).to_contain_text("moved to the trash")
        tab.keyboard.press("z")
        tab.wait_for_selector("h1:has-text('soon back')")
        assert sqlite_server.get("experiments/get", experiment_id=number).json()["experiment"]["lifecycle_stage"] == "active"


class TestProgress:
    def test_what_takes_long_is_shown_and_can_be_cancelled(self, tab: Page, watch: Watch, experiment_id: str) -> None:
        watch.expect("htmx:")
        tab.goto(f"/experiments/{experiment_id}")
        tab.clock.install()
        tab.clock.pause_at(datetime.now(UTC) + timedelta(hours=1))  # time goes on only where this test says so
        tab.route("**/experiments/*order*", lambda route: None)  # never answered
        tab.get_by_role("link", name="acc").click()
        expect(tab.locator("[aria-busy=true]")).to_have_count(1)
        tab.clock.run_for(190)
        expect(tab.locator("#progress")).to_be_hidden()
        tab.clock.run_for(20)
        expect(tab.locator("#progress")).to_be_visible()
        expect(tab.get_by_role("button", name="Cancel")).to_be_hidden()
        tab.clock.run_for(1800)
        tab.get_by_role("button", name="Cancel").click()
        expect(tab.locator("#progress")).to_be_hidden()
        expect(tab.locator("[aria-busy=true]")).to_have_count(0)
        expect(tab.locator("#runs tbody tr")).to_have_count(100)


class TestTheme:
    def test_goes_from_the_system_to_its_opposite_and_back(self, tab: Page) -> None:
        tab.emulate_media(color_scheme="dark")
        tab.goto("/experiments")
        button = tab.get_by_role("button", name="Theme")
        expect(button).to_have_text("Theme: system")
        for said in ("Theme: light", "Theme: dark", "Theme: system"):
            button.click()
            expect(button).to_have_text(said)
        assert tab.evaluate("localStorage.getItem('theme')") is None


class TestLivePage:
    def test_a_run_that_goes_on_shows_its_values_and_its_end(
        self, tab: Page, sqlite_server: RunningServer, experiment_id: str
    ) -> None:
        made = sqlite_server.run(experiment_id, run_name="going on")
        sqlite_server.ok("runs/log-metric", {"run_id": made, "key": "loss", "value": 0.75, "timestamp": 1, "step": 1})
        tab.goto(f"/runs/{made}")
        expect(tab.locator("#metrics")).to_contain_text("0.75")
        sqlite_server.ok("runs/log-metric", {"run_id": made, "key": "loss", "value": 0.125, "timestamp": 2, "step": 2})
        expect(tab.locator("#metrics")).to_contain_text("0.125")
        sqlite_server.ok("runs/update", {"run_id": made, "status": "FINISHED", "end_time": 5})
        expect(tab.locator("#state")).to_contain_text("Finished")

    def test_keys_lead_to_the_runs_beside_it(self, tab: Page, sqlite_server: RunningServer, experiment_id: str) -> None:
        number = sqlite_server.experiment()
        first, second = (sqlite_server.run(number, run_name=name, start_time=i) for i, name in enumerate(("first", "second")))
        tab.goto(f"/runs/{second}")
        tab.keyboard.press("j")
        tab.wait_for_url(f"**/runs/{first}")
        tab.keyboard.press("k")
        tab.wait_for_url(f"**/runs/{second}")


class TestTreePage:
    def test_folders_open_in_place_and_stay_open(self, tab: Page, sqlite_server: RunningServer) -> None:
        for name in ("leafy/oak/<b>one", "leafy/oak/two", "leafy/ash"):
            sqlite_server.experiment(name)
        tab.goto("/experiments")
        tab.get_by_label("Open leafy").click()
        tab.get_by_label("Open oak").click()
        expect(tab.get_by_role("link", name="<b>one")).to_be_visible()
        assert serious(tab) == []
        tab.reload()
        expect(tab.get_by_role("link", name="two", exact=True)).to_be_visible()
        tab.get_by_label("Open leafy").click()
        expect(tab.get_by_role("link", name="two", exact=True)).to_have_count(0)
        tab.get_by_label("Open leafy").click()
        tab.get_by_label("Favourite: leafy/ash").click()
        expect(tab.get_by_label("Favourite: leafy/ash")).to_have_attribute("aria-pressed", "true")
        tab.get_by_role("link", name="Favourites").click()
        expect(tab.get_by_role("link", name="leafy/ash")).to_be_visible()
