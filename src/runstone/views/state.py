"""The state of a page, which is the query of its URL: what of it is kept in a view or a link, and under which short name."""

from __future__ import annotations

import base64
import hashlib
import re
from urllib.parse import parse_qsl, urlencode

from runstone.core import names
from runstone.core.jsonbody import refuse_unstorable_text
from runstone.errors import InvalidParameter

QUERY_LIMIT = 16_000
FIELDS_LIMIT = 500
NAME_LIMIT = 100
PATH_LIMIT = 2000
VIEWS_LIMIT = 200
# Where one stands in a list, and what was just said, are no part of what one looks at.
PASSING = {"after", "before", "told"}
CODE_BYTES = 7
# The pages that have a state. Never another host: no second slash at the start, no backslash.
_PAGE = re.compile(r"/(experiments|runs|models|logged-models|compare|search)(/[^/?#\\\s][^?#\\\s]*)?\Z")


def kept(query: str) -> str:
    """`query` in its one spelling, without what passes. Raises `InvalidParameter` for one that is too long or no query."""
    names.check_length(query, QUERY_LIMIT, "query")
    try:
        pairs = parse_qsl(query.removeprefix("?"), errors="strict", max_num_fields=FIELDS_LIMIT)
    except ValueError as error:
        raise InvalidParameter(
            "This state of the page cannot be kept: it is no query of a URL, or has too many parts."
        ) from error
    for pair in pairs:
        refuse_unstorable_text("".join(pair))
    return urlencode([(name, value) for name, value in pairs if name not in PASSING and (name, value) != ("view", "active")])


def checked_name(name: str) -> str:
    name = name.strip()
    if not name:
        raise InvalidParameter("Give the view a name.")
    return names.check_length(name, NAME_LIMIT, "name")


def checked_page(path: str) -> str:
    names.check_length(path, PATH_LIMIT, "path")
    if not _PAGE.match(path) or "/../" in f"{path}/":
        raise InvalidParameter("Only pages of this server can be linked to.")
    return path


def code_of(key: bytes, path: str, query: str) -> str:
    """The same state has the same code, so that sharing it twice keeps it once; nobody can guess one."""
    digest = hashlib.blake2b(f"link {path}?{query}".encode(), key=key, digest_size=CODE_BYTES).digest()
    return base64.b32encode(digest).decode("ascii").rstrip("=").lower()
