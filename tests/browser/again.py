"""Runs browser tests that failed once more, alone and on new servers: `python -m tests.browser.again`.

Chromium shares its machine with everything else that runs there, and a test that waits 20 s may wait in vain. A fault of the
product fails twice. What failed first has been printed in full, and is named again here: a test that is named often is to be mended.
Only browser tests have a second try, and only a few at a time: many that fail have one cause.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

CACHE = Path(".pytest_cache/v/cache/lastfailed")
MOST = 3


def failed() -> list[str]:
    """Ids of the tests that the run before left as failed."""
    return list(json.loads(CACHE.read_text())) if CACHE.exists() else []


def deserving(ids: list[str]) -> bool:
    """Whether these may be run again; none at all means that the run itself broke."""
    return 0 < len(ids) <= MOST and all(name.startswith("tests/browser/") for name in ids)


def main() -> int:
    ids = failed()
    if not deserving(ids):
        return 1
    print("Failed once, run again alone:", *ids, sep="\n  ", flush=True)
    return pytest.main(["--cache-clear", *ids])


if __name__ == "__main__":
    sys.exit(main())
