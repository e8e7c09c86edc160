"""By what a file in a folder is known to be the one that was hashed.

The time of the last change (ctime) is set by the kernel at every write, also through another hard link, and by no program.
That holds on this machine's own file systems. Of one that others share over a network it is not known, so there every
download is hashed.
"""

from __future__ import annotations

import ctypes
import os
import time

from runstone.storage.checked import Identity

# A mapped page tells the kernel of its first write only, until it is on the disk: half a minute as Linux ships.
SETTLED_SECONDS = 60
# statfs(2): ext2 to ext4, XFS, Btrfs, F2FS, ZFS, bcachefs, tmpfs, overlayfs.
_OWN = {0xEF53, 0x58465342, 0x9123683E, 0xF2F52010, 0x2FC12FC1, 0xCA451A4E, 0x01021994, 0x794C7630}
_STATFS_BYTES = 256  # more than the structure has anywhere; its first word is the type
_fstatfs = getattr(ctypes.CDLL(None), "fstatfs", None) if os.uname().sysname == "Linux" else None


def marks_of(found: os.stat_result) -> tuple[int, ...]:
    return (found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns)


def identity_of(descriptor: int, found: os.stat_result) -> Identity | None:
    """`found` is what fstat says of it. None on a file system whose times are not to be relied upon."""
    if not is_own(found.st_dev, descriptor):
        return None
    return Identity(marks_of(found), settled=time.time_ns() - found.st_ctime_ns > SETTLED_SECONDS * 10**9)


def identity_of_written(descriptor: int, sealed: tuple[int, int]) -> Identity | None:
    """Of a file that this process wrote, fsynced at (size, mtime in ns) `sealed` and then renamed. A write since would leave
    another mtime: the kernel's clock has gone on between the two.
    """
    found = os.fstat(descriptor)
    if not is_own(found.st_dev, descriptor):
        return None
    return Identity(
        marks_of(found), settled=sealed == (found.st_size, found.st_mtime_ns) and found.st_mtime_ns < found.st_ctime_ns
    )


def is_own(device: int, descriptor: int) -> bool:
    """Whether the file system is this machine's own."""
    known = _KNOWN.get(device)
    if known is None:
        known = _KNOWN[device] = _type_of(descriptor) in _OWN
    return known


_KNOWN: dict[int, bool] = {}


def _type_of(descriptor: int) -> int:
    if _fstatfs is None:
        return 0
    told = (ctypes.c_long * (_STATFS_BYTES // ctypes.sizeof(ctypes.c_long)))()
    return int(told[0]) & 0xFFFFFFFF if _fstatfs(descriptor, told) == 0 else 0
