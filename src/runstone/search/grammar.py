"""Tokens to a small tree: comparisons joined by AND, OR, NOT and brackets. Knows no tables and no fields.

filter      := disjunction
disjunction := conjunction (OR conjunction)*
conjunction := negation (AND negation)*
negation    := NOT negation | '(' disjunction ')' | comparison
comparison  := field (operator value | [NOT] IN (value, ...) | [NOT] BETWEEN value AND value
                      | [NOT] LIKE string | [NOT] ILIKE string | IS [NOT] NULL)
field       := name | entity.key | MIN(field) | MAX(field) | LATEST(field)
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass

from runstone.errors import InvalidParameter
from runstone.search.tokens import Token, tokenize

DEPTH_LIMIT = 50
COMPARISON_LIMIT = 200
LIST_LIMIT = 1000
FUNCTIONS = ("MIN", "MAX", "LATEST")
OPERATORS = ("=", "!=", "<", "<=", ">", ">=")

# A quoted text or a number, as written.
Value = str | int | float


@dataclass(frozen=True, slots=True)
class Field:
    """`entity` is '' for a bare attribute; `function` is MIN, MAX, LATEST or ''."""

    entity: str
    key: str
    function: str
    position: int


@dataclass(frozen=True, slots=True)
class Comparison:
    """`values` holds one value, two for BETWEEN, many for IN, none for IS NULL; `position` is where they begin."""

    field: Field
    operator: str
    values: tuple[Value, ...]
    position: int


@dataclass(frozen=True, slots=True)
class Not:
    part: Node


@dataclass(frozen=True, slots=True)
class And:
    parts: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Or:
    parts: tuple[Node, ...]


Node = Comparison | Not | And | Or


def parse(text: str) -> Node | None:
    """The tree of `text`, or None for an empty one. Raises `InvalidParameter` that points at the character."""
    tokens = tokenize(text)
    if len(tokens) == 1:
        return None
    parser = _Parser(tokens)
    tree = parser.disjunction(0)
    parser.expect_end()
    return tree


def comparisons(text: str | None) -> list[Comparison]:
    """Every comparison in `text`, however it is nested: for rules that depend on what a filter asks about."""
    waiting: list[Node | None] = [parse(text) if text else None]
    found: list[Comparison] = []
    while waiting:
        node = waiting.pop()
        if isinstance(node, Comparison):
            found.append(node)
        elif isinstance(node, Not):
            waiting.append(node.part)
        elif node is not None:
            waiting.extend(node.parts)
    return found


def conjuncts(node: Node) -> list[Node]:
    """What all must hold for `node` to hold, brackets of ANDs opened."""
    if not isinstance(node, And):
        return [node]
    return [found for part in node.parts for found in conjuncts(part)]


def split_name(name: str) -> tuple[str, str]:
    """`metrics.`a b`` to ("metrics", "a b"); a bare name has the entity ''."""
    entity, dot, key = name.partition(".")
    if not dot:
        return "", _unquoted(name)
    return _unquoted(entity.strip()), _unquoted(key.strip())


def _unquoted(name: str) -> str:
    if len(name) >= 2 and name[0] == name[-1] and name[0] in "`\"'":
        return name[1:-1] if name[0] == "`" else name[1:-1].replace(name[0] * 2, name[0])
    return name


class _Parser:
    def __init__(self, tokens: list[Token]) -> None:
        self._tokens = tokens
        self._next = 0
        self._comparisons = 0

    @property
    def _token(self) -> Token:
        return self._tokens[self._next]

    def _take(self) -> Token:
        token = self._token
        if token.kind != "end":
            self._next += 1
        return token

    def _at(self, kind: str) -> bool:
        return self._token.kind == kind

    def _accept(self, *words: str) -> bool:
        if self._token.word in words and words:
            self._next += 1
            return True
        return False

    def disjunction(self, depth: int) -> Node:
        if depth > DEPTH_LIMIT:
            raise InvalidParameter(f"Invalid filter: brackets and NOT are nested more than {DEPTH_LIMIT} deep.")
        parts = [self._conjunction(depth)]
        while self._accept("OR"):
            parts.append(self._conjunction(depth))
        return parts[0] if len(parts) == 1 else Or(tuple(parts))

    def _conjunction(self, depth: int) -> Node:
        parts = [self._negation(depth)]
        while self._accept("AND"):
            parts.append(self._negation(depth))
        return parts[0] if len(parts) == 1 else And(tuple(parts))

    def _negation(self, depth: int) -> Node:
        negated = False
        steps = depth
        while self._accept("NOT"):
            negated = not negated
            steps += 1
            if steps > DEPTH_LIMIT:
                raise InvalidParameter(f"Invalid filter: brackets and NOT are nested more than {DEPTH_LIMIT} deep.")
        if self._token.kind == "open":
            self._take()
            inner = self.disjunction(steps + 1)
            self._expect("close", "a closing bracket")
        else:
            inner = self._comparison()
        return Not(inner) if negated else inner

    def _comparison(self) -> Node:
        self._comparisons += 1
        if self._comparisons > COMPARISON_LIMIT:
            raise InvalidParameter(f"Invalid filter: it has more than {COMPARISON_LIMIT} comparisons. Use IN for lists.")
        field = self._field()
        token = self._take()
        if token.kind == "operator":
            if token.text not in OPERATORS:
                raise _wrong(token, f"Invalid comparator {token.text!r}: use one of {', '.join(OPERATORS)}")
            return Comparison(field, token.text, position=self._token.position, values=(self._value(field),))
        if token.word == "IS":
            absent = not self._accept("NOT")
            if not self._accept("NULL"):
                raise _wrong(self._token, "IS must be followed by NULL or NOT NULL")
            return Comparison(field, "IS NULL" if absent else "IS NOT NULL", (), token.position)
        negated = token.word == "NOT"
        if negated:
            token = self._take()
        return self._word_comparison(field, token, negated)

    def _word_comparison(self, field: Field, token: Token, negated: bool) -> Node:
        start = self._token.position
        if token.word == "IN":
            return Comparison(field, "NOT IN" if negated else "IN", self._list(), start)
        if token.word in ("LIKE", "ILIKE"):
            compared = Comparison(field, token.word, (self._value(field),), start)
            return Not(compared) if negated else compared
        if token.word == "BETWEEN":
            low = self._value(field)
            if not self._accept("AND"):
                raise _wrong(self._token, "BETWEEN needs two values with AND between them")
            between = Comparison(field, "BETWEEN", (low, self._value(field)), start)
            return Not(between) if negated else between
        raise _wrong(token, "a comparison was expected, such as = 'value', > 5, LIKE 'a%', IN ('a', 'b') or IS NULL")

    def _field(self) -> Field:
        token = self._take()
        if token.kind == "string" and token.text[0] != "'":
            return Field("", token.unquoted, "", token.position)
        if token.kind in ("number", "string"):
            found = f"Expected 'Identifier' found '{token.text[:60]}'"
            raise InvalidParameter(
                f"Invalid comparison clause. {found} at character {token.position}: a comparison starts with its field, "
                "such as metrics.accuracy or status."
            )
        if token.kind != "name":
            raise _wrong(token, "a field was expected, such as metrics.accuracy or status")
        if token.word in FUNCTIONS and self._token.kind == "open":
            self._take()
            inner = self._field()
            self._expect("close", "a closing bracket")
            if inner.function:
                raise _wrong(token, f"{token.word} cannot hold another function")
            return Field(inner.entity, inner.key, token.word, inner.position)
        entity, key = split_name(token.text)
        return Field(entity, key, "", token.position)

    def _value(self, field: Field | None = None) -> Value:
        token = self._take()
        if token.kind == "string" and token.text[0] != "`":
            return token.unquoted
        if token.kind == "number":
            return number_of(token)
        if token.kind not in ("name", "string"):
            raise _wrong(token, "a value was expected: a 'quoted text' or a number")
        found = token.text[:60]
        if field is not None and field.entity in ("metric", "metrics"):
            raise InvalidParameter(
                f"Expected numeric value type for metric. Found {found} at character {token.position}: metrics compare with numbers."
            )
        raise _wrong(
            token,
            "Parameter value is either not quoted or unidentified quote types used for string value "
            f"{found}. Use either single or double quotes",
        )

    def _list(self) -> tuple[Value, ...]:
        self._expect("open", "an opening bracket")
        if self._at("close"):
            raise self._bad_list("empty list")
        values: list[Value] = []
        while not self._at("close"):
            if self._at("comma"):
                raise self._bad_list("ill-formed list")
            values.append(self._value())
            if len(values) > LIST_LIMIT:
                raise InvalidParameter(f"Invalid filter: a list may hold at most {LIST_LIMIT} values.")
            if not self._at("comma"):
                break
            self._take()  # one may stand behind the last value too: clients in Python write lists of one as ('a',)
        self._expect("close", "a closing bracket")
        return tuple(values)

    def _bad_list(self, found: str) -> InvalidParameter:
        return InvalidParameter(
            "While parsing a list in the query, expected a non-empty list of string values, but got "
            f"{found} at character {self._token.position}."
        )

    def _expect(self, kind: str, described: str) -> None:
        token = self._take()
        if token.kind != kind:
            raise _wrong(token, f"{described} was expected")

    def expect_end(self) -> None:
        if self._token.kind != "end":
            raise _wrong(self._token, "the filter should end here, or go on with AND or OR")


def number_of(token: Token) -> int | float:
    """Raises for a number that no 64-bit type holds."""
    text = token.text
    if re.fullmatch(r"[-+]?\d+", text):
        if len(text) > 20 or not -(2**63) <= int(text) < 2**63:
            raise _wrong(token, "the number does not fit into 64 bits")
        return int(text)
    number = float(text)
    if not math.isfinite(number):
        raise _wrong(token, "the number does not fit into 64 bits")
    return number


def _wrong(token: Token, reason: str) -> InvalidParameter:
    found = repr(token.text[:60]) if token.kind != "end" else "the end"
    return InvalidParameter(f"Invalid clause(s) in filter string: at character {token.position}, {found}: {reason}.")
