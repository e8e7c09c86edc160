"""Log lines: one line each, for people on a terminal and as JSON everywhere else, long values cut."""

from __future__ import annotations

import logging
import sys
from typing import Any

import structlog

VALUE_LIMIT = 500
_OWN_FIELDS = frozenset(("method", "path", "status", "milliseconds", "request_id"))


def configure(level: str) -> None:
    shared: list[Any] = [
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.stdlib.ExtraAdder(_OWN_FIELDS),
        _cut,
    ]
    terminal = sys.stderr.isatty()
    last = structlog.dev.ConsoleRenderer() if terminal else structlog.processors.JSONRenderer()
    formatter = structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=shared,
        processors=[
            structlog.stdlib.ProcessorFormatter.remove_processors_meta,
            structlog.processors.format_exc_info,
            last,
        ],
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(formatter)
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(level.upper())
    for noisy in ("uvicorn", "uvicorn.error", "alembic", "asyncio"):
        logging.getLogger(noisy).setLevel(logging.WARNING)


def _cut(_logger: Any, _method: str, event: dict[str, Any]) -> dict[str, Any]:
    """Values that callers chose are escaped, so that no line can pretend to be two, and cut."""
    for name, value in event.items():
        if isinstance(value, str) and name in ("event", "path", "method"):
            shown = value if len(value) <= VALUE_LIMIT else value[:VALUE_LIMIT] + "..."
            event[name] = "".join(c if c.isprintable() else f"\\x{ord(c):02x}" for c in shown)
    return event
