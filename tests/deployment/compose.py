"""`docker-compose.yml` as the program that runs it reads it: anchors merged, variables filled in."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parents[2]
FILE = ROOT / "docker-compose.yml"

# $$, ${NAME}, ${NAME:-default}: what the file uses of the interpolation rules; anything else is an error.
_VARIABLE = re.compile(r"\$(?:(?P<dollar>\$)|\{(?P<name>[A-Z_]+)(?::-(?P<default>[^}]*))?\}|(?P<other>.?))")


def load(variables: Mapping[str, str], file: Path = FILE) -> dict[str, Any]:
    found: dict[str, Any] = filled_in(yaml.safe_load(file.read_text()), variables)
    return found


def filled_in(value: Any, variables: Mapping[str, str]) -> Any:
    if isinstance(value, dict):
        return {key: filled_in(item, variables) for key, item in value.items()}
    if isinstance(value, list):
        return [filled_in(item, variables) for item in value]
    return _VARIABLE.sub(lambda match: _one(match, variables), value) if isinstance(value, str) else value


def _one(match: re.Match[str], variables: Mapping[str, str]) -> str:
    if match["dollar"]:
        return "$"
    if not match["name"]:
        raise ValueError(f"a lone $ is an error in a compose file: {match.string[: match.end() + 20][-60:]!r}")
    return variables.get(match["name"]) or match["default"] or ""


def starting_order(services: Mapping[str, Any]) -> list[str]:
    """Each behind those that it depends on. Raises for a circle."""
    order: list[str] = []

    def visit(name: str, above: tuple[str, ...]) -> None:
        if name in above:
            raise ValueError(f"{' -> '.join((*above, name))} is a circle")
        for other in services[name].get("depends_on", {}):
            visit(other, (*above, name))
        if name not in order:
            order.append(name)

    for name in services:
        visit(name, ())
    return order


def runs_once(service: Mapping[str, Any]) -> bool:
    return service.get("restart") == "no"
