"""What the file of an export is called."""

from __future__ import annotations

import pytest

from runstone.artifacts.download import disposition
from runstone.web.runs_export import file_name

DAY = 1_764_374_400_000


@pytest.mark.parametrize(
    ("experiments", "name"),
    [
        (["vision/resnet-sweep"], "vision-resnet-sweep 2025-11-29"),
        (["a", "b", "c"], "a and 2 more 2025-11-29"),
        (["../../etc/passwd"], "etc-passwd 2025-11-29"),
        (['"; rm -rf\r\n<x>'], "rm -rf-x 2025-11-29"),
        (["تجربة \u202eabc"], "تجربة -abc 2025-11-29"),
        (["…"], "runs 2025-11-29"),
        ([], "runs 2025-11-29"),
        (["x" * 400], f"{'x' * 50} 2025-11-29"),
    ],
)
def test_is_after_the_experiments_and_the_day(experiments: list[str], name: str) -> None:
    assert file_name(experiments, DAY) == name
    assert len(f"{name}.json".encode()) <= 255
    assert disposition(name).isascii()
