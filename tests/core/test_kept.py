"""What is kept stays within its weight, and the least recently used goes first."""

from __future__ import annotations

from runstone.core.kept import Kept


class TestKept:
    def test_the_least_recently_used_goes_first(self) -> None:
        kept: Kept[str] = Kept(80)
        for name in "abcdefgh":
            assert kept.keep(name, name.upper(), 10) == name.upper()
        assert kept.find("a") == "A"
        kept.keep("i", "I", 10)
        assert (kept.find("a"), kept.find("b"), kept.find("i")) == ("A", None, "I")

    def test_what_is_too_heavy_is_not_kept_and_sends_nothing_away(self) -> None:
        kept: Kept[str] = Kept(80)
        kept.keep("a", "A", 10)
        assert kept.keep("heavy", "H", 11) == "H"
        assert (kept.find("heavy"), kept.find("a")) == (None, "A")

    def test_keeping_again_counts_once(self) -> None:
        kept: Kept[int] = Kept(80)
        kept.keep("first", 0, 10)
        for number in range(100):
            kept.keep("a", number, 10)
        assert (kept.find("first"), kept.find("a")) == (0, 99)
