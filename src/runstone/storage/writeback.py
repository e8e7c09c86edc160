"""Having the disk begin with what was written, so that the fsync at the end finds little left to do."""

from __future__ import annotations

import ctypes
import os

EVERY = 16 * 1024 * 1024
_WRITE = 2  # SYNC_FILE_RANGE_WRITE: begin, and wait for nothing
_call = getattr(ctypes.CDLL(None), "sync_file_range", None) if os.name == "posix" else None  # Linux has it


def begin(descriptor: int, start: int, length: int) -> None:
    """A hint about `length` bytes from `start`: whether it is followed does not matter to anybody but the clock."""
    if _call is not None:
        _call(descriptor, ctypes.c_int64(start), ctypes.c_int64(length), _WRITE)
