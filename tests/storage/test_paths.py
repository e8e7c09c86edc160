"""The canonical form of artifact paths: a table of attacks, and a property over generated paths."""

from __future__ import annotations

import posixpath
import unicodedata
from urllib.parse import quote, unquote

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from runstone.errors import InvalidParameter
from runstone.storage import paths

ODD = ["", ".", "..", "...", "a", "a b", " ", "%2e", "%2E%2e", "%252e", "%2f", "%5c", "\\", "#", "?", ";", "C:", "\x00", "\r\n", "\u202e",
       "\u200b", "\ufeff", "\ud800", "é", "e\u0301", "a:b", "~", ".runstone-staging", "x" * 255, "x" * 256, "€" * 85, "€" * 86, "%", "50%"]  # fmt: skip
SEGMENTS = st.one_of(st.sampled_from(ODD), st.text(max_size=12), st.text("ab.%25eEfF2\\/:", max_size=8))
PATHS = st.one_of(st.lists(SEGMENTS, max_size=6).map("/".join), st.text(max_size=40))


def accepted(path: str) -> bool:
    try:
        return paths.canonical(path) == path
    except InvalidParameter:
        return False


class TestCanonical:
    @pytest.mark.parametrize(
        "path",
        ["", ".", "..", "/", "/a", "//a", "a//b", "a/", "a/./b", "a/../b", "..\\a", "a\\b", "C:/x", "c:x", "a\x00", "a\nb", "a\x7f", "a\x85b", "a#b",
         "%2e%2e/x", "%252e%252e/x", "%25252e/x", "a%2fb", "a%5Cb", "a%00", "\ud800", "a\u202eb", "a\u200bb", "\ufeffa", " ", "a/ /b",
         ".runstone-", ".runstone-staging/x", "a/.runstone-x", "x" * 256, "€" * 86, "/".join("a" * 101), "/".join(["x" * 200] * 21)],
    )  # fmt: skip
    def test_refused(self, path: str) -> None:
        assert not accepted(path)

    @pytest.mark.parametrize(
        "path",
        ["a", "model/MLmodel", "..a", "a..", "...", "a b", "a?b", "a;b", "50%", "é", "日本/€", "x" * 255, "€" * 85, "/".join("a" * 100), "ab:c", "~/x"],
    )  # fmt: skip
    def test_kept_as_it_is(self, path: str) -> None:
        assert accepted(path)

    @given(PATHS)
    @example("a/%2e%2e/b")
    @example("%25252525252e%252525252e/x")
    def test_what_is_accepted_names_one_place_below_the_root(self, path: str) -> None:
        if not accepted(path):
            return
        plain = path
        for _ in range(8):  # however often somebody behind us decodes it
            assert posixpath.normpath(posixpath.join("/store", plain)).startswith("/store/")
            assert ".." not in plain.replace("\\", "/").split("/")
            plain = unquote(plain)
        assert posixpath.normpath(path) == path
        assert all(0 < len(segment.encode()) <= 255 for segment in path.split("/"))
        assert not any(unicodedata.category(character) == "Cc" for character in path)

    @given(PATHS)
    def test_a_url_carries_it_unchanged(self, path: str) -> None:
        if accepted(path):
            assert paths.decoded(quote(path).encode()) == path

    @pytest.mark.parametrize("raw", [b"%ff", b"%c0%ae", b"%ed%a0%80", b"a%80", b"\xff"])
    def test_bytes_that_are_not_utf8_are_refused(self, raw: bytes) -> None:
        with pytest.raises(InvalidParameter):
            paths.decoded(raw)
