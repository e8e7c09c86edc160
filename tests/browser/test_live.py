"""While a run goes on its page and its row in the table show what it logs, and leave in peace what a person is doing."""

from __future__ import annotations

import time

import pytest
from mlflow import MlflowClient
from playwright.sync_api import Page, expect

from tests.browser.runs_table import heads, row
from tests.browser.waiting import becomes
from tests.conftest import RunningServer

SOON = 20_000
COUNTING = """window.looks = []; window.streams = 0;
const { fetch, EventSource } = window;
window.fetch = (...asked) => {
    const answer = fetch(...asked);
    if (String(asked[0]).includes('/runs/marks')) {
        const look = { answered: false };
        looks.push(look);
        answer.then(() => look.answered = true);
    }
    return answer;
};
window.EventSource = class extends EventSource {
    constructor(url) { super(url); this.addEventListener('open', () => streams++); }
};"""


@pytest.fixture(scope="module")
def client(sqlite_server: RunningServer) -> MlflowClient:
    return MlflowClient(sqlite_server.url)


def until(tab: Page, condition: str) -> None:
    """Also while the clock of the page stands still, by which `wait_for_function` looks again."""
    deadline = time.monotonic() + 15
    while not tab.evaluate(condition):
        assert time.monotonic() < deadline, condition
        time.sleep(0.02)


class TestRunPage:
    def test_params_tags_metrics_children_and_charts_come_by_themselves(self, tab: Page, client: MlflowClient) -> None:
        experiment = client.create_experiment("live page")
        run_id = client.create_run(experiment, run_name="going on").info.run_id
        client.set_tag(run_id, "phase", "warm up")
        tab.goto(f"/runs/{run_id}")
        expect(tab.locator("#params")).to_contain_text("No params were logged.")
        client.log_param(run_id, "lr", "0.1")
        for i in range(40):
            client.log_param(run_id, f"p{i:02}", i)
        client.log_metric(run_id, "loss", 0.5, step=1)
        client.log_metric(run_id, "loss", 0.4, step=2)
        client.set_tag(run_id, "phase", "second")
        child = client.create_run(experiment, run_name="its child", tags={"mlflow.parentRunId": run_id})
        expect(tab.locator("#params tbody tr")).to_have_count(41, timeout=SOON)
        expect(tab.locator("#run-tabs")).to_contain_text("Params 41")
        expect(tab.locator("#run-tabs")).to_contain_text("Nested runs 1")
        expect(tab.locator("[data-tag=phase]")).to_contain_text("second")
        expect(tab.locator("#nested")).to_contain_text("its child")
        expect(tab.locator(".chart-panel[data-key=loss] canvas.lines")).to_be_attached(timeout=SOON)
        area = tab.locator("#params .scroll")
        area.evaluate("area => { area.scrollTop = 200; area.querySelector('tr').same = 'yes'; }")
        tab.locator("[data-tag=phase] summary").click()
        expect(tab.locator("#tags form.tag input[name=value]").first).to_be_focused()
        tab.keyboard.type("typed by hand")
        client.log_metric(run_id, "acc", 0.9, step=1)
        client.set_tag(run_id, "phase", "third")
        expect(tab.locator(".chart-panel[data-key=acc]")).to_be_attached(timeout=SOON)
        expect(tab.locator("#tags form.tag input[name=value]").first).to_be_focused()
        expect(tab.locator("#tags form.tag input[name=value]").first).to_have_value("typed by handsecond")
        assert area.evaluate("area => [area.scrollTop, area.querySelector('tr').same]") == [200, "yes"]
        client.log_param(run_id, "zz last", "1")
        expect(tab.locator("#params tbody tr")).to_have_count(42, timeout=SOON)
        assert area.evaluate("area => area.scrollTop") == 200
        # What came while somebody was busy there, and nothing since, is shown when it is left.
        tab.locator("[data-tag=phase] summary").click()
        tab.locator("h1").click()
        expect(tab.locator("[data-tag=phase]")).to_contain_text("third", timeout=SOON)
        client.set_terminated(child.info.run_id)

    def test_its_name_and_note_come_by_themselves(self, tab: Page, client: MlflowClient) -> None:
        run_id = client.create_run(client.create_experiment("live name"), run_name="first name").info.run_id
        client.log_metric(run_id, "loss", 0.5)
        tab.goto(f"/runs/{run_id}")
        expect(tab.locator("#note")).to_have_text("")
        tab.locator("[data-adds-tag]").click()
        expect(tab.locator("#tag-key")).to_be_focused()
        tab.keyboard.type("half a wo")
        client.update_run(run_id, name="a < b &lt; c")
        client.set_tag(run_id, "mlflow.note.content", "It *learns*. [why](https://example.com)")
        expect(tab.locator("h1")).to_have_text("a < b &lt; c", timeout=SOON)
        expect(tab).to_have_title("a < b &lt; c · Runstone")
        expect(tab.locator("#note em")).to_have_text("learns", timeout=SOON)
        tab.wait_for_function("() => JSON.parse(document.getElementById('shown-runs').textContent)[0].name === 'a < b &lt; c'")
        expect(tab.locator("#tag-key")).to_be_focused()
        expect(tab.locator("#tag-key")).to_have_value("half a wo")
        expect(tab.locator("#tag-key")).to_be_in_viewport()
        # What is read or pressed there is not taken away under the hand.
        tab.locator("#note a").focus()
        client.set_tag(run_id, "mlflow.note.content", "It has learnt.")
        client.log_param(run_id, "said", "later")
        expect(tab.locator("#params")).to_contain_text("said", timeout=SOON)
        expect(tab.locator("#note a")).to_be_focused()
        tab.locator("#note a").blur()
        expect(tab.locator("#note")).to_contain_text("It has learnt.", timeout=SOON)
        client.delete_tag(run_id, "mlflow.note.content")
        expect(tab.locator("#note")).to_have_text("", timeout=SOON)
        client.set_terminated(run_id)


