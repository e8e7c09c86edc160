"""Pages as a reader without JavaScript gets them."""

from __future__ import annotations

import json
import re
from typing import Any

import httpx
from bs4 import BeautifulSoup, Tag

from runstone.web.static import static_path
from tests.conftest import RunningServer

HTML = {"Accept": "text/html"}


def page(server: RunningServer, path: str, status: int = 200, /, prefix: str = "", **query: Any) -> BeautifulSoup:
    """The page, after what holds for every page was checked."""
    answer = server.client.get(path, params=query or None, headers=HTML)
    assert answer.status_code == status, answer.text[:2000]
    policy = answer.headers["content-security-policy"]
    assert "script-src 'self'" in policy
    assert "unsafe" not in policy
    soup = BeautifulSoup(answer.text, "html.parser")
    assert len(soup.find_all("h1")) == 1
    assert one(soup, "html")["lang"] == "en"
    assert soup.select("main#content")
    assert not soup.find_all(style=True)
    for tag in soup.find_all(["script", "link"]):
        if tag.get("type") == "application/json":  # data: never run
            json.loads(tag.text)
            continue
        if tag.get("rel") == ["expect"]:
            assert soup.select(str(tag["href"]))
            continue
        # The digest says that the server runs the very files of this checkout.
        assert str(tag.get("src") or tag.get("href")).startswith(prefix + static_path(""))
        assert tag.text == ""
    for table in soup.find_all("table", class_="data"):
        assert table.caption
        assert all(th.get("scope") or th.get("colspan") for th in table.find_all("th"))
    return soup


def part(server: RunningServer, path: str, /, **query: Any) -> BeautifulSoup:
    """What htmx gets for the same address."""
    answer = server.client.get(path, params=query or None, headers=HTML | {"HX-Request": "true"})
    assert answer.status_code == 200, answer.text[:2000]
    assert "<html" not in answer.text
    return BeautifulSoup(answer.text, "html.parser")


def post(server: RunningServer, path: str, /, **fields: str) -> httpx.Response:
    """A form of one of the pages."""
    return server.client.post(path, data=fields, headers=HTML | {"Origin": server.url, "Sec-Fetch-Site": "same-origin"})


def one(soup: BeautifulSoup | Tag, selector: str) -> Tag:
    found = soup.select(selector)
    assert len(found) == 1, f"{selector}: {len(found)}"
    return found[0]


def words(soup: BeautifulSoup | Tag) -> str:
    return re.sub(r"\s+", " ", soup.get_text(" ")).strip()


def row_names(soup: BeautifulSoup | Tag) -> list[str]:
    return [words(th) for th in soup.select("tbody th")]


def headings(soup: BeautifulSoup | Tag) -> list[str]:
    return [words(th).rstrip(" ↑↓") for th in soup.select("thead tr:last-child th:not(.filler)")]


def link(soup: BeautifulSoup | Tag, text: str) -> str:
    found = [a for a in soup.find_all("a") if words(a).rstrip(" ↑↓") == text]
    assert found, f"no link {text!r}"
    return str(found[0]["href"])
