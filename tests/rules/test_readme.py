from __future__ import annotations

import re
from pathlib import Path

from tests.rules.settings_table import README, replaced

ROOT = Path(__file__).resolve().parents[2]


class TestReadme:
    def test_the_table_of_settings_is_that_of_the_code(self) -> None:
        assert replaced(README.read_text()) == README.read_text(), "run: make readme"

    def test_the_make_targets_that_it_names_exist(self) -> None:
        named = set(re.findall(r"(?:^|`)make ([a-z]+)", README.read_text(), re.MULTILINE))
        targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
        assert {"serve", "test"} <= named <= targets

    def test_no_registry_host_stands_in_the_lock_file(self) -> None:
        assert "resolved" not in (ROOT / "package-lock.json").read_text()