class TestTable:
    def test_tags_and_params_are_news_and_new_names_become_columns(self, tab: Page, client: MlflowClient) -> None:
        experiment = client.create_experiment("live table")
        run_id = client.create_run(experiment, run_name="going on").info.run_id
        with tab.expect_response("**/runs/live*"):
            tab.goto(f"/experiments/{experiment}")
        tab.wait_for_timeout(1500)
        client.log_param(run_id, "its lr", "0.1")
        client.log_metric(run_id, "loss", 0.5)
        expect(tab.locator('th[data-column="metrics.loss"]')).to_be_visible(timeout=SOON)
        expect(tab.locator("th[data-column^='params.its']")).to_be_visible(timeout=SOON)
        expect(row(tab, "going on")).to_contain_text("0.1")
        row(tab, "going on").get_by_role("checkbox").check()
        client.log_metric(run_id, "acc", 0.75)
        tab.get_by_role("button", name="Show 1 new column").click(timeout=SOON)
        expect(tab.locator('th[data-column="metrics.acc"]')).to_be_visible()
        expect(row(tab, "going on").get_by_role("checkbox")).to_be_checked()
        with tab.expect_response("**/runs/live*"):
            tab.goto(f"/experiments/{experiment}?columns=tags.step")
        tab.wait_for_timeout(1500)
        for step in ("10", "11", "21"):  # of one length
            client.set_tag(run_id, "step", step)
            expect(row(tab, "going on").locator("td").first).to_have_text(step, timeout=SOON)
        becomes(lambda: heads(tab)[1:], ["tags.step"])

    def test_a_renewed_row_is_not_looked_for_before_its_time(self, tab: Page, client: MlflowClient) -> None:
        experiment = client.create_experiment("live and calm")
        run_id = client.create_run(experiment, run_name="going on").info.run_id
        tab.clock.install(time=0)
        tab.clock.pause_at(1000)
        tab.add_init_script(COUNTING)
        tab.goto(f"/experiments/{experiment}?columns=tags.step", wait_until="load")
        tab.clock.run_for(1000)  # the stream is opened, and the first look is over
        until(tab, "looks.length == 1 && looks[0].answered && streams == 1")
        for step in ("1", "2"):
            client.set_tag(run_id, "step", step)
            expect(row(tab, "going on").locator("td").first).to_have_text(step, timeout=SOON)
            tab.clock.run_for(1000)
        assert tab.evaluate("looks.length") == 1  # which counts calls: none is on its way
        tab.clock.run_for(5000)
        until(tab, "looks.length == 2")
