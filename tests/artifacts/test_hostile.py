"""Raw bytes on the socket: clients normalise paths before they send them, attackers do not."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import RunningServer
from tests.rawhttp import ask, raw

STORE = "/api/2.0/mlflow-artifacts/artifacts"


def tree(server: RunningServer) -> set[str]:
    root = server.artifacts
    return {str(Path(folder, name).relative_to(root)) for folder, folders, files in os.walk(root) for name in folders + files}


@pytest.fixture(scope="module")
def filled(sqlite_server: RunningServer) -> tuple[RunningServer, str]:
    run_id = sqlite_server.run()
    assert sqlite_server.client.put(f"{STORE}/0/{run_id}/artifacts/d/f.txt", content=b"0123456789").status_code == 200
    return sqlite_server, run_id


class TestPaths:
    @pytest.mark.parametrize(
        "path",
        [
            "../../../../etc/passwd", "..%2f..%2fetc%2fpasswd", "%252e%252e%252fetc", "%25252e%25252e%25252fetc", "..\\..\\x", "..%5c..%5cx",
            "/etc/passwd", "//etc/passwd", "%2fetc", "a%00.png", "%c0%ae%c0%ae/x", "%ff", "a/./b", "a//b", "a/", ".", "%2e", "./", "%20",
            "7/.", "7/..%2f.", "a%0d%0aSet-Cookie:x", "a%E2%80%AEgpj.exe", "a%E2%80%8Bb", ".runstone-staging/x", "a%23b", "C:%5cx", "C:/x",
            "%EF%BB%BFx", "x" * 300, "/".join(["d"] * 600), "a%09b", "..;/x",
        ],
    )  # fmt: skip
    @pytest.mark.parametrize("method", ["GET", "PUT", "DELETE"])
    def test_a_path_that_could_name_another_place_is_refused(
        self, filled: tuple[RunningServer, str], method: str, path: str
    ) -> None:
        server, run_id = filled
        if path == "..;/x":
            pytest.skip("a name of its own: stored literally, see below")
        before = tree(server)
        status, headers, body = ask(server, method, f"{STORE}/{path}", b"x" if method == "PUT" else b"")
        assert status in (400, 404, 405), (status, body)
        assert json.loads(body)["error_code"]
        assert "set-cookie" not in headers
        assert b"/work" not in body
        assert b"Traceback" not in body
        assert tree(server) == before
        if method == "GET":
            for target in (f"/get-artifact?run_uuid={run_id}&path={path}", f"{STORE}?path={path}"):
                status, _, body = ask(server, "GET", target)
                listed = path in ("a/", "%20", "a/./b", ".", "%2e", "./", "7/.")
                assert status in (400, 404) or (listed and status == 200), (target, status)
                assert b"root:" not in body

    @pytest.mark.parametrize("target", [f"{STORE}/", STORE, f"{STORE}//", f"{STORE}/."])
    def test_the_root_cannot_be_deleted(self, filled: tuple[RunningServer, str], target: str) -> None:
        server, _ = filled
        before = tree(server)
        assert ask(server, "DELETE", target)[0] in (400, 404, 405)
        assert tree(server) == before

    @pytest.mark.parametrize("name", ["a%3Fb", "a;b", "a%20b", "a+b", "%E2%82%AC.txt", "a%27b", "50%25", "..;x", "x" * 255])
    def test_odd_names_are_stored_literally_and_read_back(self, filled: tuple[RunningServer, str], name: str) -> None:
        server, _ = filled
        assert ask(server, "PUT", f"{STORE}/odd/{name}", b"odd")[0] == 200
        status, headers, body = ask(server, "GET", f"{STORE}/odd/{name}")
        assert (status, body) == (200, b"odd")
        assert headers["content-disposition"].startswith("attachment; filename=")
        assert ask(server, "DELETE", f"{STORE}/odd/{name}")[0] == 200

    def test_type_clashes(self, filled: tuple[RunningServer, str]) -> None:
        server, run_id = filled
        folder = f"{STORE}/0/{run_id}/artifacts/d"
        assert ask(server, "PUT", folder, b"x")[0] == 400
        assert ask(server, "PUT", f"{folder}/f.txt/deeper", b"x")[0] == 400
        assert ask(server, "GET", folder)[0] == 400
        assert ask(server, "GET", f"{folder}/missing")[0] == 404

    def test_links_planted_in_the_store_are_never_followed(self, filled: tuple[RunningServer, str]) -> None:
        server, _ = filled
        (server.artifacts / "links").mkdir(exist_ok=True)
        for name, aim in (("etc", "/etc"), ("passwd", "/etc/passwd"), ("up", "..")):
            link = server.artifacts / "links" / name
            if not link.is_symlink():
                link.symlink_to(aim)
        for target in ("links/etc/passwd", "links/passwd", "links/up/x"):
            assert ask(server, "GET", f"{STORE}/{target}")[0] in (400, 404)
        for target in ("links/etc/new", "links/up/new"):
            assert ask(server, "PUT", f"{STORE}/{target}", b"x")[0] == 400
        assert ask(server, "GET", f"{STORE}?path=links/etc")[0] == 400
        assert json.loads(ask(server, "GET", f"{STORE}?path=links")[2]) == {}
        assert not Path("/etc/new").exists()
        ask(server, "PUT", f"{STORE}/links/passwd", b"mine")
        assert b"root:" in Path("/etc/passwd").read_bytes()


class TestUploads:
    def test_a_cut_upload_leaves_nothing(self, filled: tuple[RunningServer, str]) -> None:
        server, _ = filled
        head = f"PUT {STORE}/cut/file HTTP/1.1\r\nHost: 127.0.0.1:{server.port}\r\nContent-Length: 1000000\r\n\r\n".encode()
        raw(server, head + b"x" * 300_000, cut=True)
        time.sleep(0.5)  # an upload that has not begun has left nothing either
        for _ in range(100):
            if not os.listdir(server.artifacts / ".runstone-staging"):
                break
            time.sleep(0.05)
        assert ask(server, "GET", f"{STORE}/cut/file")[0] == 404
        assert os.listdir(server.artifacts / ".runstone-staging") == []

    def test_chunked_uploads_are_whole(self, filled: tuple[RunningServer, str]) -> None:
        server, _ = filled
        head = f"PUT {STORE}/chunked HTTP/1.1\r\nHost: 127.0.0.1:{server.port}\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n"
        assert raw(server, head.encode() + b"5\r\nhello\r\n6\r\n world\r\n0\r\n\r\n")[0] == 200
        assert ask(server, "GET", f"{STORE}/chunked")[2] == b"hello world"

    def test_browser_uploads_are_capped(self, filled: tuple[RunningServer, str]) -> None:
        server, run_id = filled
        target = f"/ajax-api/2.0/mlflow/upload-artifact?run_uuid={run_id}&path="
        assert ask(server, "POST", target + "up.txt", b"up")[0] == 200
        assert ask(server, "GET", f"/get-artifact?run_id={run_id}&path=up.txt")[2] == b"up"
        for path in ("../x", "/x", "a/../x", ""):
            assert ask(server, "POST", target + path, b"x")[0] == 400
        too_much = b"x" * (10 * 2**20 + 1)
        for content in (too_much, iter([too_much])):  # announced, and in chunks
            answer = server.client.post(target + "big", content=content)
            assert (answer.status_code, answer.json()["error_code"]) == (400, "INVALID_PARAMETER_VALUE")
        assert ask(server, "GET", f"/get-artifact?run_id={run_id}&path=big")[0] == 404


class TestDownloads:
    @pytest.mark.parametrize(
        ("header", "status", "body"),
        [
            ("bytes=0-3", 206, b"0123"), ("bytes=4-", 206, b"456789"), ("bytes=-2", 206, b"89"), ("bytes=8-100", 206, b"89"),
            ("bytes=10-", 416, None), ("bytes=-0", 416, None), ("bytes=5-2", 200, b"0123456789"), ("lines=1", 200, b"0123456789"),
            ("bytes=0-0,2-2", 200, b"0123456789"), ("bytes=" + ",".join(["0-0"] * 5000), 200, b"0123456789"),
            ("bytes=999999999999999999-", 416, None), ("bytes=9e99-", 200, b"0123456789"), ("bytes=-100", 206, b"0123456789"),
        ],
    )  # fmt: skip
    def test_ranges(self, filled: tuple[RunningServer, str], header: str, status: int, body: bytes | None) -> None:
        server, run_id = filled
        found = ask(server, "GET", f"{STORE}/0/{run_id}/artifacts/d/f.txt", b"", f"Range: {header}")
        assert found[0] == status
        if body is not None:
            assert found[2] == body

    def test_unchanged_head_and_active_content(self, filled: tuple[RunningServer, str]) -> None:
        server, run_id = filled
        target = f"{STORE}/0/{run_id}/artifacts/d/f.txt"
        _, headers, _ = ask(server, "GET", target)
        assert ask(server, "GET", target, b"", f"If-None-Match: {headers['etag']}")[0] == 304
        status, head, body = ask(server, "HEAD", target)
        assert (status, head["content-length"], body) == (200, "10", b"")
        for name in ("x.html", "x.svg", "MLmodel", "x.xml", "x.js"):
            ask(server, "PUT", f"{STORE}/active/{name}", b"<script>alert(1)</script>")
            _, headers, _ = ask(server, "GET", f"{STORE}/active/{name}")
            assert headers["content-type"].startswith("text/plain"), name
            assert headers["content-disposition"].startswith("attachment")
            assert headers["x-content-type-options"] == "nosniff"
            assert "sandbox" in headers["content-security-policy"]


class TestListings:
    def test_run_relative_paths_and_bare_names(self, filled: tuple[RunningServer, str]) -> None:
        server, run_id = filled
        found = server.get("artifacts/list", run_id=run_id, path="d").json()
        assert found == {
            "root_uri": f"mlflow-artifacts:/0/{run_id}/artifacts",
            "files": [{"path": "d/f.txt", "is_dir": False, "file_size": 10}],
        }
        top: list[Any] = server.get("artifacts/list", run_id=run_id).json()["files"]
        assert {"path": "d", "is_dir": True} in top
        bare = server.client.get(STORE, params={"path": f"0/{run_id}/artifacts/d"}).json()
        assert bare == {"files": [{"path": "f.txt", "is_dir": False, "file_size": 10}]}
        assert server.get("artifacts/list", run_id=run_id, path="nothing").json() == {"root_uri": found["root_uri"]}
        assert server.get("artifacts/list", run_id="none").status_code == 404
