"""Hostile paths and locations, one row after another, on a folder and on S3: refused by name, nothing changed, nothing told."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import socket
import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from tests.conftest import Databases, RunningServer, running
from tests.rawhttp import Answer, ask, raw
from tests.s3server import BUCKET, S3Server

A = "/api/2.0/mlflow"
STORE = "/api/2.0/mlflow-artifacts/artifacts"
MPU = "/api/2.0/mlflow-artifacts/mpu"
JSON = "Content-Type: application/json"
# Words that tell something about the inside.
INSIDE = (b"Traceback", b"sqlite", b"SELECT ", b"psycopg", b"boto", b"site-packages", b"root:", b".runstone-staging")


@dataclass
class House:
    """A server with something in it that must not change."""

    server: RunningServer
    run_id: str
    s3: S3Server | None
    prefix: str
    listener: Listener

    def state(self) -> tuple[dict[str, int], dict[str, str]]:
        """Rows of each table, and a hash of each stored file, once the store has the bytes that are held of small files."""
        rows = self._rows()
        while rows["artifact_contents"] or rows["artifact_backlog"]:
            time.sleep(0.1)
            rows = self._rows()
        return rows, self._files()

    def _rows(self) -> dict[str, int]:
        database = self.server.database.removeprefix("sqlite:///")
        with closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True)) as connection:
            tables = [name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
            return {name: connection.execute(f'SELECT count(*) FROM "{name}"').fetchone()[0] for name in tables}

    def _files(self) -> dict[str, str]:
        if self.s3 is None:
            root = self.server.artifacts
            files = [Path(folder, name) for folder, _, names in os.walk(root) for name in names if not name.endswith(".lock")]
            return {str(file.relative_to(root)): _hash(file) for file in files}
        client = self.s3.client()
        pages = client.get_paginator("list_objects_v2").paginate(Bucket=BUCKET, Prefix=self.prefix)
        found = {item["Key"]: item["ETag"] for page in pages for item in page.get("Contents", ())}
        uploads = client.list_multipart_uploads(Bucket=BUCKET, Prefix=self.prefix).get("Uploads", ())
        found |= {f"unfinished {upload['Key']}": upload["UploadId"] for upload in uploads}
        client.close()
        return found

    def post(self, path: str, body: Any) -> Answer:
        return ask(self.server, "POST", path, json.dumps(body).encode(), JSON)


def _hash(file: Path) -> str:
    return "link" if file.is_symlink() else hashlib.sha256(file.read_bytes()).hexdigest()


class Listener(threading.Thread):
    """Counts who connects: the server must not."""

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._socket.getsockname()[1]
        self.calls = 0
        self.start()

    def run(self) -> None:
        while True:
            try:
                self._socket.accept()[0].close()
            except OSError:
                return
            self.calls += 1

    def close(self) -> None:
        self._socket.close()


@pytest.fixture(scope="module")
def house(
    kind: str, request: pytest.FixtureRequest, databases: Databases, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[House]:
    settings, options, s3, prefix = {"RUNSTONE_DIRECT_TRANSFER": "on"}, list[str](), None, ""
    if kind == "s3":
        s3 = request.getfixturevalue("seaweedfs")
        place = s3.place()
        prefix, settings, options = (
            place.removeprefix(f"s3://{BUCKET}/"),
            settings | s3.settings,
            ["--artifacts-destination", place],
        )
    listener = Listener()
    with running(tmp_path_factory.mktemp("house"), databases.make("sqlite"), *options, settings=settings) as server:
        run_id = server.run()
        for path in (f"0/{run_id}/artifacts/d/f.txt", "7/x/keep.txt", "other/keep.txt"):
            assert server.client.put(f"{STORE}/{path}", content=b"0123456789").status_code == 200
        server.ok("registered-models/create", {"name": "m"})
        server.ok("registered-models/create", {"name": "loop"})
        server.ok("model-versions/create", {"name": "m", "source": f"runs:/{run_id}/d", "run_id": run_id})
        yield House(server, run_id, s3, prefix, listener)
    assert listener.calls == 0, "the server connected to a host that a client named"
    listener.close()


def refused(house: House, answer: Answer, *statuses: int) -> None:
    """The oracle of every row: a clear 4xx in the one shape, which tells nothing of the inside."""
    status, headers, body = answer
    assert status in (statuses or (400,)), (status, body[:300])
    told = json.loads(body)
    assert set(told) == {"error_code", "message"}
    assert told["error_code"].isupper()
    assert told["message"]
    assert headers["x-content-type-options"] == "nosniff"
    assert "content-security-policy" in headers
    assert "set-cookie" not in headers
    inside = [*INSIDE, str(house.server.folder).encode(), *([house.prefix.encode()] if house.prefix else [])]
    assert not [word for word in inside if word in body], body


@pytest.fixture
def unchanged(house: House) -> Iterator[House]:
    before = house.state()
    yield house
    assert house.state() == before


# Rows 1 to 6, 8, 9, 11 to 13, 16 and 17: paths that are refused wherever they stand.
PATHS = [
    "../../../../etc/passwd", "..%2f..%2fetc%2fpasswd", "%2e%2e/x", "%252e%252e%252f", "%25252e%25252e%25252fetc",
    "..%5c..%5cx", "a/..%5cx", "/etc/passwd", "//etc/passwd", "%2fetc", "a%00.png", "%c0%ae%c0%ae/x", "%ff", "%ed%a0%80", "%f5%80%80%80",
    "a/./b", "a//b", "x" * 256, "%C3%A9" * 128, "/".join("d" * 600), "a%0d%0aSet-Cookie:x=1", "a%0ab", "a%1bb", "a%7fb", "a%C2%85b",
    "a%E2%80%AEgpj.exe", "a%E2%80%8Bb", "a%E2%81%A6b", "%EF%BB%BFx", ".runstone-staging", ".runstone-staging/x", "d/.runstone-x", "7/..%2f.",
    "..%2fother", "7/.", "%2e", "d/%2e%2e", "d/%2e%2e/%2e%2e/x",
]  # fmt: skip
# A listing takes '.' for the folder where it stands, see test_transfers.py; nothing else does.
DOTTED = ("a/./b", "7/.", "%2e")
# No route has a line's end in its path.
NO_ROUTE = {path: (400, 404) for path in PATHS if "%0a" in path}
CLIPPED = [path if len(path) < 40 else f"{path[:20]}...{len(path)}" for path in PATHS]


@pytest.mark.parametrize("path", PATHS, ids=CLIPPED)
class TestPaths:
    def test_of_files_and_folders_of_the_store(self, unchanged: House, path: str) -> None:
        for method in ("GET", "HEAD", "PUT", "DELETE"):
            answer = ask(unchanged.server, method, f"{STORE}/{path}", b"x" if method == "PUT" else b"")
            if method == "HEAD":
                assert answer[0] in NO_ROUTE.get(path, (400,))
            else:
                refused(unchanged, answer, *NO_ROUTE.get(path, ()))
        if path not in DOTTED:
            refused(unchanged, ask(unchanged.server, "GET", f"{STORE}?path={path}"))

    def test_of_a_run_a_version_and_an_upload_from_a_page(self, unchanged: House, path: str) -> None:
        run, server = unchanged.run_id, unchanged.server
        for target in (
            f"/get-artifact?run_uuid={run}&path={path}",
            f"/get-artifact?run_id={run}&path={path}",
            f"/model-versions/get-artifact?name=m&version=1&path={path}",
            f"{A}/artifacts/list?run_id={run}&path={path}",
            f"/ajax-api/2.0/mlflow/artifacts/list?run_id={run}&path={path}",
        ):
            if path not in DOTTED or "/list?" not in target:
                refused(unchanged, ask(server, "GET", target))
        refused(unchanged, ask(server, "POST", f"/ajax-api/2.0/mlflow/upload-artifact?run_uuid={run}&path={path}", b"x"))

    def test_of_direct_transfer(self, unchanged: House, path: str) -> None:
        answer = ask(unchanged.server, "GET", f"/api/2.0/mlflow-artifacts/presigned/{path}")
        refused(unchanged, answer, *NO_ROUTE.get(path, ()))
        body = json.dumps({"path": "file.bin", "num_parts": 2}).encode()
        answer = ask(unchanged.server, "POST", f"{MPU}/create/{path}", body, JSON)
        refused(unchanged, answer, *NO_ROUTE.get(path, ()))


class TestDeletion:
    """Rows 14 and 15: what would take everything away."""

    @pytest.mark.parametrize("path", ["/.", "/%2e", "/./", "/%20", "/7/.", "/7/%2e", "/", "", "//", "/%2f", "/7//", "/.%2f"])
    def test_nothing_is_removed(self, unchanged: House, path: str) -> None:
        refused(unchanged, ask(unchanged.server, "DELETE", f"{STORE}{path}"), 400, 404, 405)


class TestNames:
    """Rows 10 and 13, and a name as long as a name may be."""

    @pytest.mark.parametrize(
        "name",
        [
            "a%3Fb",
            "a%23b",
            "a;b",
            "a%26b=c",
            "a%25b",
            "%E2%82%AC",
            "a%22b",
            "a'b",
            "x" * 255,
            "..x",
            "...",
            "%C3%A9" * 127,
            "~",
            "a:b",
        ],
    )
    def test_is_stored_as_it_is_or_refused(self, house: House, name: str) -> None:
        answer = ask(house.server, "PUT", f"{STORE}/names/{name}", b"odd")
        if answer[0] != 200:
            refused(house, answer)
            return
        status, headers, body = ask(house.server, "GET", f"{STORE}/names/{name}")
        assert (status, body) == (200, b"odd")
        assert headers["content-disposition"].startswith("attachment; filename=")
        listed = json.loads(ask(house.server, "GET", f"{STORE}?path=names")[2])["files"]
        assert [quote(file["path"]) for file in listed] == [quote(bytes(name, "ascii").decode() and _decoded(name))]
        assert ask(house.server, "DELETE", f"{STORE}/names/{name}")[0] == 200

    def test_a_file_where_a_folder_is_and_a_folder_where_a_file_is(self, unchanged: House) -> None:
        folder = f"{STORE}/0/{unchanged.run_id}/artifacts/d"
        for method, target in (("PUT", folder), ("PUT", f"{folder}/f.txt/deeper"), ("GET", folder)):
            refused(unchanged, ask(unchanged.server, method, target, b"x" if method == "PUT" else b""))
        refused(unchanged, ask(unchanged.server, "GET", f"{folder}/f.txt/deeper"), 400, 404)


def _decoded(name: str) -> str:
    from urllib.parse import unquote

    return unquote(name)


# Rows 18 to 21: places that are no place at all, that are this server's inside, or that lead out of one.
NOWHERE = [
    "../../etc", "http:///?/../../etc/", "http:///#/../..", "http://h;/../", "s3://b/../../x", "mlflow-artifacts:/%2e%2e/",
    "mlflow-artifacts:/../x", "mlflow-artifacts://evil.example/x", "javascript:alert(1)", "data:text/html,x", "a\x00b", "s3://b/" + "x" * 5000,
    "models:/m/1", "runs:/../x", "file:///etc/../../x", "mlflow-artifacts:/x?y", "mlflow-artifacts:/x#y", "http://u:p@127.0.0.1/x",
]  # fmt: skip
# Places of a client's own may be remembered; nothing of them is ever opened.
ELSEWHERE = [
    "file:///etc", "/etc", "file://localhost/etc", "ftp://127.0.0.1:{port}/x", "sftp://127.0.0.1:{port}/x", "hdfs://127.0.0.1:{port}/x",
    "dbfs:/x", "abfss://c@127.0.0.1:{port}/x", "http://127.0.0.1:{port}/x", "https://127.0.0.1:{port}/x", "s3://bucket/x", "C:\\windows",
]  # fmt: skip


class TestLocations:
    @pytest.mark.parametrize("location", NOWHERE, ids=lambda text: repr(text[:30]))
    def test_that_lead_nowhere(self, unchanged: House, location: str) -> None:
        body = {"name": f"at {location[:20]!r}", "artifact_location": location}
        refused(unchanged, unchanged.post(f"{A}/experiments/create", body))
        if not location.startswith(("models:/m/1", "runs:/")):  # those are sources
            version = {"name": "m", "source": location, "run_id": unchanged.run_id}
            refused(unchanged, unchanged.post(f"{A}/model-versions/create", version))
            tagged = version | {"tags": [{"key": "mlflow.prompt.is_prompt", "value": "true"}]}
            refused(unchanged, unchanged.post(f"{A}/model-versions/create", tagged))

    @pytest.mark.parametrize("location", ELSEWHERE)
    def test_of_a_clients_own_are_never_opened(self, house: House, location: str) -> None:
        location = location.format(port=house.listener.port)
        answer = house.post(f"{A}/experiments/create", {"name": f"at {location}", "artifact_location": location})
        if answer[0] != 200:
            refused(house, answer)
            return
        run_id = house.server.run(json.loads(answer[2])["experiment_id"])
        before = house.state()
        for target in (f"{A}/artifacts/list?run_id={run_id}", f"/get-artifact?run_uuid={run_id}&path=passwd"):
            refused(house, ask(house.server, "GET", target))
        refused(house, ask(house.server, "POST", f"/ajax-api/2.0/mlflow/upload-artifact?run_uuid={run_id}&path=x", b"x"))
        assert house.state() == before

    @pytest.mark.parametrize("location", ["file:///etc", "/etc", "http://127.0.0.1:{port}/a/", "file:///", "s3://bucket/x"])
    def test_sources_of_a_clients_own_are_never_opened(self, house: House, location: str) -> None:
        """Row 22, 23 and 25: not directly, not with a tag, not by way of another version."""
        location = location.format(port=house.listener.port)
        version = {"name": "m", "source": location, "run_id": house.run_id}
        for body in (version, version | {"tags": [{"key": "mlflow.prompt.is_prompt", "value": "true"}]}):
            answer = house.post(f"{A}/model-versions/create", body)
            if answer[0] != 200:
                refused(house, answer)
                continue
            number = json.loads(answer[2])["model_version"]["version"]
            copy = house.post(f"{A}/model-versions/create", {"name": "m", "source": f"models:/m/{number}"})
            numbers = [number, *([json.loads(copy[2])["model_version"]["version"]] if copy[0] == 200 else [])]
            for each in numbers:
                refused(house, ask(house.server, "GET", f"/model-versions/get-artifact?name=m&version={each}&path=passwd"))

    def test_a_version_that_is_its_own_source(self, unchanged: House) -> None:
        for source in ("models:/loop/1", "models:/m/9999", "models:/unknown/1", "models:/m@none", "models:/loop@none"):
            refused(unchanged, unchanged.post(f"{A}/model-versions/create", {"name": "loop", "source": source}), 400, 404)

    @pytest.mark.parametrize(
        "query",
        ["name=..%2fm&version=1", "name=m&version=..%2f1", "name=m&version=1%00", "name=m%00&version=1", "name=&version=1"],
    )
    def test_versions_that_are_none(self, unchanged: House, query: str) -> None:
        """Row 26."""
        refused(unchanged, ask(unchanged.server, "GET", f"/model-versions/get-artifact?{query}&path=f.txt"), 400, 404)


class TestIdentity:
    """Rows 27 and 28: names that could be taken for others."""

    @pytest.mark.parametrize(
        "name", ["../x", "a/b", "a:b", "a%2fb", "\x00", ".", "x" * 300, "e\u0301", "\u00e9", "n ", "n", " n", "N", "a\u200bb"]
    )
    def test_a_registered_model_is_found_by_its_exact_name_or_refused(self, house: House, name: str) -> None:
        answer = house.post(f"{A}/registered-models/create", {"name": name})
        if answer[0] != 200:
            refused(house, answer)
            return
        assert json.loads(answer[2])["registered_model"]["name"] == name
        found = ask(house.server, "GET", f"{A}/registered-models/get?name={quote(name, safe='')}")
        assert json.loads(found[2])["registered_model"]["name"] == name

    @pytest.mark.parametrize("key", ["../../x", ".", "a/../b", "a//b", "/a", "a/", "", "a\x00"])
    def test_a_metric_key_is_no_path(self, unchanged: House, key: str) -> None:
        body = {"run_id": unchanged.run_id, "key": key, "value": 1, "timestamp": 1}
        refused(unchanged, unchanged.post(f"{A}/runs/log-metric", body))


class TestUploads:
    """Rows 29 to 31."""

    def test_from_a_page(self, unchanged: House) -> None:
        target = f"/ajax-api/2.0/mlflow/upload-artifact?run_uuid={unchanged.run_id}&path="
        for path in ("../x", "/x", "a/../../x", ""):
            refused(unchanged, ask(unchanged.server, "POST", target + path, b"x"))
        refused(unchanged, ask(unchanged.server, "POST", target + "big", b"x" * (10 * 2**20 + 1)), 400, 413)
        head = f"POST {target}big HTTP/1.1\r\nHost: 127.0.0.1:{unchanged.server.port}\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n"
        chunk = b"100000\r\n" + b"x" * 2**20 + b"\r\n"
        refused(unchanged, raw(unchanged.server, head.encode() + chunk * 11 + b"0\r\n\r\n"), 400, 413)

    @pytest.mark.parametrize("parts", [0, -1, 10**6, 10**30, "x", 1.5, None, [1]])
    def test_numbers_of_parts(self, unchanged: House, parts: Any) -> None:
        refused(unchanged, unchanged.post(f"{MPU}/create/up", {"path": "file.bin", "num_parts": parts}))

    def test_ids_of_uploads_that_are_none_or_anothers(self, house: House) -> None:
        made = [
            json.loads(house.post(f"{MPU}/create/{folder}", {"path": "f.bin", "num_parts": 1})[2])["upload_id"]
            for folder in ("one", "two")
        ]
        before = house.state()
        parts = [{"part_number": 1, "etag": "00", "url": ""}]
        for upload in (made[1], "x", "../x", "", made[0][:-2], made[0] + "0", "\x00"):
            body = {"path": "f.bin", "upload_id": upload, "parts": parts}
            refused(house, house.post(f"{MPU}/complete/one", body), 400, 403, 404)
            if upload:
                refused(house, house.post(f"{MPU}/abort/one", {"path": "f.bin", "upload_id": upload}), 400, 403, 404)
        refused(house, house.post(f"{MPU}/complete/one", {"path": "f.bin", "upload_id": made[0], "parts": parts}))
        assert house.state() == before
        for folder, upload in zip(("one", "two"), made, strict=True):
            assert house.post(f"{MPU}/abort/{folder}", {"path": "f.bin", "upload_id": upload})[0] == 200
        refused(house, house.post(f"{MPU}/complete/one", {"path": "f.bin", "upload_id": made[0], "parts": parts}), 400, 404)

    @pytest.mark.parametrize("size", [b"-1", b"+5", b"5x", b"99999999999999999999", b"5, 5", b" ", b"0x5"])
    def test_lengths_that_are_none(self, unchanged: House, size: bytes) -> None:
        head = f"PUT {STORE}/up/length HTTP/1.1\r\nHost: 127.0.0.1:{unchanged.server.port}\r\nConnection: close\r\n".encode()
        status = raw(unchanged.server, head + b"Content-Length: " + size + b"\r\n\r\nhello")[0]
        assert 400 <= status < 500

    @pytest.mark.parametrize("size", [0, 10, 300_000, 6_000_000])
    def test_bytes_that_are_not_those_that_were_announced(self, house: House, size: int) -> None:
        content, target = os.urandom(size), f"{STORE}/up/digest-{size}"
        before = house.state()
        for said in (content + b"x", b"other"):
            digest = base64.b64encode(hashlib.sha256(said).digest()).decode()
            answer = ask(house.server, "PUT", target, content, f"Content-Digest: sha-256=:{digest}:")
            refused(house, answer)
            assert b"SHA-256" in answer[2]
        for header in ("sha-256=:AAAA:", "sha-256=:no base64:", "sha-256", "sha-256=::"):
            refused(house, ask(house.server, "PUT", target, content, f"Content-Digest: {header}"))
        assert house.state() == before
        refused(house, ask(house.server, "GET", target), 404)
        digest = base64.b64encode(hashlib.sha256(content).digest()).decode()
        answer = ask(house.server, "PUT", target, content, f"Content-Digest: md5=:AAAA:, sha-256=:{digest}:")
        assert answer[0] == 200
        assert ask(house.server, "GET", target)[2] == content

    @pytest.mark.parametrize("sent", [0, 1, 70_000, 9_000_000])
    def test_a_body_that_is_cut_leaves_nothing(self, house: House, sent: int) -> None:
        before = house.state()
        head = f"PUT {STORE}/up/cut HTTP/1.1\r\nHost: 127.0.0.1:{house.server.port}\r\nContent-Length: 10000000\r\n\r\n".encode()
        raw(house.server, head + b"x" * sent, cut=True)
        for _ in range(600):
            if ask(house.server, "GET", "/health")[0] == 200 and house.state() == before:
                break
            threading.Event().wait(0.1)
        assert house.state() == before
        refused(house, ask(house.server, "GET", f"{STORE}/up/cut"), 404)


class TestDownloads:
    """Rows 32 and 33."""

    @pytest.mark.parametrize(
        ("header", "status"),
        [
            ("bytes=" + ",".join(f"{i}-{i}" for i in range(1000)), 200), ("bytes=0-0,1-1," * 300, 200), ("bytes=-1", 206), ("bytes=9e99-", 200),
            ("bytes=10-", 416), ("bytes=-0", 416), ("bytes=" + "9" * 18 + "-", 416), ("bytes=--1", 200), ("bytes=0-0\x00", 400),
        ],
        ids=lambda value: str(value)[:20],
    )  # fmt: skip
    def test_ranges(self, unchanged: House, header: str, status: int) -> None:
        target = f"{STORE}/0/{unchanged.run_id}/artifacts/d/f.txt"
        answer = ask(unchanged.server, "GET", target, b"", f"Range: {header}")
        assert answer[0] == status
        if status == 416:
            refused(unchanged, answer, 416)
            assert answer[1]["content-range"] == "bytes */10"

    def test_five_thousand_ranges(self, unchanged: House) -> None:
        target = f"{STORE}/0/{unchanged.run_id}/artifacts/d/f.txt"
        header = "Range: bytes=" + ",".join(["0-0"] * 5000)
        status, _, body = ask(unchanged.server, "GET", target, b"", header)
        assert (status, body) == (200, b"0123456789")

    @pytest.mark.parametrize(
        "name", ["x.html", "x.svg", "MLmodel", "x.xhtml", "x.js", "x.xml", "x.htm.gz", "x.swf", "x.mhtml", "x.pdf"]
    )
    def test_nothing_is_shown_as_a_page_of_this_server(self, house: House, name: str) -> None:
        assert ask(house.server, "PUT", f"{STORE}/active/{name}", b"<script>alert(1)</script>")[0] == 200
        _, headers, _ = ask(house.server, "GET", f"{STORE}/active/{name}")
        assert headers["content-disposition"].startswith("attachment")
        assert headers["x-content-type-options"] == "nosniff"
        assert "sandbox" in headers["content-security-policy"]
        assert not any(word in headers["content-type"] for word in ("html", "svg", "xml", "script"))
