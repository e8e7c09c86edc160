"""Notes are made into HTML beside the event loop, within bounds, and once."""

from __future__ import annotations

import asyncio

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
