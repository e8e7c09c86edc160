"""Pages whose beginning is sent while the rest is still read (web/early.py)."""

from __future__ import annotations

import asyncio
import zlib
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest
from bs4 import BeautifulSoup
from fastapi import Request, Response
from fastapi.responses import StreamingResponse
from mlflow import MlflowClient

from runstone.app import create_app
from runstone.errors import NotFound, Unavailable
from runstone.settings import Settings
from runstone.web.early import Certain, early_page
from tests.conftest import RunningServer
from tests.web.reading import HTML, one, words

# A template that shows what it is given, and what it is given.
TEMPLATE, VALUES = "errors/page.html", {"title": "A title", "advice": "An advice", "request_id": "12345678"}
APP = create_app(Settings())


def asked(accept: str = "text/html", encoding: str = "identity") -> Request:
    headers = [(b"host", b"here"), (b"accept", accept.encode()), (b"accept-encoding", encoding.encode())]
    return Request(
        {"type": "http", "method": "GET", "path": "/runs", "query_string": b"", "headers": headers, "scheme": "http",
         "server": ("here", 80), "app": APP, "state": {"request_id": "12345678"}}
    )  # fmt: skip


def answered(load: Callable[[Certain], Any], accept: str = "text/html") -> Response:
    return asyncio.run(early_page(asked(accept), TEMPLATE, load, message="A message"))


def pieces(load: Callable[[Certain], Any], after_first: Callable[[], None] = lambda: None) -> list[str]:
    """What is sent, piece by piece; `after_first` happens when the first one was."""

    async def send() -> list[str]:
        answer = await early_page(asked(), TEMPLATE, load, message="A message")
        assert isinstance(answer, StreamingResponse)
        assert answer.status_code == 200
        assert "content-length" not in answer.headers
        assert "script-src 'self'" in answer.headers["content-security-policy"]
        sent: AsyncIterator[Any] = aiter(answer.body_iterator)
        first = await anext(sent)
        after_first()
        return [first.decode(), *[piece.decode() async for piece in sent]]

    return asyncio.run(asyncio.wait_for(send(), 30))


class TestWhatIsSent:
    def test_styles_before_the_rest_is_found(self) -> None:
        found = asyncio.Event()

        async def load(certain: Certain) -> dict[str, Any]:
            certain()
            await found.wait()
            return VALUES

        first, *rest = pieces(load, found.set)
        assert "all.css" in first
        assert "before-paint.js" in first
        assert "A message" not in first
        assert "all.css" not in "".join(rest)
        whole = BeautifulSoup(first + "".join(rest), "html.parser")
        assert (one(whole, "h1").text, one(whole, "#request-id").text) == ("A title", "12345678")
        assert one(whole, "head title").text.startswith("A title")

    def test_what_fails_before_anything_is_sent_is_raised(self) -> None:
        async def load(_: Certain) -> dict[str, Any]:
            await asyncio.sleep(0)
            raise NotFound("There is none.")

        with pytest.raises(NotFound):
            answered(load)

    def test_what_fails_behind_the_beginning_is_told_in_the_page(self) -> None:
        async def load(certain: Certain) -> dict[str, Any]:
            certain()
            for _ in range(20):
                await asyncio.sleep(0)
            raise Unavailable("The database is away.")

        text = "".join(pieces(load))
        assert (text.count("<!doctype html>"), text.count("<html"), text.count("</html>")) == (1, 1, 1)
        whole = BeautifulSoup(text, "html.parser")
        assert one(whole, "h1").text == "Busy"
        assert "The database is away." in words(one(whole, "main"))
        assert one(whole, "#request-id").text == "12345678"

    def test_each_piece_can_be_read_when_it_comes_zipped(self) -> None:
        found = asyncio.Event()

        async def load(certain: Certain) -> dict[str, Any]:
            certain()
            await found.wait()
            raise Unavailable("The database is away.")

        async def read() -> str:
            answer = await early_page(asked(encoding="gzip"), TEMPLATE, load, message="A message")
            assert isinstance(answer, StreamingResponse)
            assert answer.headers["content-encoding"] == "gzip"
            unzip = zlib.decompressobj(wbits=31)
            sent: AsyncIterator[Any] = aiter(answer.body_iterator)
            first: str = unzip.decompress(await anext(sent)).decode()
            assert "all.css" in first
            found.set()
            return first + "".join([unzip.decompress(piece).decode() async for piece in sent]) + ("" if unzip.eof else "cut")

        text = asyncio.run(asyncio.wait_for(read(), 30))
        assert "The database is away." in text
        assert text.rstrip().endswith("</html>")

    def test_a_mistake_of_ours_is_told_without_its_cause(self) -> None:
        async def load(certain: Certain) -> dict[str, Any]:
            certain()
            for _ in range(20):
                await asyncio.sleep(0)
            return {"title": "lacks the rest"}

        whole = BeautifulSoup("".join(pieces(load)), "html.parser")
        assert one(whole, "h1").text == "Something went wrong"
        assert "undefined" not in words(whole)

    def test_programs_get_it_whole_with_its_status(self) -> None:
        async def load(certain: Certain) -> dict[str, Any]:
            certain()
            await asyncio.sleep(0)
            return VALUES | {"status": 400}

        answer = answered(load, "*/*")
        assert answer.status_code == 400
        assert int(answer.headers["content-length"]) == len(answer.body)


