"""What was painted stays where it is, however slowly the page comes in."""

from __future__ import annotations

import http.server
import threading
import time
import urllib.request
from collections.abc import Iterator

import pytest
from mlflow import MlflowClient
from playwright.sync_api import Browser, expect

from tests.browser.runs_table import make
from tests.conftest import RunningServer

PIECES, WAIT = 12, 0.05  # of a document: how many, and seconds between them
SHIFTS = """window.shifts = []; new PerformanceObserver(list => { for (const entry of list.getEntries())
    window.shifts.push([entry.value, ...entry.sources.map(source => (source.node?.outerHTML ?? source.node?.textContent ?? '').slice(0, 80))]);
}).observe({type: 'layout-shift', buffered: true});"""


class Dribbling(http.server.BaseHTTPRequestHandler):
    """Passes everything on; documents come in pieces, which end in the middle of words."""

    behind = ""

    def do_GET(self) -> None:
        self.pass_on(None)

    def do_POST(self) -> None:
        self.pass_on(self.rfile.read(int(self.headers["Content-Length"])))

    def pass_on(self, sent: bytes | None) -> None:
        headers = {name: self.headers[name] for name in ("Accept", "Cookie", "Content-Type") if self.headers[name]}
        with urllib.request.urlopen(urllib.request.Request(self.behind + self.path, sent, headers=headers)) as answer:
            self.send_response(answer.status)
            for name, value in answer.headers.items():
                if name.lower() not in ("transfer-encoding", "connection", "content-length"):
                    self.send_header(name, value)
            self.end_headers()
            if self.headers["Sec-Fetch-Dest"] != "document":
                while part := answer.read1(65536):
                    self.wfile.write(part)
                return
            body = answer.read()
            size = len(body) // PIECES + 1
            for start in range(0, len(body), size):
                self.wfile.write(body[start : start + size])
                self.wfile.flush()
                time.sleep(WAIT)

    def log_message(self, *_: object) -> None:
        """Nothing."""


@pytest.fixture
def slow(sqlite_server: RunningServer) -> Iterator[str]:
    handler = type("Handler", (Dribbling,), {"behind": sqlite_server.url})
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    serving = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    serving.start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    serving.join()
    server.server_close()


def test_nothing_moves_while_a_page_comes_in(browser: Browser, client: MlflowClient, slow: str) -> None:
    experiment = make(client, "comes in slowly")
    runs = [run.info.run_id for run in client.search_runs([experiment], max_results=3)]
    charts = "canvas.lines"
    for width in (1280, 390):
        context = browser.new_context(viewport={"width": width, "height": 900}, base_url=slow)
        tab = context.new_page()
        tab.add_init_script(SHIFTS)
        for path, there in (
            (f"/experiments/{experiment}", "tr[data-run]"),
            ("/experiments", "tbody tr"),
            (f"/runs/{runs[0]}", charts),
            (f"/runs/{runs[0]}/metric?key=loss", charts),
            (f"/compare?runs={','.join(runs)}", charts),
        ):
            tab.goto(path)
            expect(tab.locator(there).first).to_be_attached()
            tab.wait_for_function("() => performance.getEntriesByName('first-contentful-paint').length")
            tab.evaluate("new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))")
            assert tab.evaluate("shifts") == [], path
        context.close()
