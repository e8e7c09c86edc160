"""How single values are written."""

from __future__ import annotations

from typing import Any

import pytest

from runstone.web.formats import counted, duration, iso, number, shared_prefix, size
from runstone.web.notes import note

NARROW = "\u202f"


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.0, "0"), (1.0, "1"), (-3.0, "-3"), (0.123456, "0.1235"), (12.3456, "12.35"), (999.96, "1000"), (1234.5, f"1{NARROW}234"),
        (9_999_999.0, f"9{NARROW}999{NARROW}999"), (1e7, "1.000e7"), (123456789.0, "1.235e8"), (0.0001, "0.0001"), (0.00001234, "1.234e-5"),
        (-2.5e-9, "-2.500e-9"), (1.7976931348623157e308, "1.798e308"), (float("nan"), "NaN"), (float("inf"), "∞"), (float("-inf"), "-∞"),
        (5, "5"), (12345, f"12{NARROW}345"),
    ],
)  # fmt: skip
def test_numbers_have_four_significant_digits(value: Any, text: str) -> None:
    assert number(value) == text


@pytest.mark.parametrize(
    ("ms", "text"),
    [
        (None, "–"), (-1, "–"), (0, "0.0 s"), (9_940, "9.9 s"), (59_000, "59 s"), (60_000, "1 m 00 s"), (3_599_000, "59 m 59 s"),
        (3_840_000, "1 h 04 m"), (172_800_000, "2 d 00 h"), (9 * 10**18, f"104{NARROW}166{NARROW}666{NARROW}666 d 16 h"),
    ],
)  # fmt: skip
def test_durations(ms: int | None, text: str) -> None:
    assert duration(ms) == text


@pytest.mark.parametrize(
    ("count", "text"), [(None, ""), (0, "0 B"), (999, "999 B"), (1000, "1.0 kB"), (123_456, "123 kB"), (5 * 10**12, "5.0 TB")]
)
def test_sizes(count: int | None, text: str) -> None:
    assert size(count) == text


def test_times_beyond_the_calendar_are_empty() -> None:
    assert iso(1700000000000) == "2023-11-14T22:13:20.000+00:00"
    assert iso(2**63 - 1) == iso(-(2**63)) == ""


def test_counts_have_their_noun() -> None:
    assert [counted(i, "run") for i in (0, 1, 1284)] == ["0 runs", "1 run", f"1{NARROW}284 runs"]


@pytest.mark.parametrize(
    ("names", "cut"),
    [
        ([], 0), (["one"], 0), (["short-a", "short-b"], 0), (["resnet50-imagenet-sweep-2026-a", "resnet50-imagenet-sweep-2026-b"], 29),
        (["resnet50-imagenet-sweep-2026-a", "other"], 0), (["x" * 40 + "a", "x" * 40 + "b"], 0), (["a/" * 20, "a/" * 20], 40),
    ],
)  # fmt: skip
def test_only_a_long_shared_beginning_is_cut(names: list[str], cut: int) -> None:
    assert shared_prefix(names) == cut


@pytest.mark.parametrize(
    "text",
    [
        "<script>x</script>",
        "<img src=x onerror=alert(1)>",
        "[a](javascript:x)",
        "[a](data:text/html,x)",
        "[a](vbscript:x)",
        "<https://x.y/'onclick=z>",
    ],
)
def test_notes_run_nothing(text: str) -> None:
    html = str(note(text))
    for bad in ("<script", "<img", 'href="javascript', 'href="data', 'href="vbscript', " onclick"):
        assert bad not in html


def test_a_note_is_text_where_markdown_would_cost_too_much() -> None:
    assert str(note("**x**" * 5000)).startswith("<pre>**x**")
    wide = note("|a" * 1300 + "\n" + "|-" * 1300 + "\n" + "|b\n" * 900)
    assert "<table" not in wide
    assert len(wide) < 30_000
    assert "<td>1</td>" in note("|a|b|\n|-|-|\n|1|2|")
    assert note("&<>" * 10_000) == "<pre>" + "&amp;&lt;&gt;" * 10_000 + "</pre>"
