"""JSON and YAML as a tree: every value as it is written, numbers unrounded, keys in their order and as often as they stand there."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import yaml

from runstone.previews import tables, text
from runstone.previews.looks import Asked, Bytes, Column, Node, Table, Text, Tree
from runstone.previews.source import Source, Unreadable

JSON_LIMIT, YAML_LIMIT = 4_000_000, 1_000_000
NODES_LIMIT, CHILDREN_LIMIT, DEPTH_LIMIT = 3_000, 200, 60
TEXT_LIMIT = 2_000


class _Number(str):
    """A number as it is written."""

    __slots__ = ()


class _Pairs(list[tuple[str, Any]]):
    """An object's members, in order, also those that stand there twice."""


def look_at_json(source: Source, asked: Asked) -> Tree | Table | Text | Bytes:
    if asked.plain or source.size > JSON_LIMIT:
        return _as_text(source, asked, "" if asked.plain else "It is too large to be taken apart here.")
    try:
        value = parse_json(source.read(0, source.size))
    except (ValueError, RecursionError) as error:
        nested = isinstance(error, RecursionError)
        return _as_text(source, asked, "It is nested too deeply to be taken apart." if nested else "It is not valid JSON.")
    table = _split_table(value, asked)
    if table is not None:
        return table
    budget = _Budget()
    root = _node("", value, budget, 0)
    return Tree([root], budget.note)


def parse_json(data: bytes) -> Any:
    """Objects as lists of pairs, numbers as text. Raises ValueError, RecursionError."""
    found, _ = text.decoded(data)
    if found is None:
        raise ValueError("no text")
    return json.loads(found, object_pairs_hook=_Pairs, parse_int=_Number, parse_float=_Number, parse_constant=_Number)


def members(value: Any) -> dict[str, Any]:
    """Of an object; empty for anything else."""
    return dict(value) if isinstance(value, _Pairs) else {}


def _as_text(source: Source, asked: Asked, note: str) -> Text | Bytes:
    found = text.look(source, asked)
    found.note = note
    return found


class _Budget:
    """How many values may still be shown."""

    def __init__(self, characters: int = TEXT_LIMIT) -> None:
        self.left = NODES_LIMIT
        self.characters = characters  # of each text
        self.cut = False

    @property
    def note(self) -> str:
        return f"The first {NODES_LIMIT} values are shown, and {CHILDREN_LIMIT} of each list." if self.cut else ""


def _node(label: str, value: Any, budget: _Budget, depth: int) -> Node:
    budget.left -= 1
    if isinstance(value, _Pairs):
        return _branch("map", label, value, len(value), budget, depth)
    if isinstance(value, list):
        return _branch("list", label, ((str(i), item) for i, item in enumerate(value)), len(value), budget, depth)
    if isinstance(value, _Number):
        return Node("number", label, _cut(value))
    if isinstance(value, str):
        return Node("text", label, _cut(value))
    return Node("word", label, json.dumps(value))


def _branch(sort: str, label: str, pairs: Any, count: int, budget: _Budget, depth: int) -> Node:
    made = Node(sort, label, count=count, children=[])
    for i, (key, item) in enumerate(pairs):
        if budget.left <= 0 or i >= CHILDREN_LIMIT or depth >= DEPTH_LIMIT:
            budget.cut = True
            made.children.append(Node("more", text=f"{count - i} more"))
            break
        made.children.append(_node(_cut(key), item, budget, depth + 1))
    return made


def _cut(value: str, limit: int = TEXT_LIMIT) -> str:
    value = text.sound(value)
    return value if len(value) <= limit else f"{value[:limit]}… ({len(value)} characters)"


def _split_table(value: Any, asked: Asked) -> Table | None:
    """`{"columns": [...], "data": [[...]]}`, as tables and input examples are logged."""
    found = members(value)
    names, rows = found.get("columns"), found.get("data")
    if not isinstance(names, list) or isinstance(names, _Pairs) or not isinstance(rows, list) or isinstance(rows, _Pairs):
        return None
    if set(found) - {"columns", "data", "index"} or not names or not all(isinstance(row, list) for row in rows):
        return None
    start = max(0, asked.at or 0)
    shown = rows[start : start + tables.ROWS]
    cells = [[_cell(item) for item in row[: tables.COLUMNS]] for row in shown]
    numeric = [all(isinstance(row[i], _Number) for row in shown if i < len(row)) for i in range(min(len(names), tables.COLUMNS))]
    columns = [Column(str(_cell(name)), "", number) for name, number in zip(names, numeric, strict=False)]
    following = start + len(shown)
    return Table(columns, cells, len(names), start + 1, len(rows), following if following < len(rows) else None)


