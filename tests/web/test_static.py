"""Static files, and everything below a static prefix."""

from __future__ import annotations

import gzip
from collections.abc import Iterator
from pathlib import Path

import pytest

from runstone.web.static import SHEETS, static_path
from tests.conftest import Databases, RunningServer, running
from tests.web.reading import HTML, link, one, page

ROOT = Path(__file__).resolve().parents[2]


class TestStatic:
    def test_files_are_kept_for_good_under_the_name_of_their_content(self, sqlite_server: RunningServer) -> None:
        sheet = str(one(page(sqlite_server, "/experiments"), "link[rel=stylesheet]")["href"])
        answer = sqlite_server.client.get(sheet)
        assert answer.headers["content-type"].startswith("text/css")
        assert "immutable" in answer.headers["cache-control"]
        assert all(part in answer.text for part in ("--stone-10", ".uplot", ".rail", "@media print"))
        again = sqlite_server.client.get(sheet, headers={"If-None-Match": answer.headers["etag"]})
        assert (again.status_code, again.content) == (304, b"")
        other = sqlite_server.client.get(sheet.replace(sheet.split("/")[2], "anotherdigest"))
        assert (other.status_code, other.headers["cache-control"]) == (200, "no-cache")

    def test_are_sent_compressed_to_those_who_take_it(self, sqlite_server: RunningServer) -> None:
        with sqlite_server.client.stream("GET", static_path("vendor/uplot.min.js")) as answer:
            raw = b"".join(answer.iter_raw())
            assert answer.headers["content-encoding"] == "gzip"
        assert gzip.decompress(raw) == (ROOT / "static" / "vendor" / "uplot.min.js").read_bytes()
        plain = sqlite_server.client.get(static_path("vendor/uplot.min.js"), headers={"Accept-Encoding": "identity"})
        assert "content-encoding" not in plain.headers
        assert len(plain.content) > len(raw)

    @pytest.mark.parametrize(
        "path",
        [
            "..%2f..%2fpyproject.toml",
            "../../pyproject.toml",
            "css",
            "nope.css",
            "vendor/made-from.txt/x",
            "%00",
            "css/tokens.css%00",
        ],
    )
    def test_nothing_else_is_served(self, sqlite_server: RunningServer, path: str) -> None:
        assert sqlite_server.client.get(f"/static/x/{path}").status_code in (400, 404)

    def test_every_sheet_is_in_the_bundle(self) -> None:
        on_disk = {f"css/{path.name}" for path in (ROOT / "static" / "css").glob("*.css")}
        assert on_disk == {sheet for sheet in SHEETS if sheet.startswith("css/")}

    def test_first_load_is_small(self, sqlite_server: RunningServer) -> None:
        run_id = sqlite_server.run()
        sqlite_server.ok("runs/log-batch", {"run_id": run_id, "metrics": [{"key": "m", "value": 1, "timestamp": 1}]})
        sources = [str(tag["src"]) for tag in page(sqlite_server, f"/runs/{run_id}").select("script[src]")]
        assert sum(len(gzip.compress(sqlite_server.client.get(source).content)) for source in sources) < 90_000


@pytest.fixture(scope="module")
def prefixed(databases: Databases, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    with running(tmp_path_factory.mktemp("prefixed"), databases.make("sqlite"), "--static-prefix", "/tracking") as server:
        yield server


class TestStaticPrefix:
    def test_every_address_on_every_page_begins_with_it(self, prefixed: RunningServer) -> None:
        client = prefixed.client
        made = client.post("/tracking/experiments/create", data={"name": "below"}, headers=HTML | {"Origin": prefixed.url})
        assert made.headers["location"].startswith("/tracking/experiments/")
        number = made.headers["location"].split("/")[3].partition("?")[0]
        body = {"experiment_id": number, "run_name": "r"}
        run = client.post("/tracking/api/2.0/mlflow/runs/create", json=body).json()["run"]["info"]["run_id"]
        metric = {"run_id": run, "key": "m", "value": 1}
        for step in (0, 1):
            client.post("/tracking/api/2.0/mlflow/runs/log-metric", json=metric | {"timestamp": step, "step": step})
        for path in (
            "/tracking/",
            "/tracking/experiments",
            f"/tracking/experiments/{number}",
            f"/tracking/runs/{run}",
            "/tracking/models",
        ):
            soup = page(prefixed, path, prefix="/tracking")
            for name in ("href", "src", "action", "hx-get"):
                for tag in soup.select(f"[{name}]"):
                    assert str(tag[name]).startswith(("/tracking/", "#")), tag
        assert (
            f'set_tracking_uri("{prefixed.url}/tracking")'
            in one(page(prefixed, "/tracking/models", prefix="/tracking"), "pre").text
        )
        assert client.get(link(page(prefixed, f"/tracking/experiments/{number}", prefix="/tracking"), "r")).status_code == 200
