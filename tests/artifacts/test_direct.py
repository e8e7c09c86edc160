"""Signed URLs and uploads in parts through a real server, on a folder and on S3, with good and with hostile requests."""

from __future__ import annotations

import base64
import json
import os
import socket
from pathlib import Path
from typing import Any

import httpx
import pytest

from runstone.storage.staging import STAGING
from tests.conftest import Databases, RunningServer, running
from tests.s3server import S3Server

API = "/api/2.0/mlflow-artifacts"
STORE = f"{API}/artifacts"
FIVE = 5 * 2**20


def mpu(server: RunningServer, step: str, folder: str, **body: Any) -> httpx.Response:
    return server.client.post(f"{API}/mpu/{step}/{folder}", json=body)


def begin(server: RunningServer, folder: str, parts: int, name: str = "/home/me/file.bin") -> tuple[str, list[dict[str, Any]]]:
    answer = mpu(server, "create", folder, path=name, num_parts=parts)
    assert answer.status_code == 200, answer.text
    found = answer.json()
    assert [credential["part_number"] for credential in found["credentials"]] == list(range(1, parts + 1))
    return found["upload_id"], found["credentials"]


def send(credential: dict[str, Any], content: bytes) -> dict[str, Any]:
    answer = httpx.put(credential["url"], content=content, headers=credential["headers"])
    assert answer.status_code == 200, answer.text
    return {"part_number": credential["part_number"], "etag": answer.headers["etag"], "url": credential["url"]}


def refused(answer: httpx.Response, status: int, words: str) -> None:
    assert (answer.status_code, words in answer.json()["message"]) == (status, True), answer.text


def staged(server: RunningServer) -> list[str]:
    return os.listdir(server.artifacts / STAGING) if server.artifacts.exists() else []