def _cell(value: Any) -> str | None:
    if value is None:
        return None
    if isinstance(value, str):
        return tables.cut(value)
    return tables.cut(json.dumps(_plain(value), ensure_ascii=False))


def _plain(value: Any) -> Any:
    if isinstance(value, _Pairs):
        return {key: _plain(item) for key, item in value}
    return [_plain(item) for item in value] if isinstance(value, list) else value


def look_at_yaml(source: Source, asked: Asked) -> Tree | Text | Bytes:
    if asked.plain or source.size > YAML_LIMIT:
        return _as_text(source, asked, "" if asked.plain else "It is too large to be taken apart here.")
    found, _ = text.decoded(source.read(0, source.size))
    if found is None:
        return text.look(source, asked)
    budget = _Budget()
    try:
        roots = list(_documents(found, budget))
    except (yaml.YAMLError, RecursionError, ValueError):
        return _as_text(source, asked, "It is not valid YAML.")
    return Tree(roots, budget.note)


def _documents(found: str, budget: _Budget) -> Iterator[Node]:
    """From the events of the parser: an alias is shown as one, never followed, and no tag makes anything."""
    stack: list[tuple[Node, list[str]]] = []
    depth_skipped = 0
    for event in yaml.parse(found, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader)):
        if isinstance(event, yaml.CollectionEndEvent):
            if depth_skipped:
                depth_skipped -= 1
                continue
            made, _ = stack.pop()
            if not stack:
                yield made
            continue
        if not isinstance(event, yaml.NodeEvent):
            continue
        starts = isinstance(event, yaml.CollectionStartEvent)
        if depth_skipped or len(stack) >= DEPTH_LIMIT:
            depth_skipped += starts
            budget.cut = True
            continue
        node = _of_event(event, budget.characters)
        _hang(stack, node, budget)
        if starts:
            stack.append((node, []))
        elif not stack:
            yield node


def _hang(stack: list[tuple[Node, list[str]]], node: Node, budget: _Budget) -> None:
    """Into the collection that is open. In a map, every second node is a value and the one before it its key."""
    if not stack:
        return
    parent, key = stack[-1]
    if parent.sort == "map" and not key:
        key.append(node.text if node.sort not in ("map", "list") else "{…}")
        return
    node.label = key.pop() if parent.sort == "map" else str(parent.count)
    parent.count += 1
    if parent.count <= CHILDREN_LIMIT and budget.left > 0:
        budget.left -= 1
        parent.children.append(node)
    else:
        budget.cut = True
        if not parent.children or parent.children[-1].sort != "more":
            parent.children.append(Node("more", text="more"))


def _of_event(event: yaml.NodeEvent, characters: int) -> Node:
    if isinstance(event, yaml.AliasEvent):
        return Node("alias", text=f"*{event.anchor}")
    tag = event.tag if isinstance(event, yaml.ScalarEvent | yaml.CollectionStartEvent) and event.tag else ""
    if isinstance(event, yaml.ScalarEvent):
        quoted = bool(event.style)
        resolved = "" if quoted or tag else _RESOLVER.resolve(yaml.ScalarNode, event.value, (True, False)).rpartition(":")[2]
        sort = {"int": "number", "float": "number", "bool": "word", "null": "word"}.get(resolved, "text")
        return Node(sort, text=_cut(f"{tag} {event.value}" if tag else event.value or ("" if quoted else "null"), characters))
    return Node("map" if isinstance(event, yaml.MappingStartEvent) else "list", text=_cut(tag), children=[])


_RESOLVER = yaml.resolver.Resolver()


def plain_yaml(data: bytes) -> Any:
    """Maps, lists and texts of a small document. Raises `Unreadable`."""
    found, _ = text.decoded(data)
    budget = _Budget(characters=len(data))  # a signature is one long text of JSON
    try:
        roots = list(_documents(found or "", budget))
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        raise Unreadable("It is not valid YAML.") from error
    return value_of(roots[0]) if roots else None


def value_of(node: Node) -> Any:
    if node.sort == "map":
        return {child.label: value_of(child) for child in node.children if child.sort != "more"}
    if node.sort == "list":
        return [value_of(child) for child in node.children if child.sort != "more"]
    return None if node.sort == "word" and node.text in ("null", "~", "") else node.text
