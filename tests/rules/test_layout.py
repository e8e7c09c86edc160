"""House rules about where lines live. Each can fail: the last class shows it."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SOURCE = ROOT / "src" / "runstone"
FILES = sorted(SOURCE.rglob("*.py"))
FILE_LIMIT, FUNCTION_LIMIT, SCRIPT_LIMIT = 500, 60, 100
BANNED = {"utils", "helpers", "common", "misc", "base", "manager", "service", "handlers", "models"}
# Statements on tables that belong to no workspace, or on rows that were found in theirs before.
UNSCOPED_ALLOWED = {
    "core/scope.py", "core/keyvalue.py", "core/state.py", "search/compile.py", "search/distinct.py", "search/order.py",
    "runs/points.py", "registry/search.py", "logged_models/search.py",
}  # fmt: skip


def functions(tree: ast.AST) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    return (node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef))


def imported(tree: ast.AST) -> set[str]:
    found: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found.update(alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            found.add(node.module.partition(".")[0])
    return found


def long_functions(tree: ast.AST) -> list[str]:
    return [node.name for node in functions(tree) if (node.end_lineno or 0) - node.lineno + 1 > FUNCTION_LIMIT]


def bare_selects(tree: ast.AST) -> list[int]:
    """Lines with select(...) that do not count rows of a scoped subquery and carry no reason."""
    found = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "select":
            counts = any(isinstance(arg, ast.Call) and getattr(arg.func, "attr", "") == "count" for arg in node.args)
            if not counts:
                found.append(node.lineno)
    return found


def relative(path: Path) -> str:
    return path.relative_to(SOURCE).as_posix()


@pytest.mark.parametrize("path", FILES, ids=relative)
class TestFiles:
    def test_are_short_and_named_for_what_they_hold(self, path: Path) -> None:
        assert len(path.read_text().splitlines()) <= FILE_LIMIT
        assert path.stem not in BANNED

    def test_have_short_functions(self, path: Path) -> None:
        assert long_functions(ast.parse(path.read_text())) == []

    def test_keep_to_their_kind(self, path: Path) -> None:
        tree = ast.parse(path.read_text())
        names = imported(tree)
        if path.stem.endswith("routes"):
            assert "sqlalchemy" not in names, "statements belong into queries.py"
        if path.stem in ("queries", "metrics", "history", "tables", "table"):
            assert not names & {"fastapi", "starlette"}, "a statement knows no HTTP"
        if path.name == "__init__.py":
            assert all(isinstance(node, ast.Expr | ast.Assign) for node in tree.body), "no code in __init__.py"

    def test_only_settings_read_the_environment(self, path: Path) -> None:
        if relative(path) in ("settings.py", "serve.py"):  # serve.py hands the settings to its workers
            return
        assert "os.environ" not in path.read_text()
        assert "getenv" not in path.read_text()

    def test_selects_start_from_scoped(self, path: Path) -> None:
        if relative(path) in UNSCOPED_ALLOWED:
            return
        lines = path.read_text().splitlines()
        bare = [
            line for line in bare_selects(ast.parse(path.read_text())) if "in scope" not in " ".join(lines[line - 1 : line + 2])
        ]
        assert bare == [], "start from scoped(table, scope), or say '(found in scope)' where the row was"


class TestBrowserCode:
    @pytest.mark.parametrize("path", sorted((ROOT / "static" / "js").glob("*.js")), ids=lambda path: path.name)
    def test_scripts_are_small_and_say_what_they_read(self, path: Path) -> None:
        lines = path.read_text().splitlines()
        assert len(lines) <= SCRIPT_LIMIT
        assert lines[0].startswith("// ")
        assert "Reads:" in " ".join(lines[:3])

    @pytest.mark.parametrize("path", sorted((ROOT / "templates").rglob("*.html")), ids=lambda path: path.name)
    def test_templates_have_nothing_inline_and_nothing_from_elsewhere(self, path: Path) -> None:
        text = path.read_text()
        assert "<style" not in text
        assert " style=" not in text
        assert " onclick" not in text
        assert "<script>" not in text
        assert "https://" not in text

    def test_colours_stand_in_the_tokens_only(self) -> None:
        for path in (ROOT / "static" / "css").glob("*.css"):
            if path.name == "tokens.css":
                continue
            text = path.read_text()
            assert "#" not in text.replace("&#", ""), path.name


class TestTheRulesThemselves:
    def test_a_long_function_is_found(self) -> None:
        body = "\n".join(f"    x{i} = {i}" for i in range(FUNCTION_LIMIT))
        assert long_functions(ast.parse(f"def f():\n{body}\n")) == ["f"]

    def test_a_bare_select_is_found(self) -> None:
        assert bare_selects(ast.parse("select(runs)\nselect(func.count())\n")) == [1]
