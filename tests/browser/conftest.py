"""A Chromium in which any console message, script error, policy violation or request to another host fails the test."""

from __future__ import annotations

import shutil
from collections.abc import Iterator

import pytest
from mlflow import MlflowClient
from playwright.sync_api import Browser, Dialog, Page, expect, sync_playwright

from runstone.web.static import static_path
from tests.browser.runs_table import make
from tests.conftest import RunningServer

BROWSER = next((found for name in ("chromium", "chromium-browser", "google-chrome") if (found := shutil.which(name))), None)
FLAGS = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update",
    "--disable-sync",
]  # fmt: skip

expect.set_options(timeout=20_000)  # a page that is right is not waited for; a machine may be busy


class Watch:
    """What went wrong in a tab. `expect` names a text that is not a fault in this test."""

    def __init__(self, tab: Page, origin: str) -> None:
        self.problems: list[str] = []
        self._expected: list[str] = []
        tab.on("console", lambda message: self._add(f"console: {message.text}") if message.type in ("error", "warning") else None)
        tab.on("pageerror", lambda error: self._add(f"script: {error}"))
        tab.on(
            "request", lambda request: None if request.url.startswith((origin, "data:")) else self._add(f"host: {request.url}")
        )
        tab.on("dialog", self._refuse)

    def expect(self, text: str) -> None:
        self._expected.append(text)

    def _refuse(self, dialog: Dialog) -> None:
        self._add(f"dialog: {dialog.message}")
        dialog.dismiss()

    def _add(self, text: str) -> None:
        if not any(expected in text for expected in self._expected):
            self.problems.append(text)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    assert BROWSER, "Chromium is not on PATH: run make browser"
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=BROWSER, args=FLAGS)
        yield started
        started.close()


@pytest.fixture
def watch(tab: Page) -> Watch:
    found: Watch = tab.watch  # type: ignore[attr-defined]
    return found


@pytest.fixture
def tab(browser: Browser, sqlite_server: RunningServer) -> Iterator[Page]:
    context = browser.new_context(
        viewport={"width": 1280, "height": 900},
        base_url=sqlite_server.url,
        timezone_id="Asia/Kolkata",
        permissions=["clipboard-read", "clipboard-write"],
    )
    opened = context.new_page()
    opened.watch = Watch(opened, sqlite_server.url)  # type: ignore[attr-defined]
    yield opened
    problems = opened.watch.problems  # type: ignore[attr-defined]
    context.close()
    assert problems == []


@pytest.fixture(scope="module", autouse=True)
def same_checkout(sqlite_server: RunningServer) -> None:
    """The server runs the very files of this checkout, not an installed copy."""
    assert static_path("") in sqlite_server.client.get("/experiments").text


@pytest.fixture(scope="module")
def experiment_id(sqlite_server: RunningServer) -> str:
    """120 runs: `run 119` is the newest, with the highest `acc`; all of them finished."""
    server = sqlite_server
    number = server.experiment("in a browser")
    for i in range(120):
        made = server.run(number, run_name=f"run {i:03}", start_time=1700000000000 + i * 1000)
        metrics = [{"key": "acc", "value": i / 120, "timestamp": 1}]
        server.ok("runs/log-batch", {"run_id": made, "metrics": metrics, "params": [{"key": "seed", "value": str(i)}]})
        server.ok("runs/update", {"run_id": made, "status": "FINISHED", "end_time": 1700000060000 + i * 1000})
    return number


@pytest.fixture(scope="module")
def run_id(sqlite_server: RunningServer, experiment_id: str) -> str:
    """A run with a long series, a short one with NaN and infinities, a single value, and files."""
    server = sqlite_server
    made = server.run(experiment_id, run_name="charted", start_time=1700000200000)
    for start in range(0, 4000, 1000):
        points = [{"key": "loss", "value": 1 / (i + 1), "timestamp": i, "step": i} for i in range(start, start + 1000)]
        server.ok("runs/log-batch", {"run_id": made, "metrics": points})
    odd = [1, "NaN", "Infinity", "-Infinity", 0.25]
    points = [{"key": "odd", "value": value, "timestamp": i, "step": i * 2**55} for i, value in enumerate(odd)]
    points += [{"key": "never", "value": "NaN", "timestamp": i, "step": i} for i in range(3)]
    points += [{"key": "single", "value": 0.5, "timestamp": 1}]
    server.ok("runs/log-batch", {"run_id": made, "metrics": points, "params": [{"key": "a", "value": "b"}]})
    for name in ("config.yaml", "plots/readme.txt"):
        path = f"/api/2.0/mlflow-artifacts/artifacts/{experiment_id}/{made}/artifacts/{name}"
        assert server.client.put(path, content=f"inside {name}".encode()).status_code == 200
    return made


@pytest.fixture(scope="module")
def client(sqlite_server: RunningServer) -> MlflowClient:
    return MlflowClient(sqlite_server.url)


@pytest.fixture(scope="module")
def number(client: MlflowClient) -> str:
    """For what changes no run."""
    return make(client, "table of runs")


@pytest.fixture(scope="module")
def many(sqlite_server: RunningServer) -> str:
    number = sqlite_server.experiment("many runs")
    for i in range(1150):
        sqlite_server.run(number, run_name=f"run {i:04}", start_time=1700000000000 + i)
    return number


@pytest.fixture
def own(client: MlflowClient, request: pytest.FixtureRequest) -> str:
    """An experiment of the test's own."""
    return make(client, request.node.name, 6)
