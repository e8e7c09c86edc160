"""How the process uses memory: the collector and the C library's allocator, set once when a server starts."""

from __future__ import annotations

import ctypes
import gc

# mallopt's M_ARENA_MAX (glibc's malloc.h). musl and others have no arenas, and no mallopt that matters.
_ARENA_MAX = -8
ARENAS = 2


def share_arenas() -> None:
    """One heap beside the first for all threads. With one for each, every reader keeps what its largest page took: a walk
    through 100 000 runs ended at 386 MB, and at 300 this way.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        mallopt(_ARENA_MAX, ARENAS)


def spare_the_collector() -> None:
    """What is there by now stays: looking through it again and again, the collector held up everybody for 90 ms in the middle
    of a long listing.
    """
    gc.collect()
    gc.freeze()
