"""Notes are made into HTML beside the event loop, within bounds, and once."""

from __future__ import annotations

import asyncio
import re

import pytest

from runstone.web import notes

# Takes the parser a tenth of a second and more: the square of the brackets.
HOSTILE = "[" * 16_000


class TestRendered:
    def test_everything_else_goes_on_meanwhile(self) -> None:
        async def turns() -> int:
            task, found = asyncio.ensure_future(notes.rendered(HOSTILE)), 0
            while not task.done():
                await asyncio.sleep(0)
                found += 1
            return found

        notes.note.cache_clear()
        assert asyncio.run(turns()) > 100

    def test_the_same_text_is_made_once(self) -> None:
        async def twice() -> None:
            await notes.rendered("*a*")
            await notes.rendered("*a*")

        notes.note.cache_clear()
        asyncio.run(twice())
        assert (notes.note.cache_info().misses, notes.note.cache_info().hits) == (1, 1)

    @pytest.mark.parametrize("text", ["x" * (notes.LENGTH_LIMIT + 1), "<b>" * notes.LENGTH_LIMIT])
    def test_a_long_one_is_shown_as_it_was_typed(self, text: str) -> None:
        found = notes.note(text)
        assert found.startswith("<pre>")
        assert "<b>" not in found

    def test_nothing_is_nothing(self) -> None:
        assert asyncio.run(notes.rendered(None)) == ""


class TestOneLine:
    @pytest.mark.parametrize(
        ("text", "said"),
        [
            (
                "# Title\n\nPredicts the **grade** of `x`, see [this](http://a).\n- a\n- b",
                "Title Predicts the grade of x, see this. a b",
            ),
            ("Predicts **quality**.\nWell.", "Predicts quality. Well."),
            ("<b>not</b> 2*3*4", "<b>not</b> 234"),
            ("```\ncode\n```", "code"),
            (None, ""),
            ("x" * 500, "x" * 119 + "…"),
        ],
    )
    def test_says_what_the_note_says_without_its_signs(self, text: str | None, said: str) -> None:
        assert notes.plain(text) == said


class TestHeadings:
    @pytest.mark.parametrize(
        ("text", "levels"),
        [
            ("# a\n## b\n# c", "343"),
            ("## a\n#### b\n### c\n# d", "3443"),
            ("###### a\n# b\n## c\n### d\n#### e\n##### f", "334566"),
            ("a\n=\nb\n-", "34"),
        ],
    )
    def test_begin_below_the_page_s_own_and_skip_no_level(self, text: str, levels: str) -> None:
        assert re.findall(r"<h(\d)>", notes.note(text)) == list(levels)