class TestParts:
    def test_a_file_in_parts(self, transfer_server: RunningServer) -> None:
        contents = [os.urandom(FIVE), os.urandom(FIVE), b"the end"]
        upload, credentials = begin(transfer_server, "p/whole", 3, "C:\\models\\file.bin")
        parts = [send(credentials[number], contents[number]) for number in (2, 0, 1)]
        parts.sort(key=lambda part: part["part_number"])
        assert transfer_server.client.get(f"{STORE}/p/whole/file.bin").status_code == 404
        assert mpu(transfer_server, "complete", "p/whole", path="file.bin", upload_id=upload, parts=parts).json() == {}
        assert transfer_server.client.get(f"{STORE}/p/whole/file.bin").content == b"".join(contents)
        assert staged(transfer_server) == []
        again = mpu(transfer_server, "complete", "p/whole", path="file.bin", upload_id=upload, parts=parts)
        refused(again, 404, "No such upload")
        assert transfer_server.client.get(f"{STORE}/p/whole/file.bin").content == b"".join(contents)

    def test_lists_of_parts_that_are_wrong(self, transfer_server: RunningServer) -> None:
        transfer_server.client.put(f"{STORE}/p/bad/file.bin", content=b"before")
        upload, credentials = begin(transfer_server, "p/bad", 2)
        one, two = send(credentials[0], b"1" * FIVE), send(credentials[1], b"2")
        cases = [
            ([one], "part 2 of 2 is missing"),
            ([two], "part 1 of 2 is missing"),
            ([two, one], "in the order"),
            ([one, one], "twice"),
            ([one, two, two], "twice"),
            ([one, two, two | {"part_number": 3}], "begun with 2"),
            ([one | {"part_number": 0}, two], "part 1 of 2 is missing"),
            ([one | {"etag": two["etag"]}, two], "part 1 has not arrived"),
            ([one | {"etag": "../../x"}, two], "part 1 has not arrived"),
            ([], "'parts'"),
            ([{"part_number": 1}], "etag"),
            ([1], "parts[0]"),
            ([one | {"part_number": 2**63}, two], "part_number"),
        ]
        for parts, words in cases:
            refused(mpu(transfer_server, "complete", "p/bad", path="file.bin", upload_id=upload, parts=parts), 400, words)
        assert transfer_server.client.get(f"{STORE}/p/bad/file.bin").content == b"before"
        assert mpu(transfer_server, "complete", "p/bad", path="file.bin", upload_id=upload, parts=[one, two]).status_code == 200
        assert transfer_server.client.get(f"{STORE}/p/bad/file.bin").content == b"1" * FIVE + b"2"

    def test_uploads_of_others(self, transfer_server: RunningServer) -> None:
        upload, credentials = begin(transfer_server, "p/mine", 1)
        part = send(credentials[0], b"x")
        for folder, name in (("p/other", "file.bin"), ("p/mine", "other.bin"), ("p", "file.bin")):
            for step in ("complete", "abort"):
                answer = mpu(transfer_server, step, folder, path=name, upload_id=upload, parts=[part])
                refused(answer, 400, "Invalid upload_id")
        raw = base64.urlsafe_b64decode(upload + "==")
        altered = [
            "x", "../..", upload[:-2], upload[::-1], "A" * 20_000, upload + "é",
            base64.urlsafe_b64encode(raw.replace(b"p/mine", b"p/your")).decode(),
        ]  # fmt: skip
        for text in altered:
            refused(mpu(transfer_server, "abort", "p/mine", path="file.bin", upload_id=text), 400, "Invalid upload_id")
        assert mpu(transfer_server, "abort", "p/mine", path="file.bin", upload_id=upload).json() == {}
        assert mpu(transfer_server, "abort", "p/mine", path="file.bin", upload_id=upload).json() == {}
        refused(
            mpu(transfer_server, "complete", "p/mine", path="file.bin", upload_id=upload, parts=[part]), 404, "No such upload"
        )
        assert httpx.put(credentials[0]["url"], content=b"x").status_code == 404
        assert staged(transfer_server) == []

    @pytest.mark.parametrize("parts", [0, -1, 10_001, 10**6, 2**63, "x", None, 1.5])
    def test_numbers_of_parts(self, transfer_server: RunningServer, parts: Any) -> None:
        refused(mpu(transfer_server, "create", "p/n", path="f", num_parts=parts), 400, "num_parts")
        assert staged(transfer_server) == []

    def test_the_most_parts(self, transfer_server: RunningServer) -> None:
        upload, credentials = begin(transfer_server, "p/most", 10_000)
        assert len({credential["url"] for credential in credentials}) == 10_000
        assert mpu(transfer_server, "abort", "p/most", path="file.bin", upload_id=upload).status_code == 200

    @pytest.mark.parametrize(
        ("folder", "name"),
        [("p/../x", "f"), ("p", ".."), ("p", "a/.."), ("p", "a\\.."), ("p", ""), ("p", "a/"), ("p//x", "f"), ("p", "a\x00b"), ("p", "a\u202eb"), ("p", "a" * 256),
         (".runstone-staging", "f"), ("p", ".runstone-staging"), ("p%2f..%2fx", "f"), ("p/%252e%252e", "f"), ("p", "%2e%2e%2fx")],
    )  # fmt: skip
    def test_places_that_are_none(self, transfer_server: RunningServer, folder: str, name: str) -> None:
        for step, more in (
            ("create", {"num_parts": 1}),
            ("complete", {"upload_id": "x", "parts": []}),
            ("abort", {"upload_id": "x"}),
        ):
            body = json.dumps({"path": name, **more}).encode()
            status, answer = raw(transfer_server, "POST", f"{API}/mpu/{step}/{folder}", body, "Content-Type: application/json")
            assert status == 400, answer
        assert staged(transfer_server) == []

    def test_a_folder_in_the_way(self, transfer_server: RunningServer) -> None:
        transfer_server.client.put(f"{STORE}/p/way/deep/f", content=b"x")
        for folder, name in (("p/way", "deep"), ("p/way/deep/f", "x")):
            refused(mpu(transfer_server, "create", folder, path=name, num_parts=1), 400, "in the way")

    @pytest.mark.parametrize("body", [b"[]", b"{", b"null", b'{"path":1,"num_parts":1}', b'{"num_parts":1}', b""])
    def test_bodies_that_are_none(self, transfer_server: RunningServer, body: bytes) -> None:
        for step in ("create", "complete", "abort"):
            assert raw(transfer_server, "POST", f"{API}/mpu/{step}/p", body, "Content-Type: application/json")[0] == 400


