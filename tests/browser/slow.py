"""A network as people have it: slow, failing, gone. And what is asked of it while it is so."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from playwright.sync_api import Page, Route

# What Chromium says of each answer that is no good: the test expects them.
SAID = ("Failed to load resource", "htmx:", "Response Status Error Code", "net::ERR_")


class Network:
    """Holds back or fails every request whose URL has a text in it, until `heal()`."""

    def __init__(self, tab: Page, part: str) -> None:
        self._tab, self._part = tab, f"**{part}**"
        self._held: list[Route] = []
        for text in SAID:
            tab.watch.expect(text)  # type: ignore[attr-defined]

    def hold(self) -> None:
        """Nothing is answered before `heal()`."""
        self._now(self._keep)

    def answer(self, status: int, **headers: str) -> None:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        self._now(lambda route: route.fulfill(status=status, headers=named, body="<h1>proxy</h1>"))

    def cut(self) -> None:
        self._now(lambda route: route.abort())

    def heal(self) -> None:
        for route in self._held:
            route.continue_()
        self._held.clear()
        self._tab.unroute(self._part)

    def _keep(self, route: Route) -> None:
        self._held.append(route)

    def _now(self, act: object) -> None:
        self._held.clear()
        self._tab.unroute(self._part)
        self._tab.route(self._part, act)  # type: ignore[arg-type]


@contextmanager
def offline(tab: Page) -> Iterator[None]:
    for text in SAID:
        tab.watch.expect(text)  # type: ignore[attr-defined]
    tab.context.set_offline(True)
    try:
        yield
    finally:
        tab.context.set_offline(False)
