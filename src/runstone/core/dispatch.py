"""Find a route by its exact path first. Trying 400 patterns one after another costs more than a small request."""

from __future__ import annotations

from fastapi import FastAPI, Request
from starlette.applications import Starlette
from starlette.routing import Match, Route, Router
from starlette.types import Receive, Scope, Send


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
        # By the bytes of the path: what core/direct.py calls without a way through here.
        self.posted = {
            path.encode(): endpoint
            for (method, path), endpoint in self._endpoints.items()
            if method == "POST" and endpoint.whole  # type: ignore[attr-defined]
        }

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self.app(scope, receive, send)
            return
        endpoint = self._endpoints.get((scope["method"], scope["path"]))
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
    def __init__(self, router: Router) -> None:
        self._router = router
        self._routes: dict[tuple[str, str], Route] = {}
        for route in router.routes:
            if isinstance(route, Route) and "{" not in route.path:
                for method in route.methods or ():
                    self._routes.setdefault((method, route.path), route)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            route = self._routes.get((scope["method"], scope["path"]))
            if route is not None:
                match, child = route.matches(scope)
                if match is Match.FULL:
                    scope["router"] = self._router
                    scope.update(child)
                    await route.handle(scope, receive, send)
                    return
        await self._router.app(scope, receive, send)
