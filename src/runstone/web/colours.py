"""How runs are told apart: a colour of twelve, and beyond the eight that are given by themselves, dashes.

A look is one number: 1 to 12 are colours with a whole line, 13 to 24 the same dashed, 25 to 36 dotted. The first eight colours
stay apart for colour-blind eyes in both themes (tests/web/test_colours.py measures it); the other four are for people to choose.
"""

from __future__ import annotations

import re
import zlib
from collections import Counter
from collections.abc import Mapping

COLOUR_TAG = "mlflow.runColor"
# The twelve of static/css/tokens.css on light: what is stored for a run whose colour was chosen, as MLflow's pages do it.
COLOURS = (
    "#0b3c7d", "#ed5b0a", "#029f58", "#6d35bd", "#6f014b", "#8b87a2", "#09692f", "#9c487c", "#2f6fb3", "#86690a", "#0a7f92", "#b23a5e",
)  # fmt: skip
GIVEN, DASHES = 8, ("", " dashed", " dotted")
# By the own colour from 1: the looks to choose from, in their order.
_TURNS = [
    [dash * len(COLOURS) + (own + step) % GIVEN + 1 for dash in range(len(DASHES)) for step in range(GIVEN)]
    for own in range(GIVEN)
]
_HEX = re.compile(r"#[0-9a-fA-F]{6}\Z")


def run_colour(run_id: str) -> int:
    """1 to 8: the look that a run has wherever no other run beside it has it already."""
    return zlib.crc32(run_id.encode("utf-8", "surrogatepass")) % GIVEN + 1


def chosen_colour(text: str | None) -> int | None:
    """The colour that a person gave a run: the nearest of the twelve to `#2f6fb3`."""
    match = _HEX.match(text or "")
    if match is None:
        return None
    wanted = _rgb(match.group())
    apart = [sum((a - b) ** 2 for a, b in zip(wanted, _rgb(known), strict=True)) for known in COLOURS]
    return apart.index(min(apart)) + 1


def looks(runs: Mapping[str, str | None]) -> dict[str, int]:
    """A look for each of the runs that stand together, by id; `runs` are their ids with the value of their tag.

    Those that people chose stay, the others follow by their order, so that a run that comes behind changes none before it.
    static/js/run-looks.js does the same for rows that follow.
    """
    found = {run_id: colour for run_id, text in runs.items() if (colour := chosen_colour(text))}
    taken = dict.fromkeys(range(1, len(COLOURS) * len(DASHES) + 1), 0) | Counter(found.values())
    for run_id in runs:
        if run_id not in found:
            found[run_id] = _free(run_colour(run_id), taken)
            taken[found[run_id]] += 1
    return found


def look_classes(look: int) -> str:
    """Of the mark beside a run's name (static/css/chips.css)."""
    return f"run-{(look - 1) % len(COLOURS) + 1}{DASHES[(look - 1) // len(COLOURS)]}"


def _free(own: int, taken: Mapping[int, int]) -> int:
    """The look that fewest have: whole lines before dashed ones, and of the colours the run's own before those behind it."""
    return min(_TURNS[own - 1], key=taken.__getitem__)


def _rgb(text: str) -> tuple[int, int, int]:
    return int(text[1:3], 16), int(text[3:5], 16), int(text[5:7], 16)
