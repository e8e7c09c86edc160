"""The outline of a Parquet footer: Thrift's compact form, walked without making anything of it.

Only what a page needs is read: how many rows, where each row group stands in the footer. So a footer can be handed on with one
row group left in it, and a page in the middle of a file costs no more than the first.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from runstone.previews.source import Unreadable

ITEMS_LIMIT = 2_000_000
_STOP, _TRUE, _FALSE, _BYTE, _DOUBLE, _BINARY, _LIST, _SET, _MAP, _STRUCT = 0, 1, 2, 3, 7, 8, 9, 10, 11, 12


@dataclass(frozen=True, slots=True)
class RowGroup:
    """`start` and `end` of its bytes in the footer, the number of its rows, and its size when it is unpacked."""

    start: int
    end: int
    rows: int
    unpacked: int


@dataclass(frozen=True, slots=True)
class Footer:
    """`groups_start` is where the list of row groups begins, with its header."""

    data: bytes
    rows: int
    made_by: str
    groups: list[RowGroup]
    groups_start: int
    groups_end: int

    def only(self, group: RowGroup) -> bytes:
        """The same footer for a file of one row group."""
        header = bytes([1 << 4 | _STRUCT])
        return self.data[: self.groups_start] + header + self.data[group.start : group.end] + self.data[self.groups_end :]


def footer(data: bytes) -> Footer:
    """Raises `Unreadable`."""
    walk, seen = _Walk(data), set[int]()
    rows, made_by, groups, start, end = 0, "", list[RowGroup](), 0, 0
    try:
        for number, kind in walk.fields():
            seen.add(number)
            if number == 3 and kind in (5, 6):
                rows = walk.signed()
            elif number == 4 and kind == _LIST:
                start = walk.at
                groups = [_group(walk) for _ in range(walk.list_of_structs())]
                end = walk.at
            elif number == 6 and kind == _BINARY:
                made_by = walk.binary().decode("utf-8", "replace")
            else:
                walk.skip(kind)
    except (IndexError, RecursionError, OverflowError) as error:
        raise Unreadable("The footer of this Parquet file is broken.") from error
    if not {1, 2, 3, 4} <= seen or rows != sum(group.rows for group in groups):
        raise Unreadable("The footer of this Parquet file is broken.")
    return Footer(data, rows, made_by, groups, start, end)


def _group(walk: _Walk) -> RowGroup:
    start, rows, unpacked = walk.at, 0, 0
    for number, kind in walk.fields():
        if number == 2 and kind in (5, 6):
            unpacked = walk.signed()
        elif number == 3 and kind in (5, 6):
            rows = walk.signed()
        else:
            walk.skip(kind)
    return RowGroup(start, walk.at, rows, unpacked)


class _Walk:
    def __init__(self, data: bytes) -> None:
        self.data, self.at, self._items = data, 0, 0

    def fields(self) -> Iterator[tuple[int, int]]:
        """(number, kind) of each field of a struct; its value is to be read or skipped before the next."""
        number = 0
        while True:
            self._count()
            byte = self._byte()
            if byte == _STOP:
                return
            number = number + (byte >> 4) if byte >> 4 else self.signed()
            yield number, byte & 15

    def signed(self) -> int:
        found = self._unsigned()
        return found >> 1 ^ -(found & 1)

    def binary(self) -> bytes:
        length = self._unsigned()
        start, self.at = self.at, self.at + length
        if self.at > len(self.data):
            raise IndexError
        return self.data[start : self.at]

    def list_of_structs(self) -> int:
        count, kind = self._list()
        if kind != _STRUCT:
            raise IndexError
        return count

    def skip(self, kind: int, depth: int = 0) -> None:
        self._count()
        if depth > 64:
            raise IndexError
        if kind in (_TRUE, _FALSE):
            return
        if kind == _BYTE:
            self._byte()
        elif 4 <= kind <= 6:
            self._unsigned()
        elif kind == _DOUBLE:
            self.at += 8
        elif kind == _BINARY:
            self.binary()
        elif kind in (_LIST, _SET, _MAP, _STRUCT):
            self._skip_many(kind, depth)
        else:
            raise IndexError

    def _skip_many(self, kind: int, depth: int) -> None:
        if kind == _STRUCT:
            for _, inner in self.fields():
                self.skip(inner, depth + 1)
        elif kind != _MAP:
            count, items = self._list()
            for _ in range(count):
                self.skip(items if items not in (_TRUE, _FALSE) else _BYTE, depth + 1)
        elif count := self._unsigned():
            kinds = self._byte()
            for _ in range(count):
                self.skip(kinds >> 4, depth + 1)
                self.skip(kinds & 15, depth + 1)

    def _list(self) -> tuple[int, int]:
        byte = self._byte()
        return (byte >> 4 if byte >> 4 != 15 else self._unsigned()), byte & 15

    def _byte(self) -> int:
        found = self.data[self.at]
        self.at += 1
        return found

    def _unsigned(self) -> int:
        found = shift = 0
        while True:
            byte = self._byte()
            found |= (byte & 127) << shift
            if byte < 128:
                return found
            shift += 7
            if shift > 63:
                raise IndexError

    def _count(self) -> None:
        self._items += 1
        if self._items > ITEMS_LIMIT:
            raise Unreadable("The footer of this Parquet file has too many columns or row groups to be shown.")
