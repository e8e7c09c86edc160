"""The second try of browser tests: it passes what passes then, fails what fails twice, and is for nothing else."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.browser import again

ONCE = """
from pathlib import Path

def test_shaky():
    seen = Path("seen")
    first = not seen.exists()
    seen.touch()
    assert not first

def test_right():
    pass
"""
WRONG = "\ndef test_wrong():\n    assert False\n"


def tried(folder: Path) -> tuple[int, str]:
    """Exit code and output of the second try after a first one."""
    subprocess.run([sys.executable, "-m", "pytest", "-q", "tests"], cwd=folder, capture_output=True, check=False)
    second = subprocess.run([sys.executable, again.__file__], cwd=folder, capture_output=True, text=True, check=False)
    return second.returncode, second.stdout


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "tests/browser").mkdir(parents=True)
    return tmp_path


def test_what_passes_then_passes_and_is_named(folder: Path) -> None:
    (folder / "tests/browser/test_it.py").write_text(ONCE)
    code, said = tried(folder)
    assert code == 0
    assert "run again alone:\n  tests/browser/test_it.py::test_shaky\n" in said
    assert "test_right" not in said


@pytest.mark.parametrize("where", ["browser", "faults"])
def test_what_fails_twice_or_elsewhere_fails(folder: Path, where: str) -> None:
    (folder / "tests/browser/test_it.py").write_text(ONCE)
    (folder / "tests" / where).mkdir(exist_ok=True)
    (folder / "tests" / where / "test_other.py").write_text(WRONG)
    assert tried(folder)[0] == 1


def test_many_that_fail_are_not_run_again() -> None:
    assert again.deserving(["tests/browser/test_it.py::test_a"] * again.MOST)
    assert not again.deserving(["tests/browser/test_it.py::test_a"] * (again.MOST + 1))
    assert not again.deserving([])
