"""Every route has a guard, and every route of the wire contract answers or stands in the list of those not built yet."""

from __future__ import annotations

import inspect
from pathlib import Path
from typing import Annotated, Any, get_args, get_origin, get_type_hints

import pytest
from fastapi.routing import APIRoute
from starlette.routing import Route

from runstone.app import create_app
from runstone.settings import Settings

HERE = Path(__file__).parent
OPEN = {
    "/health", "/livez", "/readyz", "/version", "/api/3.0/mlflow/server-info", "/ajax-api/3.0/mlflow/server-info",
    "/ajax-api/3.0/mlflow/ui-telemetry", "/static/{digest}/{path:path}",
}  # fmt: skip
ROUTES = [route for route in create_app(Settings()).router.routes if isinstance(route, Route)]


def guards(route: Route) -> list[str]:
    """The guard classes that a route's endpoint names: in its signature, or as its `guard` on a hot path."""
    if hasattr(route.endpoint, "guard"):
        return [route.endpoint.guard.__name__]
    found = []
    for hint in get_type_hints(inspect.unwrap(route.endpoint), include_extras=True).values():
        if get_origin(hint) is Annotated:
            kind: Any = get_args(hint)[0]
            if getattr(kind, "__module__", "").endswith(".guards"):
                found.append(kind.__name__)
    return found


@pytest.mark.parametrize("route", ROUTES, ids=lambda route: f"{'|'.join(sorted(route.methods))} {route.path}")
class TestGuards:
    def test_every_route_has_one_or_is_known_to_be_open(self, route: Route) -> None:
        assert guards(route) or route.path in OPEN

    def test_every_api_route_has_its_twin(self, route: Route) -> None:
        if route.path.startswith("/api/"):
            twin = route.path.replace("/api/", "/ajax-api/", 1)
            assert any(other.path == twin and other.methods == route.methods for other in ROUTES)


@pytest.mark.parametrize("route", [route for route in ROUTES if isinstance(route, APIRoute)], ids=lambda route: route.path)
def test_no_dependency_waits_for_a_thread(route: APIRoute) -> None:
    """A plain function would be run in a thread pool for every request."""
    waiting = [route.dependant]
    while waiting:
        dependant = waiting.pop()
        assert dependant.call is not None
        assert inspect.iscoroutinefunction(dependant.call), f"{dependant.call} should be async"
        waiting += dependant.dependencies


class TestContract:
    def test_every_planned_route_answers_or_is_listed_as_not_built(self) -> None:
        built = {(method, plain(route.path)) for route in ROUTES for method in route.methods or ()}
        planned = {tuple(line.split()[:2]) for line in (HERE / "routes_planned.txt").read_text().splitlines() if line}
        waiting = {
            tuple(line.split()[:2])
            for line in (HERE / "routes_not_built.txt").read_text().splitlines()
            if line and line[0] != "#"
        }
        missing = {(method, path) for method, path in planned if (method, plain(path)) not in built}
        assert missing == waiting

    def test_a_route_without_a_guard_would_be_found(self) -> None:
        async def endpoint() -> None: ...

        assert guards(APIRoute("/x", endpoint, response_model=None)) == []


def plain(path: str) -> str:
    """`/a/{model_id}` and `/a/<model_id>` are the same place."""
    return "/".join("*" if part.startswith(("{", "<")) else part for part in path.split("/"))
