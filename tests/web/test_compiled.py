"""Compiled templates that are kept: used when nothing has changed, made anew when a template or a filter has, and never needed."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from jinja2 import DictLoader, Environment

from runstone.web.compiled import Compiled


@pytest.fixture(autouse=True)
def _written(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "dont_write_bytecode", False)


@pytest.fixture
def filters(tmp_path: Path) -> Path:
    (tmp_path / "filters.py").write_text("# one")
    return tmp_path / "filters.py"


def rendered(filters: Path, folder: Path, text: str, word: str) -> str:
    environment = Environment(loader=DictLoader({"a.html": text}), autoescape=True, bytecode_cache=Compiled([filters], folder))
    environment.filters["said"] = lambda _: word
    return environment.get_template("a.html").render()


def kept(folder: Path) -> set[str]:
    return {file.name for file in folder.glob("templates-*.cache")}


class TestCompiled:
    def test_are_used_again(self, filters: Path, tmp_path: Path) -> None:
        folder = tmp_path / "new"
        assert rendered(filters, folder, "{{ 'x' | said }}", "one") == "one"
        (name,) = kept(folder)
        # The value of the constant is in what was kept: nothing was compiled.
        assert rendered(filters, folder, "{{ 'x' | said }}", "two") == "one"
        assert kept(folder) == {name}

    def test_are_made_anew_for_another_template_or_filter(self, filters: Path, tmp_path: Path) -> None:
        assert rendered(filters, tmp_path, "{{ 'x' | said }}", "one") == "one"
        assert rendered(filters, tmp_path, "{{ 'x' | said }}!", "two") == "two!"
        before = kept(tmp_path)
        filters.write_text("# two")
        assert rendered(filters, tmp_path, "{{ 'x' | said }}!", "three") == "three!"
        assert len(kept(tmp_path)) == 1
        assert not kept(tmp_path) & before

    def test_are_not_needed(self, filters: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        (tmp_path / "file").write_text("no folder")
        assert rendered(filters, tmp_path / "file", "a", "") == "a"
        monkeypatch.setattr(sys, "dont_write_bytecode", True)
        assert rendered(filters, tmp_path, "a", "") == "a"
        assert not kept(tmp_path)
