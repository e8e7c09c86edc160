"""What a model's own files say of it: the signature in `MLmodel`, the packages in `requirements.txt`. Read as text, never loaded."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass, field
from typing import Any

import yaml
from fastapi import Request

from runstone.errors import InvalidParameter, NotFound
from runstone.storage.roots import Place, Roots

# Reading YAML takes a second a megabyte.
SIZE_LIMIT = 64_000
COLUMNS_LIMIT = 2000
SIDES = ("inputs", "outputs", "params")


@dataclass(frozen=True)
class ModelFiles:
    """`signature` has (name, type, note) of what goes in and comes out; `entries` are (name, size) of the files beside them."""

    signature: dict[str, list[tuple[str, str, str]]] = field(default_factory=dict)
    flavors: list[str] = field(default_factory=list)
    requirements: list[str] = field(default_factory=list)
    entries: list[tuple[str, str]] = field(default_factory=list)


async def model_files(request: Request, uri: str) -> ModelFiles:
    """Empty for a model whose files are elsewhere, or that has none."""
    roots: Roots = request.app.state.roots
    try:
        place = roots.place(uri)
        listed = await place.store.entries(place.below(""), "", 1000)
    except (InvalidParameter, NotFound):
        return ModelFiles()
    sizes = [(entry.name + ("/" if entry.is_dir else ""), str(entry.size or 0)) for entry in listed]
    found = {entry.name for entry in listed}
    about = await _text(place, "MLmodel") if "MLmodel" in found else ""
    packages = await _text(place, "requirements.txt") if "requirements.txt" in found else ""
    signature, flavors = await asyncio.to_thread(_parsed, about)
    lines = [line.strip() for line in packages.splitlines() if line.strip() and not line.lstrip().startswith("#")]
    return ModelFiles(signature, flavors, lines[:COLUMNS_LIMIT], sorted(sizes))


async def _text(place: Place, name: str) -> str:
    file = await place.store.open(place.below(name))
    try:
        if file.stat.size > SIZE_LIMIT:
            return ""
        return b"".join([part async for part in file.pieces(0, file.stat.size)]).decode("utf-8", "replace")
    finally:
        file.close()


def _parsed(text: str) -> tuple[dict[str, list[tuple[str, str, str]]], list[str]]:
    try:
        content = yaml.safe_load(text) if text else None
    except (yaml.YAMLError, RecursionError, ValueError):
        return {}, []
    if not isinstance(content, dict):
        return {}, []
    signature, flavors = content.get("signature"), content.get("flavors")
    sides = {side: _columns(signature.get(side)) for side in SIDES} if isinstance(signature, dict) else {}
    return {side: found for side, found in sides.items() if found}, [str(name) for name in flavors] if isinstance(
        flavors, dict
    ) else []


def _columns(text: Any) -> list[tuple[str, str, str]]:
    try:
        listed = json.loads(text) if isinstance(text, str) else text
    except (ValueError, RecursionError):
        return []
    if not isinstance(listed, list):
        return []
    return [_column(item, number) for number, item in enumerate(listed[:COLUMNS_LIMIT]) if isinstance(item, dict)]


def _column(item: dict[str, Any], number: int) -> tuple[str, str, str]:
    tensor = item.get("tensor-spec")
    kind, note = str(item.get("type", "")), ""
    if isinstance(tensor, dict):
        kind, note = f"tensor of {tensor.get('dtype', '')}", f"shape {tensor.get('shape', '')}"
    elif "default" in item:
        note = f"default {item['default']}"
    elif item.get("required") is False:
        note = "optional"
    return str(item.get("name", f"column {number}"))[:400], kind[:100], note[:400]
