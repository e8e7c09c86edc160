"""The reading process: takes files apart that nobody vouches for, under limits, so that the worst of them ends this process only.

It opens no file and knows no secret: it asks its server for ranges of the one file that is looked at. On both pipes every message
is one letter, its length in four bytes, and its content.
"""

from __future__ import annotations

import contextlib
import os
import resource
import struct
import sys
from collections.abc import Callable
from typing import BinaryIO

import msgspec

from runstone.previews import binary, mlmodel, notebook, onnx, parquet, safetensors, tables, text, trees
from runstone.previews.looks import Asked, Look
from runstone.previews.source import Source, Unreadable

MEMORY_LIMIT = 1_500_000_000  # bytes of address space, libraries and all
CPU_SECONDS = 5  # for one look
READERS: dict[str, Callable[[Source, Asked], Look]] = {
    "text": text.look, "code": text.look, "log": text.look, "unknown": text.look, "markdown": text.look, "html": text.look, "svg": text.look,
    "json": trees.look_at_json, "yaml": trees.look_at_yaml, "delimited": tables.look, "parquet": parquet.look, "notebook": notebook.look,
    "safetensors": safetensors.look, "onnx": onnx.look, "mlmodel": mlmodel.look, "image": binary.look_at_image, "binary": binary.look,
    "packed": binary.look, "pdf": binary.look, "audio": binary.look, "video": binary.look,
}  # fmt: skip

ASK, LOOK, PROBLEM, FAILED, JOB, RANGE = b"a", b"l", b"p", b"f", b"j", b"r"
HEAD = struct.Struct(">cI")
PLACE = struct.Struct(">QI")


def main() -> None:
    incoming, outgoing = sys.stdin.buffer, os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what a library prints is no message
    _limit()
    while True:
        job = _receive(incoming)
        if job is None:
            return
        _allow_cpu()
        kind, content = _answer(job, incoming, outgoing)
        outgoing.write(HEAD.pack(kind, len(content)) + content)
        outgoing.flush()


def _limit() -> None:
    for limit, value in (
        (resource.RLIMIT_AS, MEMORY_LIMIT),
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_NOFILE, 64),
    ):
        with contextlib.suppress(ValueError, OSError):  # not every system knows all of them
            resource.setrlimit(limit, (value, value))
    with contextlib.suppress(OSError):
        os.nice(5)


def _allow_cpu() -> None:
    """So much more than was used; beyond it the system ends the process."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    with contextlib.suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_CPU, (int(used.ru_utime + used.ru_stime) + 1 + CPU_SECONDS, resource.RLIM_INFINITY))


def _answer(job: bytes, incoming: BinaryIO, outgoing: BinaryIO) -> tuple[bytes, bytes]:
    asked = msgspec.json.decode(job, type=Asked)

    def fetch(offset: int, length: int) -> bytes:
        outgoing.write(HEAD.pack(ASK, PLACE.size) + PLACE.pack(offset, length))
        outgoing.flush()
        found = _receive(incoming)
        if found is None:
            sys.exit(0)
        return found

    try:
        return LOOK, msgspec.json.encode(READERS[asked.reader](Source(asked.size, fetch), asked))
    except Unreadable as error:
        return PROBLEM, str(error).encode()
    except MemoryError:
        return PROBLEM, b"Taking this file apart needs more memory than a preview may use."
    except RecursionError:
        return PROBLEM, b"This file is nested too deeply to be taken apart."
    except Exception as error:
        return FAILED, f"{type(error).__name__}: {error}"[:500].encode()


def _receive(incoming: BinaryIO) -> bytes | None:
    """The content of the next message; None when the server is gone."""
    head = incoming.read(HEAD.size)
    if len(head) < HEAD.size:
        return None
    _, length = HEAD.unpack(head)
    content = incoming.read(length)
    return content if len(content) == length else None


if __name__ == "__main__":
    main()
