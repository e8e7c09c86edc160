"""What a look into a file found: plain values, which travel from the reading process as JSON and are checked on arrival.

Nothing in them is markup except `Text.html`, which is made of escaped text and class names. `note` says what was left out.
"""

from __future__ import annotations

import msgspec


class Asked(msgspec.Struct, frozen=True):
    """Which part of a file is wanted: `reader` is its kind, `at` a position that an earlier look named (-1: the end), `row` the
    number of the row there, `plain` whether the text is wanted instead of what it says.
    """

    reader: str
    name: str
    size: int
    at: int | None = None
    row: int = 0
    plain: bool = False


class Text(msgspec.Struct, tag="text"):
    """The bytes `start` to `end` of `size` as text. `line` numbers the first line, 0 when that is not known."""

    html: str
    start: int
    end: int
    size: int
    line: int = 0
    language: str = ""
    encoding: str = ""
    note: str = ""

    @property
    def whole(self) -> bool:
        return self.start == 0 and self.end == self.size


class Bytes(msgspec.Struct, tag="bytes"):
    """(offset, hexadecimal, characters) of each row."""

    rows: list[tuple[str, str, str]]
    shown: int
    size: int
    note: str = ""


class Node(msgspec.Struct):
    """A value of JSON or YAML; `sort` is "map", "list", "text", "number", "word" (true, null), "more" or "alias"."""

    sort: str
    label: str = ""
    text: str = ""
    count: int = 0
    children: list[Node] = []


class Tree(msgspec.Struct, tag="tree"):
    roots: list[Node]
    note: str = ""


class Column(msgspec.Struct):
    name: str
    type: str = ""
    number: bool = False


class Table(msgspec.Struct, tag="table"):
    """`rows` of cells (None: missing); `first` counts rows from 1; `total` is None when it is not known. `after` is where the next
    page begins, None at the end; `columns_total` counts those that are not shown too.
    """

    columns: list[Column]
    rows: list[list[str | None]]
    columns_total: int
    first: int = 1
    total: int | None = None
    after: int | None = None
    facts: list[tuple[str, str]] = []
    note: str = ""


class Image(msgspec.Struct, tag="image"):
    """In pixels; 0 when it could not be told."""

    width: int
    height: int
    note: str = ""


class Output(msgspec.Struct):
    """Of a notebook's cell: `sort` is "text", "error" or "image" (then `text` is a data: URL)."""

    sort: str
    text: str


class Cell(msgspec.Struct):
    """`sort` is "markdown", "code" or "raw"; `html` is highlighted code."""

    sort: str
    text: str
    html: str = ""
    count: str = ""
    outputs: list[Output] = []


class Notebook(msgspec.Struct, tag="notebook"):
    cells: list[Cell]
    language: str
    note: str = ""


class Field(msgspec.Struct):
    """An input, output or param of a model."""

    name: str
    type: str
    shape: str = ""
    optional: bool = False
    default: str = ""


class Model(msgspec.Struct, tag="model"):
    """`MLmodel`: `flavors` are (name, [(key, value)]), `facts` names and values."""

    flavors: list[tuple[str, list[tuple[str, str]]]]
    facts: list[tuple[str, str]]
    inputs: list[Field]
    outputs: list[Field]
    params: list[Field]
    loads: str = ""
    note: str = ""


class Graph(msgspec.Struct, tag="graph"):
    """The outside of an ONNX model; `operators` are (name, how often)."""

    facts: list[tuple[str, str]]
    inputs: list[Field]
    outputs: list[Field]
    operators: list[tuple[str, int]]
    note: str = ""


Look = Text | Bytes | Tree | Table | Image | Notebook | Model | Graph
