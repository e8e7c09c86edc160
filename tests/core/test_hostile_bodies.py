"""Bodies, headers and paths that no client sends: always a JSON answer below 500, and nothing changes."""

from __future__ import annotations

import gzip
import json
from typing import Any

import pytest

from tests.conftest import RunningServer
from tests.rawhttp import ask, raw

JSON = {"Content-Type": "application/json"}
CREATE = "/api/2.0/mlflow/experiments/create"
BATCH = "/api/2.0/mlflow/runs/log-batch"


class TestBodies:
    @pytest.mark.parametrize(
        "body",
        [
            b"[1,2]", b'"x"', b"1", b"null", b"{", b"\xef\xbb\xbf{}", '{"name":"x"}'.encode("utf-16"), b'{"name":"x"} trailing', b"\xff\xfe",
            b"[" * 100_000, b'{"a":' * 100_000, b'{"name":"a","name":"b"}', b'{"name":"\\ud83d"}', b'{"name":"a\\u0000b"}', b"true",
            b'{"name":"x","tags":' + b"9" * 10**6 + b"}", b'{"name":"x","tags":0.' + b"9" * 10**6 + b"}", b'"[1]"', b'{"name":"x",}',
            b"{'name':'x'}", b'{"name":"x" "tags":[]}', b'{"name":"a\nb"}',
        ],
    )  # fmt: skip
    def test_what_is_no_json_object_is_refused(self, server: RunningServer, body: bytes) -> None:
        for path in (CREATE, BATCH, CREATE.replace("/api", "/ajax-api")):
            answer = server.client.post(path, content=body, headers=JSON)
            assert answer.status_code == 400, (path, answer.text)
            assert answer.json()["error_code"] == "INVALID_PARAMETER_VALUE"
            assert "Traceback" not in answer.text

    def test_json_in_a_json_string_is_read(self, server: RunningServer) -> None:
        body = json.dumps(json.dumps({"name": "twice encoded"}))
        assert server.client.post(CREATE, content=body, headers=JSON).status_code == 200

    def test_an_empty_body_counts_as_an_empty_object(self, server: RunningServer) -> None:
        answer = server.client.post(CREATE, content=b"", headers=JSON)
        assert "Missing value for required parameter 'name'" in answer.json()["message"]

    @pytest.mark.parametrize(
        "kind",
        [
            None,
            "text/plain",
            "application/x-www-form-urlencoded",
            "multipart/form-data; boundary=x",
            "application/json;charset=utf-7",
        ],
    )
    def test_only_json_is_read(self, server: RunningServer, kind: str | None) -> None:
        answer = server.client.post(CREATE, content=b'{"name":"typed"}', headers={"Content-Type": kind} if kind else {})
        assert answer.status_code == 400
        assert "Content-Type" in answer.json()["message"] or "charset" in answer.json()["message"]

    def test_a_charset_parameter_is_fine(self, server: RunningServer) -> None:
        headers = {"Content-Type": "application/json; charset=UTF-8"}
        assert server.client.post(CREATE, content=b'{"name":"charset"}', headers=headers).status_code == 200

    def test_compressed_bodies_are_refused(self, server: RunningServer) -> None:
        for encoding in ("gzip", "deflate", "zstd", "gzip, gzip"):
            answer = server.client.post(
                CREATE, content=gzip.compress(b"0" * 10**7), headers=JSON | {"Content-Encoding": encoding}
            )
            assert answer.status_code == 400

    def test_a_huge_body_is_refused(self, server: RunningServer) -> None:
        status, _, body = ask(server, "POST", CREATE, b"", "Content-Type: application/json", "X: y")
        assert status == 400
        head = f"POST {CREATE} HTTP/1.1\r\nHost: 127.0.0.1:{server.port}\r\nConnection: close\r\n"
        head += "Content-Type: application/json\r\nContent-Length: 200000000\r\n\r\n"
        status, _, body = raw(server, head.encode() + b'{"name":"')
        assert (status, json.loads(body)["error_code"]) == (413, "INVALID_PARAMETER_VALUE")

    def test_chunked_json_is_read(self, server: RunningServer) -> None:
        head = (
            f"POST {CREATE} HTTP/1.1\r\nHost: 127.0.0.1:{server.port}\r\nConnection: close\r\nContent-Type: application/json\r\n"
        )
        body = b'{"name":"chunks"}'
        chunked = b"Transfer-Encoding: chunked\r\n\r\n" + f"{len(body):x}\r\n".encode() + body + b"\r\n0\r\n\r\n"
        assert raw(server, head.encode() + chunked)[0] == 200


