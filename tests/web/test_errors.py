"""What is not there, not right, or not possible: a page for browsers, JSON for programs."""

from __future__ import annotations

import pytest
from bs4 import BeautifulSoup

from tests.conftest import RunningServer
from tests.web.reading import one, page, post, words

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

    @pytest.mark.parametrize(
        ("path", "place"),
        [
            ("/models/a%20b/aliases", "/models/a%20b"),
            ("/models/a/versions/1/copy", "/models/a/versions/1"),
            ("/runs/1/delete", "/runs/1"),
            ("/experiments/7/views/3/rename", "/experiments/7/views"),
            ("/links", "/"),
        ],
    )
    def test_the_address_of_a_form_leads_to_its_page(self, server: RunningServer, path: str, place: str) -> None:
        answer = server.client.get(path, headers={"Accept": "text/html"})
        assert (answer.status_code, answer.headers["location"]) == (303, place)
        assert server.client.get(path).status_code == 405

    def test_a_refused_form_knows_its_page(self, server: RunningServer) -> None:
        number = server.experiment()
        for path, fields, place in (
            ("/experiments/create", {"name": ""}, "/experiments"),
            ("/experiments/move?folder=a/", {"from": "none/", "to": "b"}, "/experiments?folder=a/"),
            (f"/experiments/{number}/tags", {"key": "../x", "back": "edit"}, f"/experiments/{number}/edit"),
            (f"/experiments/{number}/edit", {"name": ""}, f"/experiments/{number}/edit"),
            ("/runs/bulk", {"state": f"experiments={number}&order=name", "do": "burn", "run": "x"}, None),
        ):
            answer = post(server, path, **fields)
            assert answer.status_code >= 400
            found = one(BeautifulSoup(answer.text, "html.parser"), "body")["data-address"]
            assert found == place or (place is None and str(found).startswith(f"/runs?experiments={number}"))
        assert "data-address" not in str(page(server, "/experiments"))

    def test_the_message_is_text(self, server: RunningServer) -> None:
        soup = page(server, "/runs/<img src=x onerror=alert(1)>", 404)
        assert not soup.select("main img")
        assert "<img src=x" in words(soup)
