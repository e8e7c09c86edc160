"""Runs that an address names are read alike on every page that compares."""

from __future__ import annotations

import pytest

from tests.conftest import RunningServer


@pytest.mark.parametrize("path", ["/compare", "/compare/files", "/compare/media"])
def test_spaces_and_repetitions_change_nothing(server: RunningServer, path: str) -> None:
    one, other = server.run(), server.run()
    answer = server.client.get(path, params={"runs": [f" {one}, {other} ,, {one}", f" {other}"]})
    assert answer.status_code == 200
    assert "Compare 2 runs" in answer.text
