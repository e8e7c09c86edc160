"""What a model's own files say of it: the signature in `MLmodel`, the packages in `requirements.txt`. Read as text, never loaded."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

from fastapi import Request

from runstone.errors import InvalidParameter, NotFound
from runstone.previews.looks import Field
from runstone.previews.mlmodel import described
from runstone.previews.source import Unreadable
from runstone.storage.roots import Place, Roots
from runstone.web.formats import counted
from runstone.web.recorded import digests

# Reading YAML takes a second a megabyte.
SIZE_LIMIT = 64_000
PACKAGES_LIMIT = 2000
SIDES = ("inputs", "outputs", "params")


@dataclass(frozen=True)
class ModelFiles:
    """`signature` has what goes in and comes out, by side; `entries` are (name, size and content) of the files beside them."""

    signature: dict[str, list[Field]] = field(default_factory=dict)
    requirements: list[str] = field(default_factory=list)
    entries: list[tuple[str, str]] = field(default_factory=list)


async def model_files(request: Request, uri: str, *, to_compare: bool = False) -> ModelFiles:
    """Empty for a model whose files are elsewhere, or that has none. A statement more `to_compare` what the files hold."""
    roots: Roots = request.app.state.roots
    try:
        place = roots.place(uri)
        listed = await place.store.entries(place.below(""), "", 1000)
    except (InvalidParameter, NotFound):
        return ModelFiles()
    keys = [place.below(entry.name) for entry in listed if not entry.is_dir] if to_compare else []
    known = await digests(request, place.store, keys)
    sizes = [
        (f"{entry.name}/", "folder")
        if entry.is_dir
        else (entry.name, _content(entry.size or 0, known.get(place.below(entry.name))))
        for entry in listed
    ]
    found = {entry.name for entry in listed}
    about = await _bytes(place, "MLmodel") if "MLmodel" in found else b""
    needed = await _bytes(place, "requirements.txt") if "requirements.txt" in found else b""
    signature = await asyncio.to_thread(_signature, about) if about else {}
    lines = [line.strip() for line in needed.decode("utf-8", "replace").splitlines()]
    lines = [line for line in lines if line and not line.startswith("#")]
    return ModelFiles(signature, lines[:PACKAGES_LIMIT], sorted(sizes))


def _content(size: int, digest: str | None) -> str:
    """Two files of one size differ by the beginning of their SHA-256 then."""
    return f"{counted(size, 'byte')}, SHA-256 {digest[:12]}…" if digest else counted(size, "byte")


async def _bytes(place: Place, name: str) -> bytes:
    file = await place.store.open(place.below(name))
    try:
        if file.stat.size > SIZE_LIMIT:
            return b""
        return b"".join([part async for part in file.pieces(0, file.stat.size)])
    finally:
        file.close()


def _signature(data: bytes) -> dict[str, list[Field]]:
    """By side; only those that have columns."""
    try:
        found = described(data)
    except Unreadable:
        return {}
    sides = {"inputs": found.inputs, "outputs": found.outputs, "params": found.params}
    return {side: fields for side, fields in sides.items() if fields}


def columns(files: ModelFiles, side: str) -> dict[str, str]:
    """What a side of the signature asks for, by the name of the column, as one text to compare."""
    return {item.name or f"column {i}": _words(item) for i, item in enumerate(files.signature.get(side, []))}


def _words(item: Field) -> str:
    need = f"default {item.default}" if item.default else "optional" if item.optional else ""
    return " ".join(word for word in (item.type, item.shape, need) if word)


def packages(files: ModelFiles) -> dict[str, str]:
    """`numpy==2.1` as {"numpy": "==2.1"}."""
    return dict(_package(line) for line in files.requirements)


def _package(line: str) -> tuple[str, str]:
    end = next((i for i, sign in enumerate(line) if sign in "=<>!~ ;[@"), len(line))
    return line[:end], line[end:] or "any"
