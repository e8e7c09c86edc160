"""What clients log at steps under names of their own making: images of `mlflow.log_image`, tables of `mlflow.log_table`."""

from __future__ import annotations

import bisect
import json
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

IMAGES = "images"  # the folder
TABLES_TAG = "mlflow.loggedArtifacts"  # JSON: [{"path", "type": "table"}]
TABLES_LIMIT = 500
NO_STEP = 0
# images/KEY+step+3+timestamp+1700000000000+UUID.png, and the same once more, smaller: ...+compressed.webp. Older clients wrote % for +.
_IMAGE = re.compile(
    r"(?P<key>.+)(?P<sign>[+%])step(?P=sign)(?P<step>-?\d{1,19})(?P=sign)timestamp(?P=sign)(?P<time>\d{1,19})(?P=sign)[0-9a-fA-F-]+"
    r"(?P<small>(?P=sign)compressed)?\.(?:png|webp)",
    re.ASCII,
)
_TABLE = re.compile(r"(?P<before>.*?)(?P<step>\d{1,18})(?P<after>\.(?:json|parquet))", re.ASCII | re.DOTALL)


@dataclass
class Logged:
    """What one run has under a name: `paths` by step; `small` ones, where there are any, load faster."""

    paths: dict[int, str] = field(default_factory=dict)
    small: dict[int, str] = field(default_factory=dict)
    _times: dict[tuple[int, bool], int] = field(default_factory=dict)

    def add(self, step: int, path: str, *, time: int = 0, small: bool = False) -> None:
        """Of several at one step the latest stays."""
        if self._times.get((step, small), -1) <= time:
            self._times[step, small] = time
            (self.small if small else self.paths)[step] = path

    def at(self, step: int) -> int | None:
        """The last step up to `step`; None when there is none."""
        known = sorted({*self.paths, *self.small})
        place = bisect.bisect_right(known, step)
        return known[place - 1] if place else None

    def path(self, step: int, *, small: bool = False) -> str:
        first, second = (self.small, self.paths) if small else (self.paths, self.small)
        return first.get(step) or second[step]


def images(names: Iterable[str]) -> dict[str, Logged]:
    """By key, from the names in the folder of images; what is none of `log_image` is left out."""
    found: dict[str, Logged] = {}
    for name in names:
        match = _IMAGE.fullmatch(name)
        if match:
            key = match["key"].replace("~" if match["sign"] == "+" else "#", "/")
            step, small = int(match["step"]), match["small"] is not None
            found.setdefault(key, Logged()).add(step, f"{IMAGES}/{name}", time=int(match["time"]), small=small)
    return found


def tables(tags: Iterable[str | None]) -> list[dict[str, Logged]]:
    """By name, for the value of each run's tag. A number at the end of a name is its step where the runs have several of it:
    `eval/step_100.json` is then `eval/step_*.json`.
    """
    listed = [_table_paths(tag) for tag in tags]
    matches = {path: match for paths in listed for path in paths if (match := _TABLE.fullmatch(path))}
    steps: dict[str, set[int]] = {}
    for match in matches.values():
        steps.setdefault(_starred(match), set()).add(int(match["step"]))
    found: list[dict[str, Logged]] = []
    for paths in listed:
        of_run: dict[str, Logged] = {}
        for path in paths:
            match = matches.get(path)
            stepped = match is not None and len(steps[_starred(match)]) > 1
            name, step = (_starred(match), int(match["step"])) if match is not None and stepped else (path, NO_STEP)
            of_run.setdefault(name, Logged()).add(step, path)
        found.append(of_run)
    return found


def _starred(match: re.Match[str]) -> str:
    return f"{match['before']}*{match['after']}"


def _table_paths(tag: str | None) -> list[str]:
    """The tag is whatever a client set: anything but the known shape counts as nothing."""
    try:
        listed: Any = json.loads(tag or "[]")
    except (ValueError, RecursionError):
        return []
    entries = [entry for entry in listed if isinstance(entry, dict)] if isinstance(listed, list) else []
    paths = [entry.get("path") for entry in entries if entry.get("type") == "table"]
    return list(dict.fromkeys(path for path in paths if isinstance(path, str)))[:TABLES_LIMIT]


def image_of(cell: str | None) -> str | None:
    """The path of the image that a cell of a table stands for, as `log_table` writes it."""
    if not cell or not cell.startswith("{") or '"image"' not in cell:
        return None
    try:
        found = json.loads(cell)
    except (ValueError, RecursionError):
        return None
    path = (
        found.get("compressed_filepath") or found.get("filepath")
        if isinstance(found, dict) and found.get("type") == "image"
        else None
    )
    return path if isinstance(path, str) else None
