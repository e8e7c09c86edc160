"""Small files of every kind, made by hand, and hostile ones."""

from __future__ import annotations

import base64
import io
import json
import math
import struct
import wave
import zlib
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq


def png(width: int, height: int) -> bytes:
    rows = b"".join(b"\0" + bytes([x % 256, y % 256, 128] * 1) for y in range(height) for x in range(1)) if width == 1 else b""
    rows = rows or b"".join(b"\0" + bytes(v for x in range(width) for v in (x % 256, y % 256, 128)) for y in range(height))

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


def wav(seconds: float = 1) -> bytes:
    made = io.BytesIO()
    with wave.open(made, "wb") as sound:
        sound.setnchannels(1)
        sound.setsampwidth(2)
        sound.setframerate(8000)
        sound.writeframes(b"".join(struct.pack("<h", int(8000 * math.sin(i / 5))) for i in range(int(8000 * seconds))))
    return made.getvalue()


def pdf(words: str) -> bytes:
    stream = b"BT /F1 24 Tf 60 150 Td (%s) Tj ET" % words.encode()
    objects = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 400 300] /Contents 4 0 R /Resources << /Font << /F1 5 0 R >> >> >>",
        b"<< /Length %d >>\nstream\n%s\nendstream" % (len(stream), stream),
        b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
    ]
    made, places = b"%PDF-1.4\n", []
    for number, item in enumerate(objects, 1):
        places.append(len(made))
        made += b"%d 0 obj\n%s\nendobj\n" % (number, item)
    table = b"".join(b"%010d 00000 n \n" % place for place in places)
    ending = b"trailer << /Size 6 /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF" % len(made)
    return made + b"xref\n0 6\n0000000000 65535 f \n" + table + ending


def parquet(rows: int, group: int, compression: str = "zstd", columns: dict[str, Any] | None = None) -> bytes:
    table = pa.table({"id": range(rows), "name": [f"name {i}" if i % 7 else None for i in range(rows)]} | (columns or {}))
    made = io.BytesIO()
    pq.write_table(table, made, row_group_size=group, compression=compression)
    return made.getvalue()


def safetensors(tensors: dict[str, tuple[str, list[int], int]], metadata: dict[str, str] | None = None) -> bytes:
    """`tensors` by name: dtype, shape, bytes."""
    header: dict[str, Any] = {"__metadata__": metadata} if metadata else {}
    at = 0
    for name, (kind, shape, size) in tensors.items():
        header[name] = {"dtype": kind, "shape": shape, "data_offsets": [at, at + size]}
        at += size
    written = json.dumps(header).encode()
    return struct.pack("<Q", len(written)) + written + b"\0" * at


def varint(value: int) -> bytes:
    made = b""
    while value > 127:
        made += bytes([value & 127 | 128])
        value >>= 7
    return made + bytes([value])


def field(number: int, value: int | bytes | str) -> bytes:
    """Of a protocol buffer."""
    if isinstance(value, int):
        return varint(number << 3) + varint(value)
    data = value.encode() if isinstance(value, str) else value
    return varint(number << 3 | 2) + varint(len(data)) + data


def onnx(weight_bytes: int = 4000) -> bytes:
    def value(name: str, kind: int, sizes: list[int | str]) -> bytes:
        dimensions = b"".join(field(1, field(1 if isinstance(size, int) else 2, size)) for size in sizes)
        return field(1, name) + field(2, field(1, field(1, kind) + field(2, dimensions)))

    graph = b"".join(field(1, field(1, "x") + field(4, kind)) for kind in ["Conv"] * 3 + ["Relu"] * 2)
    graph += field(2, "net") + field(5, field(1, 64) + field(8, "weight") + field(9, b"\0" * weight_bytes))
    graph += (
        field(11, value("image", 1, ["batch", 3, 224]))
        + field(11, value("weight", 1, [64]))
        + field(12, value("scores", 7, [10]))
    )
    return field(1, 8) + field(2, "maker") + field(8, field(2, 17)) + field(7, graph)


def notebook(*cells: dict[str, Any]) -> bytes:
    return json.dumps(
        {"nbformat": 4, "nbformat_minor": 5, "metadata": {"kernelspec": {"language": "python"}}, "cells": cells}
    ).encode()


def code_cell(source: str, *outputs: dict[str, Any]) -> dict[str, Any]:
    return {"cell_type": "code", "execution_count": 3, "source": source, "outputs": list(outputs), "metadata": {}}


PICTURE = base64.b64encode(png(2, 2)).decode()
MLMODEL = """\
artifact_path: model
flavors:
  python_function:
    env: {conda: conda.yaml, virtualenv: python_env.yaml}
    loader_module: mlflow.sklearn
    python_version: 3.11.7
  sklearn:
    pickled_model: model.pkl
mlflow_version: 3.17.2
model_size_bytes: 48213
signature:
  inputs: '[{"type": "double", "name": "alcohol", "required": true}, {"type": "array", "items": {"type": "string"}, "name": "labels",
    "required": false}]'
  outputs: '[{"type": "tensor", "tensor-spec": {"dtype": "int64", "shape": [-1, 3]}}]'
  params: '[{"name": "temperature", "default": 0.5, "shape": null, "type": "double"}]'
"""
LAUGHS = "a: &a [x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"{b}: &{b} [{', '.join([f'*{a}'] * 9)}]\n" for a, b in zip("abcdefgh", "bcdefghi", strict=True)
)