class TestSignedUrls:
    def test_download(self, transfer_server: RunningServer) -> None:
        content = os.urandom(700_000)
        transfer_server.client.put(f"{STORE}/s/döwn.html", content=content)
        found = transfer_server.client.get(f"{API}/presigned/s/döwn.html").json()
        assert found["file_size"] == len(content)
        assert httpx.get(found["url"], headers=found["headers"]).content == content
        part = httpx.get(found["url"], headers=found["headers"] | {"Range": "bytes=300000-300009"})
        assert (part.status_code, part.content) == (206, content[300_000:300_010])
        assert part.headers["content-disposition"].startswith("attachment")
        assert part.headers["content-type"].startswith("text/plain")
        transfer_server.client.put(f"{STORE}/s/döwn.html", content=b"another version")
        assert httpx.get(found["url"], headers=found["headers"]).status_code in (403, 412)

    def test_downloads_of_what_is_not_there(self, transfer_server: RunningServer) -> None:
        transfer_server.client.put(f"{STORE}/s/folder/f", content=b"x")
        refused(transfer_server.client.get(f"{API}/presigned/s/none"), 404, "No such artifact")
        refused(transfer_server.client.get(f"{API}/presigned/s/folder"), 400, "is a folder")
        assert raw(transfer_server, "GET", f"{API}/presigned/s/..%2fx")[0] == 400

    def test_of_runs_and_models(self, transfer_server: RunningServer) -> None:
        run_id = transfer_server.run()
        model = transfer_server.ok("logged-models", {"experiment_id": "0", "name": "m"})["model"]["info"]["model_id"]
        for owner, url in (
            ({"run_id": run_id}, f"/get-artifact?run_id={run_id}&path=d/f.txt"),
            ({"model_id": model}, f"/ajax-api/2.0/mlflow/logged-models/{model}/artifacts/files?artifact_file_path=d/f.txt"),
        ):
            signed = transfer_server.ok("artifacts/presigned-upload-url", owner | {"path": "d/f.txt", "expiration": 60})
            assert httpx.put(signed["presigned_url"], content=b"signed", headers=signed["headers"]).status_code == 200
            assert transfer_server.client.get(url).content == b"signed"
        signed = transfer_server.ok("artifacts/presigned-download-url", {"run_id": run_id, "path": "d/f.txt"})
        assert signed["file_size"] == 6
        assert httpx.get(signed["presigned_url"], headers=signed["headers"]).content == b"signed"

    def test_requests_for_urls_that_are_wrong(self, transfer_server: RunningServer) -> None:
        run_id, up, down = transfer_server.run(), "artifacts/presigned-upload-url", "artifacts/presigned-download-url"
        cases: list[tuple[str, dict[str, Any], int]] = [
            (up, {"path": "f"}, 400), (up, {"run_id": run_id, "model_id": "m", "path": "f"}, 400), (up, {"run_id": run_id}, 400),
            (up, {"run_id": "0" * 32, "path": "f"}, 404), (up, {"model_id": "m-none", "path": "f"}, 404), (up, {"run_id": run_id, "path": "../f"}, 400),
            (up, {"run_id": run_id, "path": "f", "expiration": 0}, 400), (up, {"run_id": run_id, "path": "f", "expiration": 604_801}, 400),
            (down, {"run_id": run_id, "path": "f"}, 404), (down, {"run_id": run_id, "path": "/f"}, 400), (down, {"path": "f"}, 400),
            (down, {"run_id": run_id, "path": "f", "expiration": -1}, 400),
        ]  # fmt: skip
        for path, body, status in cases:
            assert transfer_server.post(path, body).status_code == status, body

    def test_urls_that_have_expired(self, transfer_server: RunningServer) -> None:
        run_id = transfer_server.run()
        signed = transfer_server.ok("artifacts/presigned-upload-url", {"run_id": run_id, "path": "late", "expiration": 1})
        for _ in range(60):
            answer = httpx.put(signed["presigned_url"], content=b"x", headers=signed["headers"])
            if answer.status_code == 403:
                break
        else:
            pytest.fail("the URL did not expire")


def local_only(server: RunningServer) -> None:
    if not server.artifacts.exists():
        pytest.skip("S3 signs its own URLs")


