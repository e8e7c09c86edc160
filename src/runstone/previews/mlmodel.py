"""`MLmodel`: what a model is made of, what it takes and gives, how it is loaded."""

from __future__ import annotations

from typing import Any

from runstone.previews import tables, text
from runstone.previews.looks import Asked, Bytes, Field, Model, Text
from runstone.previews.source import Source, Unreadable
from runstone.previews.trees import members, parse_json, plain_yaml

SIZE_LIMIT = 1_000_000
FIELDS_LIMIT, FACTS_LIMIT = 2000, 40
_FACTS = {
    "mlflow_version": "mlflow", "utc_time_created": "created (UTC)", "run_id": "run", "model_id": "logged model", "model_uuid": "model uuid",
    "model_size_bytes": "size in bytes", "artifact_path": "artifact path", "is_signature_from_type_hint": "signature from type hints",
}  # fmt: skip
_LOADERS = ("sklearn", "pytorch", "tensorflow", "keras", "xgboost", "lightgbm", "catboost", "transformers", "onnx", "spark", "statsmodels",
            "langchain", "sentence_transformers", "spacy", "prophet")  # fmt: skip


def look(source: Source, asked: Asked) -> Model | Text | Bytes:
    if asked.plain or source.size > SIZE_LIMIT:
        return text.look(source, asked)
    try:
        return described(source.read(0, source.size))
    except Unreadable as error:
        shown = text.look(source, asked)
        shown.note = str(error)
        return shown


def described(data: bytes) -> Model:
    """What the file says. Raises `Unreadable` for what is no description of a model."""
    found = plain_yaml(data)
    flavors = found.get("flavors") if isinstance(found, dict) else None
    if not isinstance(found, dict) or not isinstance(flavors, dict):
        raise Unreadable("It names no flavors, so this is its text.")
    signature = found.get("signature")
    signature = signature if isinstance(signature, dict) else {}
    python = flavors.get("python_function")
    version = python.get("python_version") if isinstance(python, dict) else None
    facts = [("Python", _word(version))] if version else []
    facts += [(label, _word(found[key])) for key, label in _FACTS.items() if found.get(key) not in (None, "")]
    return Model(
        flavors=[(name, _pairs(options)) for name, options in flavors.items()],
        facts=facts,
        inputs=_fields(signature.get("inputs")),
        outputs=_fields(signature.get("outputs")),
        params=_fields(signature.get("params")),
        loads=next((name for name in flavors if name in _LOADERS), ""),
    )


def _pairs(options: Any) -> list[tuple[str, str]]:
    return [(key, _word(value)) for key, value in list(options.items())[:FACTS_LIMIT]] if isinstance(options, dict) else []


def _word(value: Any) -> str:
    if isinstance(value, dict):
        return tables.cut(", ".join(f"{key}: {_word(item)}" for key, item in list(value.items())[:20]))
    if isinstance(value, list):
        return tables.cut(", ".join(_word(item) for item in value[:20]))
    return "–" if value is None else tables.cut(str(value))


def _fields(schema: Any) -> list[Field]:
    """A signature's side is JSON in a text: a list of columns or tensors."""
    try:
        listed = parse_json(str(schema).encode("utf-8", "replace")) if schema else []
    except (ValueError, RecursionError):
        listed = []
    return [_field(members(item)) for item in listed[:FIELDS_LIMIT]] if isinstance(listed, list) else []


def _field(item: dict[str, Any]) -> Field:
    name, kind, shape = tables.cut(str(item.get("name") or "")), _kind(item), ""
    tensor = members(item.get("tensor-spec"))
    if tensor:
        kind, shape = tables.cut(str(tensor.get("dtype", "?"))), _shape(tensor.get("shape"))
    optional = item.get("required") is False or item.get("optional") is True
    default = item.get("default")
    return Field(name, kind, shape or _shape(item.get("shape")), optional, "" if default is None else tables.cut(str(default)))


def _kind(item: dict[str, Any], depth: int = 0) -> str:
    kind = str(item.get("type") or item.get("dtype") or "?")[:40]
    kind = tables.cut(kind)
    if depth < 6 and kind == "array":
        return f"array of {_kind(members(item.get('items')), depth + 1)}"
    if depth < 6 and kind == "object":
        names = list(members(item.get("properties")))
        return tables.cut(f"object ({', '.join(names[:20])})")
    return kind


def _shape(value: Any) -> str:
    return (
        " × ".join(tables.cut(str(size)[:20]) if str(size) != "-1" else "any" for size in value[:16])
        if isinstance(value, list)
        else ""
    )
