"""The first bytes of a file that is no text."""

from __future__ import annotations

import imagesize

from runstone.previews.looks import Asked, Bytes, Image
from runstone.previews.source import Source, SourceFile

SHOWN, WIDTH = 1024, 16
HEADER = 256 * 1024


def look(source: Source, _: Asked) -> Bytes:
    data = source.read(0, SHOWN)
    rows = [(f"{start:08x}", _hexadecimal(data[start : start + WIDTH]), _characters(data[start : start + WIDTH]))
            for start in range(0, len(data), WIDTH)]  # fmt: skip
    return Bytes(rows, len(data), source.size)


def _hexadecimal(data: bytes) -> str:
    return data[: WIDTH // 2].hex(" ") + "  " + data[WIDTH // 2 :].hex(" ")


def _characters(data: bytes) -> str:
    return "".join(chr(byte) if 32 <= byte < 127 else "." for byte in data)


def look_at_image(source: Source, _: Asked) -> Image:
    """Only its header is read; decoding is the browser's."""
    try:
        width, height = imagesize.get(SourceFile(source, min(source.size, HEADER), b""))
    except Exception:
        return Image(0, 0)
    return Image(max(0, int(width)), max(0, int(height)))
