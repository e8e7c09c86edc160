"""The timeline of the registry: every change of models and versions, whoever made it and by whichever way."""

from __future__ import annotations

from urllib.parse import quote

import pytest
from bs4 import BeautifulSoup

from tests.conftest import RunningServer
from tests.web.reading import HTML, link, one, page, post, words


@pytest.fixture(scope="module")
def name(server: RunningServer) -> str:
    """A model with three versions."""
    server.ok("registered-models/create", {"name": "told"})
    for i in range(3):
        server.ok("model-versions/create", {"name": "told", "source": f"s3://bucket/{i}"})
    return "told"


def said(soup: BeautifulSoup) -> list[str]:
    return [words(li) for li in soup.select(".timeline .said")]


def newest(server: RunningServer, path: str = "/models/told/activity", **query: str) -> str:
    return said(page(server, path, **query))[0]


class TestChanges:
    def test_by_the_api(self, server: RunningServer, name: str) -> None:
        def call(method: str, path: str, **body: object) -> str:
            answer = server.call(method, path, {"name": name, **body})
            assert answer.status_code == 200, answer.text
            return newest(server)

        assert said(page(server, "/models/told/activity"))[-2:] == ["version 1 created", "Model created"]
        assert call("POST", "registered-models/alias", alias="champion", version="1") == "Alias @champion given to version 1"
        assert (
            call("POST", "registered-models/alias", alias="champion", version="2")
            == "Alias @champion moved from version 1 to version 2"
        )
        assert call("DELETE", "registered-models/alias", alias="champion") == "Alias @champion removed from version 2"
        assert call("POST", "registered-models/set-tag", key="team", value="a") == "Tag team set to a"
        assert call("POST", "registered-models/set-tag", key="team", value="b") == "Tag team changed from a to b"
        assert call("DELETE", "registered-models/delete-tag", key="team") == "Tag team removed; it was b"
        assert call("PATCH", "registered-models/update", description="New.") == "Description written"
        assert call("POST", "model-versions/set-tag", version="1", key="ok", value="yes") == "Tag ok of version 1 set to yes"
        assert call("DELETE", "model-versions/delete-tag", version="1", key="ok") == "Tag ok of version 1 removed; it was yes"
        assert call("PATCH", "model-versions/update", version="1", description="Good.") == "Description of version 1 written"
        stage = {"stage": "Production", "archive_existing_versions": True}
        assert (
            call("POST", "model-versions/transition-stage", version="1", **stage)
            == "version 1 moved from stage None to Production"
        )
        call("POST", "model-versions/transition-stage", version="2", **stage)
        assert said(page(server, "/models/told/activity"))[:2] == [
            "version 2 moved from stage None to Production", "version 1 moved from stage Production to Archived",
        ]  # fmt: skip
        assert call("DELETE", "model-versions/delete", version="3") == "Version 3 deleted"

    def test_by_the_pages(self, server: RunningServer, name: str) -> None:
        post(server, "/models/told/aliases", alias="shown", version="2")
        assert newest(server) == "Alias @shown given to version 2"
        post(server, "/models/told/tags", key="by", value="hand")
        assert newest(server) == "Tag by set to hand"
        post(server, "/models/told/versions/1/edit", text="By hand.")
        assert newest(server) == "Description of version 1 changed"

    def test_a_copy_is_told_on_both_sides(self, server: RunningServer, name: str) -> None:
        assert post(server, "/models/told/versions/1/copy", to="copied").status_code == 303
        assert newest(server) == "version 1 copied to copied version 1"
        assert said(page(server, "/models/copied")) == ["version 1 made as a copy of told version 1", "Model created"]

    def test_a_new_name_takes_the_history_along(self, server: RunningServer) -> None:
        server.ok("registered-models/create", {"name": "old name"})
        server.ok("registered-models/rename", {"name": "old name", "new_name": "new name"})
        assert said(page(server, "/models/new%20name")) == ["Renamed from old name to new name", "Model created"]


class TestPages:
    def test_a_version_shows_what_concerns_it_and_what_took_its_alias(self, server: RunningServer) -> None:
        server.ok("registered-models/create", {"name": "two"})
        for i in range(2):
            server.ok("model-versions/create", {"name": "two", "source": f"s3://bucket/{i}"})
        for version in ("1", "2"):
            server.ok("registered-models/alias", {"name": "two", "alias": "best", "version": version})
        assert said(page(server, "/models/two/versions/1")) == [
            "Alias @best moved from version 1 to version 2", "Alias @best given to version 1", "version 1 created",
        ]  # fmt: skip
        assert "version 2 created" not in said(page(server, "/models/two/activity", version="1"))

    def test_models_that_are_gone_are_told_of_on_the_page_of_all(self, server: RunningServer) -> None:
        server.ok("registered-models/create", {"name": "fleeting"})
        assert server.call("DELETE", "registered-models/delete", {"name": "fleeting"}).status_code == 200
        assert [words(li.div) for li in page(server, "/activity").select(".timeline li")[:2] if li.div] == [
            "fleeting Model deleted", "fleeting Model created",
        ]  # fmt: skip

    def test_are_turned_over(self, server: RunningServer) -> None:
        server.ok("registered-models/create", {"name": "busy"})
        for i in range(60):
            server.ok("registered-models/set-tag", {"name": "busy", "key": "n", "value": str(i)})
        soup = page(server, "/models/busy")
        assert len(said(soup)) == 8
        soup = page(server, link(soup, "All activity"))
        assert len(said(soup)) == 50
        rest = page(server, link(soup, "Earlier"))
        assert said(rest)[-1] == "Model created"
        assert len(said(rest)) == 11
        assert said(page(server, link(rest, "Newest"))) == said(soup)

    @pytest.mark.parametrize("before", ["x", "-1", "9" * 30, "１"])
    def test_a_place_that_is_none_is_the_newest(self, server: RunningServer, before: str) -> None:
        assert server.client.get("/activity", params={"before": before}, headers=HTML).status_code == 200

    def test_an_empty_one_says_what_will_be_here(self, server: RunningServer) -> None:
        assert words(one(page(server, "/activity", before="1"), ".empty h2")) == "Nothing earlier"

    def test_many_versions_are_paged(self, server: RunningServer) -> None:
        server.ok("registered-models/create", {"name": "viele Версии"})
        for i in range(130):
            server.ok("model-versions/create", {"name": "viele Версии", "source": f"s3://bucket/{i}"})
        soup = page(server, "/models/viele Версии")
        headers = HTML | {"HX-Request": "true", "HX-Target": "versions-rows"}
        part = server.client.get("/models/viele Версии?versions_page=2", headers=headers)
        assert part.headers["hx-replace-url"] == f"/models/viele%20{quote('Версии')}?versions_page=2"
        assert link(page(server, "/models/viele Версии"), "All activity") == f"/models/viele%20{quote('Версии')}/activity"
        assert words(one(soup, "#versions-rows .pager > span")) == "1 to 100 of 130 versions"
        assert words(page(server, link(one(soup, "#versions-rows"), "Next")).select("#versions-rows tbody th")[-1]) == "Version 1"
