"""Columns of points as bytes and back: integers by their differences, numbers by whatever holds them exactly in least.

Exact for every bit pattern that a series may hold. NumPy is loaded with this module, so only where chunks are.
"""

from __future__ import annotations

import struct
import threading
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import zstandard

Integers = npt.NDArray[np.int64]
Numbers = npt.NDArray[np.float64]

# What the first byte of a column says.
_STEADY, _OFFSETS, _SAME, _SINGLE, _DECIMAL, _DOUBLE = range(6)
_HEAD = struct.Struct("<bqq")
_LITTLE = struct.Struct("<d")
_WIDTHS: tuple[np.dtype[np.unsignedinteger[Any]], ...] = tuple(np.dtype(f"<u{size}") for size in (1, 2, 4, 8))
_DIGITS = range(7)
_EXACT = float(2**53)

_local = threading.local()


def encode_integers(values: Integers) -> bytes:
    """At least one value. Differences wrap around, and so does their sum: no int64 is out of reach."""
    first = int(values[0])
    with np.errstate(over="ignore"):
        differences = np.diff(values)
    if not len(differences) or (differences == differences[0]).all():
        return _HEAD.pack(_STEADY, first, int(differences[0]) if len(differences) else 0)
    least = int(differences.min())
    return _HEAD.pack(_OFFSETS, first, least) + _packed(_offsets(differences, least))


def decode_integers(data: bytes, count: int) -> Integers:
    kind, first, least = _HEAD.unpack_from(data)
    if kind == _STEADY:
        return np.arange(count, dtype=np.int64) * np.int64(least) + np.int64(first)  # wraps around silently
    with np.errstate(over="ignore"):
        found = np.empty(count, dtype=np.int64)
        found[0] = first
        found[1:] = _unpacked(data[_HEAD.size :], count - 1).view(np.int64) + np.int64(least)
        return np.cumsum(found)


def integers_at(data: bytes, count: int, places: Sequence[int]) -> list[int]:
    """What `decode_integers` has at `places`, for less than decoding all when they are few."""
    kind, first, least = _HEAD.unpack_from(data)
    if kind == _STEADY:
        return [_wrapped(first + least * place) for place in places]
    width = _WIDTHS[data[_HEAD.size]].itemsize
    offsets = np.frombuffer(_decompressed(data[_HEAD.size + 1 :]), dtype=np.uint8).reshape(width, count - 1)
    return [_wrapped(first + least * place + _sum(offsets[:, :place])) for place in places]


def _sum(shuffled: npt.NDArray[np.uint8]) -> int:
    """Of integers whose bytes lie in planes, the lowest first."""
    return sum(total << 8 * i for i, total in enumerate(shuffled.sum(axis=1, dtype=np.uint64).tolist()))


def _wrapped(number: int) -> int:
    return (number + 2**63) % 2**64 - 2**63


def encode_numbers(values: Numbers) -> bytes:
    """At least one value."""
    bits = values.view(np.int64)
    if (bits == bits[0]).all():
        return bytes([_SAME]) + values[:1].tobytes()
    with np.errstate(all="ignore"):
        single = values.astype(np.float32)
        if _same_bits(single.astype(np.float64), bits):
            return bytes([_SINGLE]) + _compressed(_shuffled(single.view(np.uint8), 4))
        for digits in _DIGITS:
            scaled = np.rint(values * 10.0**digits)
            if (np.abs(scaled) < _EXACT).all() and _same_bits(scaled / 10.0**digits, bits):
                integers = scaled.astype(np.int64)
                least = int(integers.min())
                return _HEAD.pack(_DECIMAL, digits, least) + _packed(_offsets(integers, least))
    return bytes([_DOUBLE]) + _compressed(_shuffled(values.view(np.uint8), 8))


def decode_numbers(data: bytes, count: int) -> Numbers:
    kind = data[0]
    if kind == _SAME:
        return np.full(count, np.frombuffer(data, dtype="<f8", offset=1)[0])
    if kind == _DECIMAL:
        _, digits, least = _HEAD.unpack_from(data)
        integers = _unpacked(data[_HEAD.size :], count).view(np.int64) + np.int64(least)
        decimals: Numbers = integers.astype(np.float64) / 10.0**digits
        return decimals
    if kind == _SINGLE:
        singles: npt.NDArray[np.float32] = _unshuffled(_decompressed(data[1:]), 4).view(np.dtype("<f4"))
        return singles.astype(np.float64)
    found: Numbers = _unshuffled(_decompressed(data[1:]), 8).view(np.dtype("<f8"))
    return found


def numbers_at(data: bytes, count: int, places: Sequence[int]) -> list[float]:
    """What `decode_numbers` has at `places`."""
    if data[0] != _DOUBLE:
        found: list[float] = decode_numbers(data, count)[places].tolist()
        return found
    shuffled = _decompressed(data[1:])
    return [_LITTLE.unpack(shuffled[place::count])[0] for place in places]


def encode_flags(flags: npt.NDArray[np.bool_]) -> bytes:
    """Empty when none is set."""
    return _compressed(np.packbits(flags).tobytes()) if flags.any() else b""


def decode_flags(data: bytes, count: int) -> npt.NDArray[np.bool_]:
    if not data:
        return np.zeros(count, dtype=np.bool_)
    return np.unpackbits(np.frombuffer(_decompressed(data), dtype=np.uint8), count=count).astype(np.bool_)


def _same_bits(values: Numbers, bits: Integers) -> bool:
    return bool((values.view(np.int64) == bits).all())


def _offsets(values: Integers, least: int) -> npt.NDArray[np.uint64]:
    with np.errstate(over="ignore"):
        return (values - np.int64(least)).view(np.uint64)


def _packed(offsets: npt.NDArray[np.uint64]) -> bytes:
    largest = int(offsets.max())
    code = next(i for i, width in enumerate(_WIDTHS) if largest < 1 << 8 * width.itemsize)
    narrow = offsets.astype(_WIDTHS[code])
    return bytes([code]) + _compressed(_shuffled(narrow.view(np.uint8), narrow.itemsize))


def _unpacked(data: bytes, count: int) -> npt.NDArray[np.uint64]:
    width = _WIDTHS[data[0]]
    return _unshuffled(_decompressed(data[1:]), width.itemsize).view(width)[:count].astype(np.uint64)


def _shuffled(data: npt.NDArray[np.uint8], width: int) -> bytes:
    """All first bytes, then all second ones: the high bytes of neighbours are alike."""
    return data.reshape(-1, width).T.tobytes()


def _unshuffled(data: bytes, width: int) -> npt.NDArray[np.uint8]:
    if width == 1:
        return np.frombuffer(data, dtype=np.uint8)
    return np.ascontiguousarray(np.frombuffer(data, dtype=np.uint8).reshape(width, -1).T).reshape(-1)


def _compressed(data: bytes) -> bytes:
    compressor: zstandard.ZstdCompressor | None = getattr(_local, "compressor", None)
    if compressor is None:
        compressor = _local.compressor = zstandard.ZstdCompressor(level=3, write_checksum=True)
    return compressor.compress(data)


def _decompressed(data: bytes) -> bytes:
    decompressor: zstandard.ZstdDecompressor | None = getattr(_local, "decompressor", None)
    if decompressor is None:
        decompressor = _local.decompressor = zstandard.ZstdDecompressor()
    return decompressor.decompress(data)
