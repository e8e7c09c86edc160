"""Peers installed from PyPI, each into a virtual environment of its own under `.bench/`, on first use."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

CACHE = Path(__file__).resolve().parents[2] / ".bench"


def environment(package: str, *more: str) -> Path:
    """The `bin` folder of an environment with `package` (name==version) and `more`."""
    place = CACHE / "environments" / package.replace("==", "-")
    ready = place / "ready"
    wanted = " ".join(more)
    if not ready.exists() or ready.read_text().strip() != wanted:
        print(f"installing {package} into {place.relative_to(CACHE.parent)} ...", file=sys.stderr, flush=True)
        subprocess.run([sys.executable, "-m", "venv", str(place)], check=True)
        pip = [str(place / "bin" / "pip"), "install", "--quiet", "--disable-pip-version-check", package, *more]
        subprocess.run(pip, check=True, timeout=1800)
        ready.write_text(wanted)
    return place / "bin"
