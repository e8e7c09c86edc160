"""Pages of what has ended, of logged models and of two versions follow what others do."""

from __future__ import annotations

from mlflow import MlflowClient
from playwright.sync_api import Page, expect

from tests.conftest import RunningServer

SOON = 20_000
TIME = 1_700_000_000_000


def followed(tab: Page, path: str, stream: str) -> None:
    with tab.expect_response(stream):
        tab.goto(path)


def test_a_run_that_has_ended_and_goes_on_again(tab: Page, client: MlflowClient, sqlite_server: RunningServer) -> None:
    run_id = client.create_run(sqlite_server.experiment(), run_name="ended").info.run_id
    client.log_metric(run_id, "loss", 0.5, step=1)
    client.set_terminated(run_id)
    followed(tab, f"/runs/{run_id}", "**/events")
    tab.evaluate("window.stays = true")
    client.set_tag(run_id, "reviewed by", "ada")
    client.set_tag(run_id, "mlflow.note.content", "It was *good*.")
    expect(tab.locator("#tags")).to_contain_text("reviewed by", timeout=SOON)
    expect(tab.locator("#note em")).to_have_text("good", timeout=SOON)
    client.update_run(run_id, status="RUNNING")
    expect(tab.locator("#state")).to_contain_text("Running", timeout=SOON)
    client.log_metric(run_id, "loss", 0.25, step=2)
    client.log_metric(run_id, "later", 0.125, step=2)
    expect(tab.locator("#metrics-rows")).to_contain_text("0.25", timeout=SOON)
    expect(tab.get_by_role("figure", name="Chart of later")).to_be_attached(timeout=SOON)
    assert tab.evaluate("window.stays")


def test_logged_models_and_what_is_ticked(tab: Page, sqlite_server: RunningServer) -> None:
    number = sqlite_server.experiment()
    run_id = sqlite_server.run(number)
    make = {"experiment_id": number, "source_run_id": run_id}
    followed(tab, f"/experiments/{number}/models", "**/models/events")
    expect(tab.get_by_role("heading", name="No logged models yet")).to_be_visible()
    first = sqlite_server.ok("logged-models", make | {"name": "first"})["model"]["info"]["model_id"]
    rows = tab.locator("tr[data-model]")
    with tab.expect_response("**/models/events"):  # the page was loaded anew, with a table
        expect(rows).to_have_count(1, timeout=SOON)
    tab.get_by_label("Select first").check()
    second = sqlite_server.ok("logged-models", make | {"name": "second"})["model"]["info"]["model_id"]
    metric = {"key": "acc", "value": 0.75, "timestamp": TIME, "model_id": second}
    sqlite_server.ok("runs/log-batch", {"run_id": run_id, "metrics": [metric]})
    expect(rows).to_have_count(2, timeout=SOON)
    expect(rows.first).to_contain_text("0.75", timeout=SOON)
    expect(tab.get_by_label("Select first")).to_be_checked()
    expect(tab.locator("#several")).to_contain_text("1 selected")
    sqlite_server.call("DELETE", f"logged-models/{first}")
    expect(rows).to_have_count(1, timeout=SOON)
    expect(tab.locator("#several")).to_be_hidden()


def test_one_logged_model_and_two_versions(tab: Page, client: MlflowClient, sqlite_server: RunningServer) -> None:
    make = {"experiment_id": sqlite_server.experiment(), "name": "net"}
    model_id = sqlite_server.ok("logged-models", make)["model"]["info"]["model_id"]
    followed(tab, f"/logged-models/{model_id}", "**/events")
    client.set_logged_model_tags(model_id, {"stage": "dev"})
    expect(tab.locator("#tags")).to_contain_text("stage", timeout=SOON)
    client.create_registered_model("two compared")
    for _ in range(2):
        client.create_model_version("two compared", "s3://there/it/is")
    followed(tab, "/models/two%20compared/compare", "**/registry/live")
    expect(tab).to_have_url(f"{sqlite_server.url}/models/two%20compared/compare?a=2&b=1")
    client.create_model_version("two compared", "s3://there/it/is")
    client.set_model_version_tag("two compared", "1", "checked", "by hand")
    expect(tab.get_by_role("row", name="checked")).to_contain_text("by hand", timeout=SOON)
    expect(tab.get_by_role("heading", level=1)).to_have_text("Versions 2 and 1")
