"""Data for scripts: JSON inside a <script type="application/json">."""

from __future__ import annotations

from typing import Any

import orjson
from markupsafe import Markup


def island(value: Any) -> Markup:
    """JSON in which nothing ends the element that holds it. NaN is null."""
    text = orjson.dumps(value).decode()
    return Markup(text.replace("&", "\\u0026").replace("<", "\\u003c").replace(">", "\\u003e"))  # noqa: S704 (escaped above)
