"""Forty hostile texts in every place that a client can set, shown in charts and comparisons: as text, and nothing runs.

Every tab of these tests refuses dialogs, messages of the console and requests to other hosts.
"""

from __future__ import annotations

import json
from urllib.parse import quote

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Watch
from tests.conftest import RunningServer
from tests.web.hostile import HOSTILE

NAMES = ["javascript:alert", "a/b : c", "__proto__", "constructor", "toString", "e/-.- 1"]
INJECTED = (
    "main :is(img:not(#media img), iframe, object, embed, base, math, style, form[action^=javascript], [onerror], [onload])"
)


@pytest.fixture(scope="module")
def experiment_id(sqlite_server: RunningServer) -> str:
    """A run for each text: as its name, user, tag, param and group, in a file, its name, and a table."""
    server = sqlite_server
    number = server.experiment(f"hostile {HOSTILE[1]}")
    for i, text in enumerate(HOSTILE):
        tags = {
            "plain": text,
            "mlflow.source.git.commit": text,
            "mlflow.loggedArtifacts": '[{"path": "t.json", "type": "table"}]',
        }
        run_id = server.run(
            number, run_name=text, user_id=text, tags=[{"key": key, "value": value} for key, value in tags.items()]
        )
        points = [{"key": key, "value": step * i, "timestamp": step, "step": step} for key in NAMES for step in range(3)]
        params = [
            {"key": "text", "value": text},
            {"key": "nested", "value": json.dumps({text: {text: i}})},
            {"key": "n", "value": str(i)},
        ]
        server.ok("runs/log-batch", {"run_id": run_id, "metrics": points, "params": params})
        table = json.dumps({"columns": [text, "image"], "data": [[text, {"type": "image", "filepath": text}]]})
        for name, content in (("t.json", table), ("note.txt", text), (f"<img src=x onerror=alert(1)> {i}.txt", text)):
            path = f"/api/2.0/mlflow-artifacts/artifacts/{number}/{run_id}/artifacts/{quote(name)}"
            assert server.client.put(path, content=content.encode()).status_code == 200
    return number


@pytest.fixture(scope="module")
def run_ids(sqlite_server: RunningServer, experiment_id: str) -> list[str]:
    found = sqlite_server.ok("runs/search", {"experiment_ids": [experiment_id], "max_results": 100})["runs"]
    return [run["info"]["run_id"] for run in found]


def settled(tab: Page) -> None:
    tab.wait_for_load_state("networkidle")
    assert tab.locator(INJECTED).count() == 0
    assert tab.title() != "1"


class TestHostileText:
    def test_in_charts_their_tooltips_tables_and_exports(self, tab: Page, experiment_id: str) -> None:
        tab.goto(f"/experiments/{experiment_id}?layout=charts")
        settled(tab)
        for i in range(3):
            panel = tab.locator("figure[data-key]").nth(i)
            panel.scroll_into_view_if_needed()
            panel.locator(".u-over").hover()
            expect(panel.locator(".chart-tooltip")).to_be_visible()
        tab.get_by_label("Group runs by").select_option("params.text")
        panel = tab.locator("figure[data-key]").first
        panel.scroll_into_view_if_needed()
        expect(panel.locator(".readout")).to_contain_text("groups")
        panel.locator(".u-over").hover()
        panel.get_by_label("More actions").click()
        with tab.expect_download() as download:
            panel.get_by_role("button", name="Save as SVG").click()
        svg = download.value.path().read_text()
        assert "<script" not in svg
        assert "<img" not in svg
        panel.get_by_label("More actions").click()
        panel.get_by_role("button", name="Data as table").click()
        expect(tab.get_by_role("dialog").locator("tbody tr").first).to_be_visible()
        settled(tab)

    def test_in_comparisons_and_every_plot(self, tab: Page, run_ids: list[str]) -> None:
        tab.goto(f"/compare?runs={','.join(run_ids)}&all=1")
        settled(tab)
        expect(tab.locator("#compare-params")).to_contain_text(HOSTILE[0])
        tab.locator("#plots").scroll_into_view_if_needed()
        expect(tab.locator("[data-plot] canvas").first).to_be_visible()
        for kind in ("parallel", "scatter", "box", "correlation"):
            tab.get_by_label("Plot").select_option(kind)
            if kind in ("scatter", "box"):
                tab.locator("[data-choose=x]").select_option("params.text")
            tab.locator("#plots").hover()
            settled(tab)

    def test_in_tables_and_files_side_by_side(self, tab: Page, run_ids: list[str]) -> None:
        for start in range(0, len(run_ids), 12):
            some = ",".join(run_ids[start : start + 12])
            for path in (
                f"/compare/media?runs={some}",
                f"/compare/files?runs={some}",
                f"/compare/files?runs={some}&file=note.txt",
            ):
                tab.watch.expect("404")  # type: ignore[attr-defined]  # the images that cells name are not there
                tab.watch.expect("400")  # type: ignore[attr-defined]
                tab.goto(path)
                settled(tab)

    def test_in_the_address(self, tab: Page, watch: Watch, experiment_id: str, run_ids: list[str]) -> None:
        watch.expect("status of 400")  # names that no param can have are refused as groups
        for text in HOSTILE:
            said = quote(text)
            tab.goto(
                f"/experiments/{experiment_id}?layout=charts&charts=q:{said};p:{said};g:params.{said},mean,std;a:{said};x:metrics.{said}"
            )
            assert tab.locator(INJECTED).count() == 0
            tab.goto(f"/compare?runs={run_ids[0]},{run_ids[1]}&baseline={said}&plot=k:{said};x:{said}&charts=q:{said}")
            assert tab.locator(INJECTED).count() == 0
