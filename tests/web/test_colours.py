"""How runs are told apart: colours that stay apart for every eye, one look for one run among those that stand together."""

from __future__ import annotations

import itertools
import math
import re
from pathlib import Path

import pytest

from runstone.web.colours import COLOURS, GIVEN, chosen_colour, look_classes, looks, run_colour

TOKENS = (Path(__file__).resolve().parents[2] / "static" / "css" / "tokens.css").read_text()
LIGHT, DARK = TOKENS.partition("@media")[0], TOKENS.partition("@media")[2]
SURFACES = {"light": "#ffffff", "dark": "#1c1b18"}
# Machado, Oliveira and Fernandes (2009), severity 1, on linear light.
EYES = {
    "usual": ((1, 0, 0), (0, 1, 0), (0, 0, 1)),
    "no red": ((0.152286, 1.052583, -0.204868), (0.114503, 0.786281, 0.099216), (-0.003882, -0.048116, 1.051998)),
    "no green": ((0.367322, 0.860646, -0.227968), (0.280085, 0.672501, 0.047413), (-0.01182, 0.04294, 0.968881)),
    "no blue": ((1.255528, -0.076749, -0.178779), (-0.078411, 0.930809, 0.147602), (0.004733, 0.691367, 0.3039)),
}
LONG_MEDIUM_SHORT = (
    (0.4122214708, 0.5363325363, 0.0514459929), (0.2119034982, 0.6806995451, 0.1073969566), (0.0883024619, 0.2817188376, 0.6299787005),
)  # fmt: skip
OKLAB = (
    (0.2104542553, 0.793617785, -0.0040720468), (1.9779984951, -2.428592205, 0.4505937099), (0.0259040371, 0.7827717662, -0.8086757660),
)  # fmt: skip
Three = tuple[tuple[float, float, float], ...]


def times(matrix: Three, vector: list[float]) -> list[float]:
    return [sum(a * b for a, b in zip(row, vector, strict=True)) for row in matrix]


def light_of(text: str) -> list[float]:
    parts = [int(text[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    return [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]


def seen(text: str, eye: Three) -> list[float]:
    return times(OKLAB, [max(0.0, part) ** (1 / 3) for part in times(LONG_MEDIUM_SHORT, times(eye, light_of(text)))])


def luminance(text: str) -> float:
    return times(((0.2126, 0.7152, 0.0722),), light_of(text))[0]


def shown(part: str) -> list[str]:
    return [found.group(1) if (found := re.search(rf"--run-{i}: (#\w+);", part)) else "" for i in range(1, 13)]


class TestPalette:
    def test_what_is_kept_is_what_is_shown_on_light(self) -> None:
        assert shown(LIGHT) == list(COLOURS)

    @pytest.mark.parametrize("eye", EYES)
    @pytest.mark.parametrize("theme", SURFACES)
    def test_the_given_ones_stay_apart_for_every_eye(self, theme: str, eye: str) -> None:
        given = shown(LIGHT if theme == "light" else DARK)[:GIVEN]
        nearest = min(math.dist(seen(a, EYES[eye]), seen(b, EYES[eye])) for a, b in itertools.combinations(given, 2))
        assert nearest > 0.075  # in OKLab; 0.02 is where most people begin to see a difference

    @pytest.mark.parametrize("theme", SURFACES)
    def test_all_stand_out_from_what_is_below_them(self, theme: str) -> None:
        below = luminance(SURFACES[theme])
        for colour in shown(LIGHT if theme == "light" else DARK):
            low, high = sorted((luminance(colour), below))
            assert (high + 0.05) / (low + 0.05) >= 3, colour

    @pytest.mark.parametrize(
        ("kept", "number"),
        [("#0b3c7d", 1), ("#B23A5E", 12), ("#2e70b0", 9), ("#ff7f0e", 2), ("red", None), ("", None), (None, None)],
    )
    def test_a_chosen_one_is_the_nearest_of_the_twelve(self, kept: str | None, number: int | None) -> None:
        assert chosen_colour(kept) == number


class TestLooks:
    ids = [f"{i:032x}" for i in range(100)]

    def test_every_run_has_one_of_the_given_colours_by_itself(self) -> None:
        assert {run_colour(run_id) for run_id in self.ids} == set(range(1, GIVEN + 1))
        assert looks({self.ids[0]: None}) == {self.ids[0]: run_colour(self.ids[0])}

    def test_no_two_of_24_runs_look_alike_and_the_first_eight_have_whole_lines(self) -> None:
        found = looks(dict.fromkeys(self.ids[:24]))
        assert len(set(found.values())) == 24
        assert {found[run_id] for run_id in self.ids[:8]} == set(range(1, GIVEN + 1))

    def test_a_run_that_comes_behind_changes_none_before_it(self) -> None:
        whole = looks(dict.fromkeys(self.ids))
        for count in (1, 5, 40):
            assert looks(dict.fromkeys(self.ids[:count])).items() <= whole.items()

    def test_what_a_person_chose_wins_and_the_others_keep_away_from_it(self) -> None:
        first, *others = self.ids[:7]
        found = looks({**dict.fromkeys(others), first: COLOURS[run_colour(others[0]) - 1]})
        assert found[first] == run_colour(others[0])
        assert len(set(found.values())) == 7

    def test_more_runs_than_looks_share_them_evenly(self) -> None:
        counts = [list(looks(dict.fromkeys(self.ids)).values()).count(look) for look in range(1, 37)]
        assert max(counts) == math.ceil(100 / 24)

    def test_the_mark_of_a_look(self) -> None:
        assert [look_classes(look) for look in (1, 12, 13, 36)] == ["run-1", "run-12", "run-1 dashed", "run-12 dotted"]