class TestOurSignatures:
    """For a folder the server signs the URLs itself."""

    def test_nothing_else_is_permitted(self, transfer_server: RunningServer) -> None:
        local_only(transfer_server)
        server = transfer_server
        server.client.put(f"{STORE}/o/f", content=b"content")
        get = server.client.get(f"{API}/presigned/o/f").json()["url"]
        upload, credentials = begin(server, "o", 1)
        put = credentials[0]["url"]
        assert [httpx.put(get, content=b"x").status_code, httpx.get(put).status_code] == [405, 405]
        assert httpx.delete(get).status_code == httpx.post(put, content=b"x").status_code == 405
        token = get.rpartition("/")[2]
        payload = base64.urlsafe_b64decode(token + "=" * (-len(token) % 4))
        altered = [
            "x", token[:-1], "A" + token[1:], token + "A", upload, "A" * 30_000,
            base64.urlsafe_b64encode(payload.replace(b'"get"', b'"put"')).decode().rstrip("="),
            base64.urlsafe_b64encode(payload.replace(b"o/f", b"0/f")).decode().rstrip("="),
        ]  # fmt: skip
        for text in altered:
            for method in ("GET", "PUT"):
                status, body = raw(server, method, f"{API}/direct/{text}", b"x")
                assert status in (400, 403, 405, 414), (text[:40], status)
                assert b"content" not in body
        assert server.client.get(f"{STORE}/o/f").content == b"content"
        for method in ("GET", "HEAD", "PUT"):
            assert raw(server, method, f"{API}/direct/{upload}")[0] == 405
        assert httpx.head(get).headers["content-length"] == "7"
        mpu(server, "abort", "o", path="file.bin", upload_id=upload)

    def test_tokens_stay_out_of_the_log(self, transfer_server: RunningServer) -> None:
        local_only(transfer_server)
        transfer_server.client.put(f"{STORE}/o/log", content=b"x")
        url = transfer_server.client.get(f"{API}/presigned/o/log").json()["url"]
        assert httpx.put(url, content=b"x").status_code == 405
        log = (transfer_server.folder / "server.log").read_text()
        assert "/mlflow-artifacts/direct/..." in log
        assert url.rpartition("/")[2][:40] not in log

    @pytest.mark.parametrize("sent", [0, 1, 2**20])
    def test_a_part_that_is_cut(self, transfer_server: RunningServer, sent: int) -> None:
        local_only(transfer_server)
        upload, credentials = begin(transfer_server, "o/cut", 1)
        path = credentials[0]["url"].partition(str(transfer_server.port))[2]
        with socket.create_connection(("127.0.0.1", transfer_server.port), timeout=20) as connection:
            head = f"PUT {path} HTTP/1.1\r\nHost: 127.0.0.1:{transfer_server.port}\r\nContent-Length: 2000000\r\n\r\n"
            connection.sendall(head.encode() + b"x" * sent)
        part = {"part_number": 1, "etag": "0" * 64}
        refused(
            mpu(transfer_server, "complete", "o/cut", path="file.bin", upload_id=upload, parts=[part]), 400, "has not arrived"
        )
        mpu(transfer_server, "abort", "o/cut", path="file.bin", upload_id=upload)

    def test_the_host_of_the_request_is_that_of_the_url(self, transfer_server: RunningServer) -> None:
        local_only(transfer_server)
        transfer_server.client.put(f"{STORE}/o/host", content=b"x")
        answer = transfer_server.client.get(
            f"{API}/presigned/o/host", headers={"Host": "localhost:1234", "X-Forwarded-Proto": "https"}
        )
        assert answer.json()["url"].startswith("https://localhost:1234/api/2.0/mlflow-artifacts/direct/")
        assert transfer_server.client.get(f"{API}/presigned/o/host", headers={"Host": "evil.example"}).status_code == 403


