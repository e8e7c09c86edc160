"""Find a route by its exact path first. Trying 400 patterns one after another costs more than a small request."""

from __future__ import annotations

from operator import itemgetter

from fastapi import FastAPI, Request
from starlette.applications import Starlette
from starlette.routing import Match, Route, Router
from starlette.types import Receive, Scope, Send

from runstone.core.wire import Endpoint


class HotPaths:
    """The bare endpoints of `ApiRouter.hot` are called here, everything else goes to the application behind.

    Five layers of middleware stand before a route there. Measured with log-metric, they took as long as the rest.
    """

    def __init__(self, app: FastAPI) -> None:
        self.app = app
        self._endpoints = {
            (method, route.path): route.endpoint
            for route in app.router.routes
            if isinstance(route, Route) and hasattr(route.endpoint, "guard")
            for method in route.methods or ()
        }
        # Those that take any path below their own.
        self._below = [
            (method, path.partition("{")[0], endpoint) for (method, path), endpoint in self._endpoints.items() if "{" in path
        ]
        # By the bytes of the path, or of its beginning.
        self._posted = {
            path.encode(): endpoint
            for (method, path), endpoint in self._endpoints.items()
            if method == "POST" and endpoint.whole  # type: ignore[attr-defined]
        }
        self._put_below = [
            (path.partition("{")[0].encode(), endpoint)
            for (method, path), endpoint in self._endpoints.items()
            if method == "PUT" and "{" in path and endpoint.whole  # type: ignore[attr-defined]
        ]

    def direct(self, method: bytes, url: bytes) -> Endpoint | None:
        """What core/direct.py may call for a request to this address, as it was sent."""
        if method == b"POST":
            return self._posted.get(url)
        if method == b"PUT" and b"?" not in url and b"#" not in url and url.isascii():
            for beginning, endpoint in self._put_below:
                if url.startswith(beginning):
                    return endpoint
        return None

    def _found(self, method: str, path: str) -> Endpoint | None:
        endpoint = self._endpoints.get((method, path))
        if endpoint is not None:
            return endpoint
        for wanted, beginning, below in self._below:
            if method == wanted and path.startswith(beginning):
                return below
        return None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self.app(scope, receive, send)
            return
        endpoint = self._found(scope["method"], scope["path"])
        if endpoint is None:
            # Not FastAPI's own call, which asks the environment about tracing at each request.
            await Starlette.__call__(self.app, scope, receive, send)
            return
        scope["app"] = self.app
        request = Request(scope, receive, send)
        try:
            response = await endpoint(request)
        except Exception as error:
            response = await self.app.state.answer_error(request, error)
        await response(scope, receive, send)


class ExactPaths:
    """Routes by their exact path, and those with parameters by the plain words that they begin with."""

    def __init__(self, router: Router) -> None:
        self._router = router
        self._routes: dict[tuple[str, str], Route] = {}
        self._below: dict[str, list[tuple[int, Route]]] = {}
        for number, route in enumerate(router.routes):
            if not isinstance(route, Route):
                continue
            if "{" not in route.path:
                for method in route.methods or ():
                    self._routes.setdefault((method, route.path), route)
            else:
                self._below.setdefault(route.path.partition("{")[0], []).append((number, route))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            exact = self._routes.get((scope["method"], scope["path"]))
            for route in (exact,) if exact is not None else self._candidates(scope["path"]):
                match, child = route.matches(scope)
                if match is Match.FULL:
                    scope["router"] = self._router
                    scope.update(child)
                    await route.handle(scope, receive, send)
                    return
        await self._router.app(scope, receive, send)

    def _candidates(self, path: str) -> list[Route]:
        """Routes with parameters that may match, in their order: each begins as the path does, up to a slash."""
        found, end = list[tuple[int, Route]](), 0
        while end := path.find("/", end) + 1:
            found += self._below.get(path[:end], ())
        return [route for _, route in sorted(found, key=itemgetter(0))]
