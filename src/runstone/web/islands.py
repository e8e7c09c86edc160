"""Data for scripts: JSON inside a <script type="application/json">, or as an answer of its own."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import orjson
from fastapi import Response
from markupsafe import Markup


def island(value: Any) -> Markup:
    """JSON in which nothing ends the element that holds it. NaN is null."""
    text = orjson.dumps(value).decode()
    return Markup(text.replace("&", "\\u0026").replace("<", "\\u003c").replace(">", "\\u003e"))  # noqa: S704 (escaped above)


def data(value: Any) -> Response:
    """JSON that a script asks for. NaN is null."""
    return Response(orjson.dumps(value), media_type="application/json", headers={"Cache-Control": "no-store"})


def shown_runs(runs: Iterable[Any], looks: Mapping[str, int]) -> Markup:
    """Runs as the charts get to know them (static/js/panel-runs.js), with their `looks` (web/colours.py) by run id."""
    return island(
        [{"id": run.run_id, "name": run.name, "look": looks[run.run_id], "hidden": False, "pinned": False} for run in runs]
    )
