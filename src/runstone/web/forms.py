"""Reading the small forms of the pages."""

from __future__ import annotations

from urllib.parse import parse_qsl

from fastapi import Request

from runstone.core.jsonbody import refuse_unstorable_text
from runstone.core.wire import read_body
from runstone.errors import InvalidParameter


async def form_fields(request: Request) -> dict[str, str]:
    """The fields of an urlencoded form. Where a form may come from is checked for every write in core/frame.py."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip()
    if kind not in ("application/x-www-form-urlencoded", ""):
        raise InvalidParameter("A form must be sent as application/x-www-form-urlencoded.")
    body = await read_body(request)
    try:
        pairs = parse_qsl(body.decode("utf-8"), keep_blank_values=True, errors="strict", max_num_fields=200)
    except ValueError as error:
        raise InvalidParameter("The form cannot be read: it must be UTF-8.") from error
    for _, value in pairs:
        refuse_unstorable_text(value)
    return dict(pairs)
