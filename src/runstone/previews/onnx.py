"""The outside of an ONNX model: inputs, outputs, operators, versions. Weights are stepped over, not read.

Protocol buffers are a sequence of (field, length, content), so a model of gigabytes is read in a few short ranges.
Field numbers are those of onnx.proto.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from runstone.previews.looks import Asked, Field, Graph
from runstone.previews.source import Source, Unreadable

FIELDS_LIMIT = 300_000
TEXT_LIMIT, FIELDS_SHOWN, OPERATORS_SHOWN = 2_000, 200, 100
_TYPES = {
    1: "float32", 2: "uint8", 3: "int8", 4: "uint16", 5: "int16", 6: "int32", 7: "int64", 8: "string", 9: "bool", 10: "float16",
    11: "float64", 12: "uint32", 13: "uint64", 14: "complex64", 15: "complex128", 16: "bfloat16", 17: "float8e4m3fn",
    18: "float8e4m3fnuz", 19: "float8e5m2", 20: "float8e5m2fnuz", 21: "uint4", 22: "int4", 23: "float4e2m1",
}  # fmt: skip
_MODEL_TEXTS = {2: "made by", 3: "made by version", 4: "domain", 6: "description"}
_MODEL_NUMBERS = {1: "IR version", 5: "model version"}


@dataclass(frozen=True, slots=True)
class _Field:
    """`value` of a number; `start` and `end` of the bytes of everything else."""

    number: int
    value: int
    start: int
    end: int


def look(source: Source, _: Asked) -> Graph:
    walk = _Walk(source)
    found = Graph([], [], [], [])
    operators, weights, opsets, extra, seen = Counter[str](), 0, list[str](), list[tuple[str, str]](), False
    for field in walk.fields(0, source.size):
        if field.number in _MODEL_NUMBERS and field.end == 0:
            found.facts.append((_MODEL_NUMBERS[field.number], str(field.value)))
        elif field.number in _MODEL_TEXTS and field.end > field.start:
            found.facts.append((_MODEL_TEXTS[field.number], walk.text(field)))
        elif field.number == 8:
            opsets.append(_opset(walk, field))
        elif field.number == 14 and len(extra) < 50:
            extra.append(_pair(walk, field))
        elif field.number == 7:
            weights += _graph(walk, field, found, operators)
            seen = True
    if not seen:
        raise Unreadable("This is not an ONNX model, or a part of it is missing.")
    found.facts += [("opset", ", ".join(opsets)), ("operators", str(operators.total())), ("initializers", str(weights)), *extra]
    found.operators = operators.most_common(OPERATORS_SHOWN)
    if len(operators) > OPERATORS_SHOWN:
        found.note = f"The {OPERATORS_SHOWN} most frequent of {len(operators)} operators are shown."
    return found


def _graph(walk: _Walk, graph: _Field, found: Graph, operators: Counter[str]) -> int:
    """Fills `found` and `operators`; the number of initializers."""
    weights, named = 0, set[str]()
    for field in walk.fields(graph.start, graph.end):
        if field.number == 1:
            operators[_text_of(walk, field, 4) or "?"] += 1
        elif field.number == 2 and field.end > field.start:
            found.facts.insert(0, ("graph", walk.text(field)))
        elif field.number == 5:
            weights += 1
            named.add(_text_of(walk, field, 8))
        elif field.number in (11, 12):
            listed = found.inputs if field.number == 11 else found.outputs
            if len(listed) < FIELDS_SHOWN:
                listed.append(_value(walk, field))
    found.inputs = [item for item in found.inputs if item.name not in named]  # old models list their weights as inputs too
    return weights


def _value(walk: _Walk, info: _Field) -> Field:
    """ValueInfoProto: name (1), type (2); TypeProto: tensor_type (1) with elem_type (1) and shape (2)."""
    made = Field("", "")
    for field in walk.fields(info.start, info.end):
        if field.number == 1:
            made.name = walk.text(field)
        elif field.number == 2:
            for kind in walk.fields(field.start, field.end):
                if kind.number != 1:
                    made.type = {4: "sequence", 5: "map", 8: "sparse tensor", 9: "optional"}.get(kind.number, "?")
                    continue
                for part in walk.fields(kind.start, kind.end):
                    if part.number == 1 and part.end == 0:
                        made.type = _TYPES.get(part.value, str(part.value))
                    elif part.number == 2:
                        made.shape = _shape(walk, part)
    return made


def _shape(walk: _Walk, shape: _Field) -> str:
    found = []
    for dimension in walk.fields(shape.start, shape.end):
        size = "?"
        for field in walk.fields(dimension.start, dimension.end) if dimension.end else ():
            size = str(field.value) if field.end == 0 else walk.text(field)[:60]
        found.append(size)
        if len(found) >= 16:
            break
    return " × ".join(found)


def _opset(walk: _Walk, opset: _Field) -> str:
    domain, version = "", 0
    for field in walk.fields(opset.start, opset.end):
        if field.number == 1 and field.end:
            domain = walk.text(field)[:100]
        elif field.number == 2:
            version = field.value
    return f"{domain} {version}".strip()


def _pair(walk: _Walk, entry: _Field) -> tuple[str, str]:
    return _text_of(walk, entry, 1)[:100], _text_of(walk, entry, 2)


def _text_of(walk: _Walk, message: _Field, number: int) -> str:
    return next((walk.text(field) for field in walk.fields(message.start, message.end) if field.number == number), "")


class _Walk:
    def __init__(self, source: Source) -> None:
        self._source, self._seen = source, 0

    def text(self, field: _Field) -> str:
        return self._source.read(field.start, min(field.end - field.start, TEXT_LIMIT)).decode("utf-8", "replace")

    def fields(self, at: int, end: int) -> Iterator[_Field]:
        """Of the message in `at` to `end`. Raises `Unreadable` for what is no message."""
        while at < end:
            self._seen += 1
            if self._seen > FIELDS_LIMIT:
                raise Unreadable("This ONNX model has too many parts to be shown here.")
            tag, at = self._number(at, end)
            number, wire = tag >> 3, tag & 7
            if number == 0:
                raise _broken()
            if wire == 0:
                value, at = self._number(at, end)
                yield _Field(number, value, 0, 0)
                continue
            if wire == 2:
                length, at = self._number(at, end)
            else:
                length = {1: 8, 5: 4}.get(wire, -1)
            if length < 0 or at + length > end:
                raise _broken()
            yield _Field(number, 0, at, at + length)
            at += length

    def _number(self, at: int, end: int) -> tuple[int, int]:
        data = self._source.read(at, min(10, end - at))
        found = 0
        for i, byte in enumerate(data):
            found |= (byte & 127) << 7 * i
            if byte < 128:
                return found, at + i + 1
        raise _broken()


def _broken() -> Unreadable:
    return Unreadable("This is not an ONNX model, or a part of it is missing.")
