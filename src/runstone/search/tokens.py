"""Filter text to tokens."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from runstone.core.jsonbody import refuse_unstorable_text
from runstone.errors import InvalidParameter

LENGTH_LIMIT = 64 * 1024
TOKEN_LIMIT = 5000

Kind = Literal["name", "string", "number", "operator", "open", "close", "comma", "end"]

_PATTERN = re.compile(
    r"""
    (?P<space>\s+)
  | (?P<name>(?:[^\W\d]\w*|`\w+`(?=\s*\.))(?:\s*\.\s*(?:`[^`]*`|"(?:[^"]|"")*"|'(?:[^']|'')*'|[\w./:\-]*[\w/]))?)
  | (?P<string>'(?:[^']|'')*'|"(?:[^"]|"")*"|`[^`]*`)
  | (?P<number>[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?(?![\w.]))
  | (?P<operator><=|>=|!=|<>|==|~=|=~|=|<|>|~)
  | (?P<open>\() | (?P<close>\)) | (?P<comma>,)
    """,
    re.VERBOSE,
)


@dataclass(frozen=True, slots=True)
class Token:
    """`text` is as written; `position` counts characters from 1."""

    kind: Kind
    text: str
    position: int

    @property
    def word(self) -> str:
        """For keywords, whose case does not matter."""
        return self.text.upper() if self.kind == "name" else ""

    @property
    def unquoted(self) -> str:
        quote = self.text[0]
        return self.text[1:-1].replace(quote * 2, quote) if quote in "'\"" else self.text[1:-1]


def tokenize(text: str) -> list[Token]:
    """All tokens and an `end`. Raises `InvalidParameter` with the character where reading failed."""
    if len(text) > LENGTH_LIMIT:
        raise InvalidParameter(f"Invalid filter: it is longer than {LENGTH_LIMIT} characters.")
    refuse_unstorable_text(text)
    tokens: list[Token] = []
    position = 0
    while position < len(text):
        match = _PATTERN.match(text, position)
        if match is None or match.lastgroup is None:
            raise InvalidParameter(_unreadable(text, position))
        if match.lastgroup != "space":
            tokens.append(Token(match.lastgroup, match.group(), position + 1))  # type: ignore[arg-type]
            if len(tokens) > TOKEN_LIMIT:
                raise InvalidParameter(f"Invalid filter: it has more than {TOKEN_LIMIT} words and signs.")
        position = match.end()
    tokens.append(Token("end", "", len(text) + 1))
    return tokens


def _unreadable(text: str, position: int) -> str:
    sign = text[position]
    if sign == ";":
        return (
            f"Search filter contained multiple expression: there is a ';' at character {position + 1}. "
            "Join comparisons with AND or OR. Invalid clause(s) in filter string."
        )
    hint = "the quote is never closed" if sign in "'\"`" else f"{sign!r} has no meaning here"
    return f"Invalid clause(s) in filter string: {text[position : position + 40]!r}; at character {position + 1} {hint}."