class TestSearchBodies:
    @pytest.mark.parametrize(
        "body",
        [
            {"page_token": "garbage"}, {"page_token": "eyJvZmZzZXQiOiAtMX0="}, {"max_results": 0}, {"max_results": -1}, {"max_results": 50_001},
            {"max_results": 10**9}, {"max_results": 2**40}, {"max_results": True}, {"filter": "' OR 1=1; DROP TABLE runs"},
            {"filter": "(" * 5000}, {"filter": " AND ".join(["a = 'x'"] * 10_000)}, {"filter": "x" * 2**20}, {"order_by": ["start_time; DROP"]},
            {"order_by": "start_time"}, {"order_by": [5]}, {"order_by": ["start_time", "start_time"]}, {"experiment_ids": "0"},
            {"experiment_ids": ["x"]}, {"experiment_ids": [1]}, {"experiment_ids": [str(number) for number in range(100_000)]}, {"run_view_type": "SOME"}, {"filter": 5}, {"filter": "params.\"a'b\" >"},
        ],
    )  # fmt: skip
    def test_bad_search(self, server: RunningServer, body: dict[str, Any]) -> None:
        answer = server.post("runs/search", {"experiment_ids": ["0"]} | body)
        assert (answer.status_code, answer.json()["error_code"]) == (400, "INVALID_PARAMETER_VALUE")

    def test_a_like_of_many_wildcards_is_bounded(self, server: RunningServer) -> None:
        run_id = server.run()
        server.ok("runs/set-tag", {"run_id": run_id, "key": "t", "value": "a" * 8000})
        body = {"experiment_ids": ["0"], "filter": "tags.t LIKE '" + "%a" * 4000 + "'"}
        assert server.post("runs/search", body).status_code == 400
        assert server.post("runs/search", body | {"filter": "tags.t LIKE '" + "%" * 10_000 + "a'"}).status_code == 200


class TestHttp:
    def test_unknown_paths_and_methods_answer_json(self, server: RunningServer) -> None:
        for path in (
            "/api/2.0/mlflow/nope",
            "/api/9.9/x",
            "/api/2.0mlflow/experiments/search-datasets",
            "/api/2.0/mlflow/unified-traces",
        ):
            answer = server.client.get(path)
            assert (answer.status_code, answer.json()["error_code"]) == (404, "ENDPOINT_NOT_FOUND")
        assert server.client.delete(CREATE).status_code == 405

    @pytest.mark.parametrize(
        "host", ["evil.com", "10.evil.example.com", "localhost:5000@evil", "127.0.0.1:x.evil", "", "0.0.0.0", "\xff"]
    )
    def test_a_foreign_host_is_refused(self, server: RunningServer, host: str) -> None:
        request = f"GET /api/2.0/mlflow/experiments/get?experiment_id=0 HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n"
        assert raw(server, request.encode("latin-1"))[0] in (400, 403)
        health = f"GET /health HTTP/1.1\r\nHost: {host or 'x'}\r\nConnection: close\r\n\r\n"
        assert raw(server, health.encode("latin-1"))[0] in (200, 400)

    @pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "[::1]:5000", "10.1.2.3", "192.168.0.9:80"])
    def test_this_machine_and_private_addresses_are_answered(self, server: RunningServer, host: str) -> None:
        answer = server.client.get("/api/2.0/mlflow/experiments/get?experiment_id=0", headers={"Host": host})
        assert answer.status_code == 200

    @pytest.mark.parametrize(
        "headers",
        [
            {"Origin": "https://evil.example"}, {"Origin": "null"}, {"Origin": "http://localhost:9999"}, {"Origin": "http://localhost.evil"},
            {"Sec-Fetch-Site": "cross-site"}, {"Sec-Fetch-Site": "same-site"},
        ],
    )  # fmt: skip
    def test_pages_of_other_sites_may_not_write(self, server: RunningServer, headers: dict[str, str]) -> None:
        answer = server.client.post(CREATE, json={"name": "forged"}, headers=headers)
        assert (answer.status_code, answer.json()["error_code"]) == (403, "PERMISSION_DENIED")
        assert server.get("experiments/get-by-name", experiment_name="forged").status_code == 404
        assert "access-control-allow-origin" not in answer.headers

    def test_its_own_pages_may(self, server: RunningServer) -> None:
        for i, origin in enumerate((server.url, "null")):
            headers = {"Origin": origin, "Sec-Fetch-Site": "same-origin"}
            assert server.client.post(CREATE, json={"name": f"own page {i}"}, headers=headers).status_code == 200

    def test_every_answer_has_the_security_headers(self, server: RunningServer) -> None:
        for path in ("/health", "/api/2.0/mlflow/nope", "/api/2.0/mlflow/experiments/get?experiment_id=0"):
            headers = server.client.get(path).headers
            assert headers["x-content-type-options"] == "nosniff"
            assert headers["referrer-policy"] == "no-referrer"
            assert "default-src 'none'" in headers["content-security-policy"]
            assert len(headers["x-request-id"]) == 16
            assert "server" not in headers

    def test_large_headers_are_refused(self, server: RunningServer) -> None:
        assert ask(server, "GET", "/version", b"", "X: " + "y" * 40_000)[0] in (400, 431)

    def test_repeated_parameters_that_differ_are_refused(self, server: RunningServer) -> None:
        assert server.client.get("/api/2.0/mlflow/experiments/get?experiment_id=0&experiment_id=1").status_code == 400
        assert server.client.get("/api/2.0/mlflow/runs/get?run_id=a&run_uuid=b").status_code == 400
        assert server.client.get("/api/2.0/mlflow/experiments/get?experiment_id=%ff").status_code == 400

    def test_server_info_and_version_are_truthful(self, server: RunningServer) -> None:
        for twin in ("/api/3.0/mlflow/server-info", "/ajax-api/3.0/mlflow/server-info"):
            info = server.client.get(twin).json()
            assert info["store_type"] == "SqlStore"
            assert info["multipart_downloads_enabled"] is False
        assert server.client.get("/version").text == "3.17.2"
        assert server.client.get("/readyz").json() == {"status": "ready"}