@pytest.fixture
def places(server: RunningServer, tmp_path: Path) -> list[str]:
    client = MlflowClient(server.url)
    experiment = client.create_experiment(f"early {tmp_path.name}")
    for _ in range(2):
        run = client.create_run(experiment).info.run_id
        client.log_metric(run, "loss", 0.5)
        client.log_param(run, "lr", "0.1")
        client.set_terminated(run)
    client.create_logged_model(experiment, "one")
    runs = ",".join(found.info.run_id for found in client.search_runs([experiment]))
    return [
        "/experiments", f"/experiments/{experiment}", f"/experiments/{experiment}?group=params.lr", f"/experiments/{experiment}/models",
        f"/runs/{run}", f"/runs/{run}/metric?key=loss", f"/compare?runs={runs}", "/compare", "/models",
    ]  # fmt: skip


def test_browsers_and_programs_get_the_same_page(server: RunningServer, places: list[str]) -> None:
    for place in places:
        shown, whole = server.client.get(place, headers=HTML), server.client.get(place)
        assert (shown.status_code, whole.status_code) == (200, 200), place
        assert ("content-length" in shown.headers) != ("transfer-encoding" in shown.headers)
        assert shown.text == whole.text, place


def test_pages_are_zipped_for_whoever_takes_that(server: RunningServer, places: list[str]) -> None:
    for place in places:
        for accept in ("text/html", "*/*"):
            plain = server.client.get(place, headers={"Accept": accept, "Accept-Encoding": "identity"})
            assert "content-encoding" not in plain.headers
            zipped = server.client.get(place, headers={"Accept": accept, "Accept-Encoding": "gzip"})
            assert (zipped.headers["content-encoding"], zipped.headers["vary"]) == ("gzip", "Accept-Encoding")
            assert zipped.text == plain.text, place


def test_what_is_wrong_has_its_status_for_browsers(server: RunningServer) -> None:
    for place, status in (
        ("/experiments/0?filter=metrics.", 400), ("/experiments/0?after=garbage", 400), ("/experiments/0?group=params.a&filter=(", 400),
        ("/experiments/987654", 404), ("/experiments?search=name%20ILIKE", 400), ("/experiments?after=garbage", 400),
        ("/experiments/0/models?filter=metrics.", 400), ("/models?search=name%20ILIKE", 400), ("/models?after=garbage", 400),
        ("/runs/none", 404), ("/runs/none/metric?key=a", 404), ("/compare?runs=none", 200),
    ):  # fmt: skip
        answer = server.client.get(place, headers=HTML)
        assert answer.status_code == status, place
        assert answer.text.count("<!doctype html>") == 1
