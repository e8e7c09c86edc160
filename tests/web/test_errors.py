"""What is not there, not right, or not possible: a page for browsers, JSON for programs."""

from __future__ import annotations

import pytest

from tests.conftest import RunningServer
from tests.web.reading import one, page, words

ABSENT = (
    "/runs/none",
    "/experiments/999999",
    "/models/none",
    "/models/none/versions/1",
    "/logged-models/m-none",
    "/nowhere",
    "/runs/",
)


class TestErrorPages:
    @pytest.mark.parametrize("path", ABSENT)
    def test_what_is_absent_says_so_with_the_request_id(self, server: RunningServer, path: str) -> None:
        soup = page(server, path, 404)
        assert one(soup, "h1").text == "Not found"
        assert len(one(soup, "#request-id").text) >= 8
        assert one(soup, "main a[href='/experiments']")

    def test_what_is_wrong_says_what_would_be_right(self, server: RunningServer) -> None:
        assert "valid integer" in words(page(server, "/experiments/abc", 400))
        assert "page_token" in words(page(server, "/experiments", 400, after="garbage"))

    def test_programs_get_json(self, server: RunningServer) -> None:
        assert server.client.get("/runs/none").json()["error_code"] == "RESOURCE_DOES_NOT_EXIST"
        answer = server.client.get("/api/2.0/mlflow/runs/get?run_id=none", headers={"Accept": "text/html"})
        assert answer.json()["error_code"] == "RESOURCE_DOES_NOT_EXIST"

    def test_the_message_is_text(self, server: RunningServer) -> None:
        soup = page(server, "/runs/<img src=x onerror=alert(1)>", 404)
        assert not soup.select("main img")
        assert "<img src=x" in words(soup)
