"""The table of runs as tests look at it: its rows and columns, and experiments whose runs the real client logged."""

from __future__ import annotations

import urllib.parse

from mlflow import MlflowClient
from mlflow.entities import Metric, Param, RunTag
from playwright.sync_api import Locator, Page, expect


def make(client: MlflowClient, name: str, count: int = 12) -> str:
    """`count` runs: `run 00` is the oldest; `loss` falls and then rises by a half, `acc` rises with the number of the run."""
    number: str = client.create_experiment(name)
    for i in range(count):
        run = client.create_run(number, start_time=1700000000000 + i * 1000, run_name=f"run {i:02}")
        metrics = [Metric("loss", value, 1, step) for step, value in enumerate((1.0, 1 / (i + 2), 1 / (i + 2) + 0.5))]
        params = [Param("model", ("tree", "net", "it's")[i % 3]), Param("seed", str(i))]
        client.log_batch(run.info.run_id, [*metrics, Metric("acc", i / 10, 1, 0)], params, [RunTag("stage", "dev")])
        client.set_terminated(run.info.run_id, end_time=1700000060000 + i * 1000)
    return number


def names(tab: Page) -> list[str]:
    return tab.locator("#runs tbody th a").all_inner_texts()


def expect_names(tab: Page, found: list[str]) -> None:
    """Waits for them: a page that a click leads to may have come by half, without scripts too."""
    expect(tab.locator("#runs tbody th a")).to_have_text(found)


def heads(tab: Page) -> list[str]:
    found: list[str] = tab.locator("#runs thead th[data-column]").evaluate_all("all => all.map(th => th.dataset.column)")
    return found


def asked(tab: Page, name: str) -> list[str]:
    return urllib.parse.parse_qs(urllib.parse.urlparse(tab.url).query).get(name, [])


def row(tab: Page, name: str) -> Locator:
    return tab.locator("#runs tr[data-run]", has=tab.get_by_role("link", name=name, exact=True))


def select(tab: Page, *found: str) -> None:
    for name in found:
        row(tab, name).get_by_role("checkbox").check()


def column_menu(tab: Page, column: str, item: str) -> None:
    tab.locator(f'th[data-column="{column}"]').hover()
    tab.locator(f'th[data-column="{column}"] .more').click()
    tab.locator(".popover").get_by_text(item, exact=True).click()
