"""Saved views, short links, and which browser they belong to."""

from __future__ import annotations

import httpx
import pytest
from bs4 import BeautifulSoup

from tests.conftest import RunningServer
from tests.web.reading import HTML, one, page, post, words

FILTERED = "filter=metrics.a+%3E+1&columns=metrics.a"


def visitor(server: RunningServer) -> httpx.Client:
    """Another browser, with cookies of its own."""
    return httpx.Client(base_url=server.url, headers=HTML | {"Origin": server.url, "Sec-Fetch-Site": "same-origin"})


@pytest.fixture
def number(server: RunningServer) -> str:
    server.client.cookies.clear()
    return server.experiment()


class TestSaving:
    def test_a_view_opens_the_page_as_it_was(self, server: RunningServer, number: str) -> None:
        saved = post(server, f"/experiments/{number}/views", name=" Good ones ", query=f"?{FILTERED}&after=x&told=x")
        assert saved.status_code == 303
        cookie = saved.headers["set-cookie"].lower()
        assert "httponly" in cookie
        assert "samesite=lax" in cookie
        shown = page(server, saved.headers["location"])
        assert one(shown, "input#filter")["value"] == "metrics.a > 1"
        assert "View “Good ones” saved." in words(one(shown, "[data-toast]"))
        listed = page(server, f"/experiments/{number}/views", state=FILTERED)
        assert one(listed, ".entries a.what")["href"] == f"/experiments/{number}?{FILTERED}"

    def test_it_is_its_browsers_own_unless_it_is_shared(self, server: RunningServer, number: str) -> None:
        post(server, f"/experiments/{number}/views", name="mine", query=FILTERED)
        post(server, f"/experiments/{number}/views", name="ours", query=FILTERED, shared="on")
        with visitor(server) as other:
            menu = other.get(f"/experiments/{number}/views", headers={"HX-Request": "true"}).text
            assert "ours" in menu
            assert "mine" not in menu
            mine = one(page(server, f"/experiments/{number}/views"), "section:nth-of-type(2) form[action$=delete]")["action"]
            assert other.post(str(mine)).status_code == 404
        assert "mine" in words(page(server, f"/experiments/{number}/views"))

    @pytest.mark.parametrize("name", ["taken", "", "x" * 101])
    def test_what_was_typed_stays_beside_the_reason(self, server: RunningServer, number: str, name: str) -> None:
        post(server, f"/experiments/{number}/views", name="taken", query="", shared="on")
        answer = post(server, f"/experiments/{number}/views", name=name, query=FILTERED, shared="on")
        assert answer.status_code == 400
        soup = BeautifulSoup(answer.text, "html.parser")
        field = one(soup, "input#new-view")
        assert field["value"] == name
        assert words(one(soup, f"#{field['aria-describedby']}"))
        assert one(soup, "form[action$='/views'] input[name=query]")["value"] == FILTERED
        assert soup.select("input[name=shared][checked]")

    @pytest.mark.parametrize("query", ["a" * 20_000, "x=%ff", "&".join(f"a{i}=1" for i in range(600)), "a=%00"])
    def test_a_state_that_is_none_is_refused(self, server: RunningServer, number: str, query: str) -> None:
        assert post(server, f"/experiments/{number}/views", name="bad", query=query).status_code == 400
        assert not page(server, f"/experiments/{number}/views").select(".entries")


class TestChanging:
    def test_rename_replace_delete_and_each_undone(self, server: RunningServer, number: str) -> None:
        post(server, f"/experiments/{number}/views", name="before", query=FILTERED)
        place = f"/experiments/{number}/views"

        def entry() -> str:
            return words(one(page(server, place), ".entries li"))

        def act(verb: str, **fields: str) -> BeautifulSoup:
            form = one(page(server, place, state="order=status"), f".entries form[action$={verb}]")
            answer = post(server, str(form["action"]), **fields)
            assert answer.status_code == 303
            return page(server, answer.headers["location"])

        def undo(soup: BeautifulSoup) -> None:
            form = one(soup, "[data-toast] form")
            fields = {str(field["name"]): str(field["value"]) for field in form.select("input")}
            assert post(server, str(form["action"]), **fields).status_code == 303

        renamed = act("rename", name="behind")
        assert entry().startswith("behind")
        undo(renamed)
        assert entry().startswith("before")
        replaced = act("update", query="order=status")
        assert str(one(page(server, place), "a.what")["href"]).endswith("?order=status")
        undo(replaced)
        assert str(one(page(server, place), "a.what")["href"]).endswith(FILTERED)
        undo(act("delete"))
        assert entry().startswith("before")

    def test_a_name_that_is_taken_is_said_where_it_was_typed(self, server: RunningServer, number: str) -> None:
        for name in ("one", "two"):
            post(server, f"/experiments/{number}/views", name=name, query="")
        form = page(server, f"/experiments/{number}/views").select("form[action$=rename]")[0]
        answer = post(server, str(form["action"]), name="two")
        assert answer.status_code == 400
        assert one(BeautifulSoup(answer.text, "html.parser"), "input[aria-invalid]")["value"] == "two"


class TestDefaults:
    def test_the_experiment_opens_with_it(self, server: RunningServer, number: str) -> None:
        post(server, f"/experiments/{number}/views", name="ours", query="order=status+ASC", shared="on", default="on")
        with visitor(server) as other:
            opened = other.get(f"/experiments/{number}")
            assert opened.headers["location"] == f"/experiments/{number}?order=status+ASC"
            assert other.get(f"/experiments/{number}?view=active").status_code == 200
        post(server, f"/experiments/{number}/views", name="mine", query=FILTERED, default="on")
        assert server.client.get(f"/experiments/{number}", headers=HTML).headers["location"].endswith(FILTERED)
        off = page(server, f"/experiments/{number}/views").select("form[action$=default]")[0]
        assert post(server, str(off["action"])).status_code == 303
        assert server.client.get(f"/experiments/{number}", headers=HTML).headers["location"].endswith("order=status+ASC")

    def test_without_one_it_opens_as_ever(self, server: RunningServer, number: str) -> None:
        page(server, f"/experiments/{number}")


class TestLinks:
    def test_lead_to_the_page_as_it_was(self, server: RunningServer, number: str) -> None:
        made = post(server, "/links", path=f"/experiments/{number}", query=f"?{FILTERED}")
        address = one(BeautifulSoup(made.text, "html.parser"), "#short").text
        assert len(address) <= len(server.url) + 15
        assert post(server, "/links", path=f"/experiments/{number}", query=FILTERED).text.count(address) >= 1
        followed = server.client.get(address)
        assert (followed.status_code, followed.headers["location"]) == (303, f"/experiments/{number}?{FILTERED}")

    @pytest.mark.parametrize(
        "path",
        [
            "//evil.example",
            "https://evil.example",
            "/\\evil",
            "/experiments/../x",
            "/static/x",
            "/experiments/1?x",
            "",
            "/experiments\n",
        ],
    )
    def test_never_elsewhere(self, server: RunningServer, path: str) -> None:
        assert post(server, "/links", path=path, query="").status_code == 400

    @pytest.mark.parametrize("code", ["none", "aaaaaaaaaaaa", "../x", "a" * 40])
    def test_unknown_ones_are_not_found(self, server: RunningServer, code: str) -> None:
        assert server.client.get(f"/s/{code}", headers=HTML).status_code == 404
