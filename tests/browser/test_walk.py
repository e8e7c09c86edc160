"""The walk of the README, taken as it is written, with the real client."""

from __future__ import annotations

import re
import subprocess
import sys
import textwrap
from pathlib import Path

from playwright.sync_api import Browser, Page, expect

from tests.browser.axe import serious
from tests.conftest import RunningServer

README = Path(__file__).resolve().parents[2] / "README.md"


def script(server: RunningServer) -> str:
    walk = README.read_text().partition("## A two-minute walk")[2].partition("\n## ")[0]
    found = re.search(r"```python\n(.*?)```", walk, re.DOTALL)
    assert found
    return textwrap.dedent(found.group(1)).replace("http://127.0.0.1:5000", server.url)


class TestWalk:
    def test_leads_from_an_empty_server_to_a_shared_comparison(
        self, tab: Page, browser: Browser, sqlite_server: RunningServer, tmp_path: Path
    ) -> None:
        tab.goto("/")
        expect(tab.get_by_text("Nothing was logged yet")).to_be_visible()
        (tmp_path / "walk.py").write_text(script(sqlite_server))
        subprocess.run([sys.executable, "walk.py"], cwd=tmp_path, check=True, capture_output=True)
        tab.reload()
        tab.get_by_label("Open vision").click()
        tab.get_by_role("link", name="first-sweep").click()
        rows = tab.locator("tr[data-run]")
        expect(rows).to_have_count(8)
        tab.wait_for_load_state()  # until then nobody listens to keys
        expect(tab.get_by_label("Breadcrumb").get_by_role("link", name="vision")).to_have_attribute(
            "href", "/experiments?folder=vision%2F"
        )
        expect(tab.get_by_text("Nothing was logged yet")).to_have_count(0)
        tab.keyboard.press("/")
        tab.keyboard.type("metrics.loss < 0.5 AND params.optimizer = 'adam'")
        tab.keyboard.press("Enter")
        tab.wait_for_url("**filter=*")
        expect(rows).to_have_count(3)
        tab.keyboard.press("Escape")
        expect(tab.locator("#filter")).not_to_be_focused()
        tab.keyboard.press("v")
        tab.get_by_label("Save what is shown as").fill("Good with Adam")
        tab.get_by_label("Share with everybody").check()
        tab.get_by_role("button", name="Save", exact=True).click()
        expect(tab.locator(".toast")).to_contain_text("Good with Adam")
        expect(rows).to_have_count(3)
        ids = [row.get_attribute("data-run") for row in rows.all()]
        tab.goto(f"/compare?runs={','.join(map(str, ids))}")
        expect(tab.get_by_role("heading", name="Compare 3 runs")).to_be_visible()
        tab.get_by_label("Share what is shown").click()
        tab.get_by_role("button", name="Make a short link").click()
        address = tab.get_by_label("Short link", exact=True).input_value()
        assert serious(tab) == []
        context = browser.new_context()
        other = context.new_page()
        other.goto(address)
        expect(other.get_by_role("heading", name="Compare 3 runs")).to_be_visible()
        context.close()
