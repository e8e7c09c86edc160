"""Columns of points as bytes: exact both ways, and alike whether all of a column is decoded or only some places of it."""

from __future__ import annotations

import math

import numpy as np
import pytest

from runstone.runs import columns

COUNT = 700
RANDOM = np.random.default_rng(7)
EXTREMES = [-(2**63), 2**63 - 1]

INTEGERS = {
    "one": [5],
    "steady": list(range(0, COUNT * 3, 3)),
    "steady around the end": [(2**63 - 3 + i + 2**63) % 2**64 - 2**63 for i in range(10)],
    "bytes": np.cumsum(RANDOM.integers(0, 200, COUNT)).tolist(),
    "two bytes": np.cumsum(RANDOM.integers(-300, 30_000, COUNT)).tolist(),
    "four bytes": np.cumsum(RANDOM.integers(0, 2**31, COUNT)).tolist(),
    "falling": [-i * i for i in range(COUNT)],
    "anything": RANDOM.integers(EXTREMES[0], EXTREMES[1], COUNT, endpoint=True).tolist(),
    "extremes": EXTREMES * 50,
}
NUMBERS = {
    "same": [0.25] * COUNT,
    "single": [float(np.float32(i / 7)) for i in range(COUNT)],
    "decimal": [round(i * 0.01, 2) for i in range(COUNT)],
    "double": RANDOM.standard_normal(COUNT).tolist(),
    "strange": [0.0, -0.0, math.inf, -math.inf, 5e-324, 1.7976931348623157e308, 0.1 + 0.2, -1e-9],
}


def places(count: int) -> list[int]:
    return sorted({0, count // 3, count // 2, max(0, count - 2), count - 1})


@pytest.mark.parametrize("name", INTEGERS)
def test_integers(name: str) -> None:
    given = np.array(INTEGERS[name], dtype=np.int64)
    data = columns.encode_integers(given)
    assert columns.decode_integers(data, len(given)).tolist() == given.tolist()
    some = places(len(given))
    assert columns.integers_at(data, len(given), some) == given[some].tolist()


@pytest.mark.parametrize("name", NUMBERS)
def test_numbers(name: str) -> None:
    given = np.array(NUMBERS[name], dtype=np.float64)
    data = columns.encode_numbers(given)
    assert columns.decode_numbers(data, len(given)).tobytes() == given.tobytes()
    some = places(len(given))
    assert np.array(columns.numbers_at(data, len(given), some)).tobytes() == given[some].tobytes()