class TestOffers:
    @pytest.mark.parametrize(
        ("settings", "uploads", "downloads"),
        [
            ({}, True, False),
            ({"RUNSTONE_DIRECT_TRANSFER": "on"}, True, True),
            ({"RUNSTONE_DIRECT_TRANSFER": "off"}, False, False),
        ],
    )
    def test_what_is_said_is_what_is_done(
        self, databases: Databases, tmp_path: Path, settings: dict[str, str], uploads: bool, downloads: bool
    ) -> None:
        with running(tmp_path, databases.make("sqlite"), settings=settings) as server:
            check_offer(server, uploads, downloads, works=settings.get("RUNSTONE_DIRECT_TRANSFER") != "off")

    @pytest.mark.parametrize("reached", [True, False])
    def test_s3(self, databases: Databases, tmp_path: Path, seaweedfs: S3Server, reached: bool) -> None:
        """Clients are sent to the store only where the operator said how they reach it."""
        public = {"RUNSTONE_S3_PUBLIC_ENDPOINT_URL": seaweedfs.url.replace("127.0.0.1", "localhost")} if reached else {}
        options = ["--artifacts-destination", seaweedfs.place()]
        with running(tmp_path, databases.make("sqlite"), *options, settings=seaweedfs.settings | public) as server:
            check_offer(server, reached, reached, works=reached)
            if reached:
                url = server.client.get(f"{API}/presigned/f").json()["url"]
                assert url.startswith("http://localhost:")
                assert "test-secret" not in url

    def test_s3_with_a_quota(self, databases: Databases, tmp_path: Path, seaweedfs: S3Server) -> None:
        """What clients send to the store themselves would count too late."""
        settings = {"RUNSTONE_WORKSPACE_QUOTA_BYTES": "1000", "RUNSTONE_DIRECT_TRANSFER": "on", **seaweedfs.settings}
        options = ["--artifacts-destination", seaweedfs.place()]
        with running(tmp_path, databases.make("sqlite"), *options, settings=settings) as server:
            info = server.client.get("/api/3.0/mlflow/server-info").json()
            assert (info["multipart_uploads_enabled"], info["multipart_downloads_enabled"]) == (False, True)
            assert mpu(server, "create", "a", path="f", num_parts=1).status_code == 501
            assert server.client.put(f"{STORE}/f", content=b"x" * 1000).status_code == 200
            assert server.client.get(f"{API}/presigned/f").status_code == 200
            assert server.client.put(f"{STORE}/g", content=b"x").status_code == 413

    def test_the_limit_holds_for_the_whole(self, databases: Databases, tmp_path: Path) -> None:
        settings = {"RUNSTONE_MAX_ARTIFACT_BYTES": "1000", "RUNSTONE_PUBLIC_URL": "http://elsewhere.example/tracking"}
        with running(tmp_path, databases.make("sqlite"), settings=settings) as server:
            upload, credentials = begin(server, "l", 2)
            assert credentials[0]["url"].startswith("http://elsewhere.example/tracking/api/2.0/mlflow-artifacts/direct/")
            for credential in credentials:
                credential["url"] = credential["url"].replace("http://elsewhere.example/tracking", server.url)
            assert httpx.put(credentials[0]["url"], content=b"x" * 1001).status_code == 413
            parts = [send(credential, b"x" * 600) for credential in credentials]
            refused(mpu(server, "complete", "l", path="file.bin", upload_id=upload, parts=parts), 413, "1000 bytes")
            assert staged(server) == []
            assert server.client.get(f"{STORE}/l/file.bin").status_code == 404


def check_offer(server: RunningServer, uploads: bool, downloads: bool, *, works: bool) -> None:
    info = server.client.get("/api/3.0/mlflow/server-info").json()
    assert (info["multipart_uploads_enabled"], info["multipart_downloads_enabled"]) == (uploads, downloads)
    assert info["presigned_upload_run_id_supported"] == info["presigned_upload_model_id_supported"] == uploads
    server.client.put(f"{STORE}/f", content=b"x")
    answers = [mpu(server, "create", "a", path="f", num_parts=1), server.client.get(f"{API}/presigned/f")]
    if works:
        assert [answer.status_code for answer in answers] == [200, 200]
        return
    assert [answer.status_code for answer in answers] == [501, 501]
    assert answers[0].json()["message"].startswith("Multipart upload is not supported for the current artifact repository")
    assert server.client.get(f"{API}/direct/x").status_code in (403, 404)


def raw(server: RunningServer, method: str, target: str, body: bytes = b"", *headers: str) -> tuple[int, bytes]:
    """Exactly these bytes, and the whole answer."""
    lines = [f"{method} {target} HTTP/1.1", f"Host: 127.0.0.1:{server.port}", "Connection: close", f"Content-Length: {len(body)}"]
    with socket.create_connection(("127.0.0.1", server.port), timeout=20) as connection:
        connection.sendall("\r\n".join([*lines, *headers, "", ""]).encode() + body)
        answer = b""
        while piece := connection.recv(65_536):
            answer += piece
    head, _, content = answer.partition(b"\r\n\r\n")
    return int(head.split()[1]), content
