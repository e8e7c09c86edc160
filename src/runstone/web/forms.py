"""Reading the small forms of the pages."""

from __future__ import annotations

import json
import re
from collections.abc import Collection
from dataclasses import dataclass
from urllib.parse import parse_qsl

from fastapi import Request

from runstone.core.jsonbody import refuse_unstorable_text
from runstone.core.names import check_length
from runstone.core.wire import read_body
from runstone.errors import InvalidParameter

STATE_FIELDS_LIMIT = 500
_LINE_END = re.compile(r"\r\n|\r|\n")


@dataclass(frozen=True)
class Refused:
    """What a small form of a page was sent, and why nothing was done: the page opens it again and says so beside the field.
    `form` tells which of its forms.
    """

    form: str = ""
    typed: str = ""
    problem: str = ""


NOTHING_REFUSED = Refused()


async def form_fields(request: Request) -> dict[str, str]:
    """The fields of an urlencoded form; of those of one name the last. Where a form may come from is checked for every write in
    core/frame.py.
    """
    return dict(await form_pairs(request))


async def form_pairs(request: Request, most: int = 200) -> list[tuple[str, str]]:
    """The same of a form with several fields of one name, at most `most`."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip()
    if kind not in ("application/x-www-form-urlencoded", ""):
        raise InvalidParameter("A form must be sent as application/x-www-form-urlencoded.")
    body = await read_body(request)
    try:
        pairs = parse_qsl(body.decode("utf-8"), keep_blank_values=True, errors="strict", max_num_fields=most)
    except ValueError as error:
        raise InvalidParameter(f"The form cannot be read: it must be UTF-8, and of at most {most} fields.") from error
    for _, value in pairs:
        refuse_unstorable_text(value)
    return pairs


def state_of(text: str, limit: int, forgotten: Collection[str]) -> dict[str, list[str]]:
    """The state of a table, which a form sends along as a query of at most `limit` characters, without the names `forgotten`: those
    are of one window of its rows, and behind a change it would be another one.
    """
    check_length(text, limit, "state")
    try:
        pairs = parse_qsl(text, max_num_fields=STATE_FIELDS_LIMIT)
    except ValueError as error:
        raise InvalidParameter(
            f"The state of the table cannot be read: state must be a query of at most {STATE_FIELDS_LIMIT} fields."
        ) from error
    found: dict[str, list[str]] = {}
    for name, value in pairs:
        if name not in forgotten:
            found.setdefault(name, []).append(value)
    return found


def text_of(fields: dict[str, str], name: str, stored: str | None = None) -> str:
    """What was typed into the field `name`, with the line ends that the text had before: browsers send CR LF whatever stood
    there. The field `<name>.json` holds a text that is meant to the letter.
    """
    whole = fields.get(f"{name}.json")
    if whole is None:
        return _like(fields.get(name, "").replace("\r\n", "\n").replace("\r", "\n"), stored or "")
    try:
        text = json.loads(whole)
    except ValueError:
        text = None
    if not isinstance(text, str):
        raise InvalidParameter(f"The form cannot be read: {name}.json must be a text in JSON.")
    refuse_unstorable_text(text)
    return text


def to_the_letter(name: str, text: str) -> dict[str, str]:
    """The field of a hidden form that gives `text_of` exactly this text."""
    return {f"{name}.json": json.dumps(text)}


def _like(typed: str, stored: str) -> str:
    ends = set(_LINE_END.findall(stored))
    if not ends - {"\n"}:
        return typed
    if _LINE_END.sub("\n", stored) == typed:
        return stored
    return typed.replace("\n", ends.pop()) if len(ends) == 1 else typed
