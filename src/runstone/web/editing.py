"""What can be edited of a thing: its name, its text in Markdown, its tags. One page and one set of forms for every noun."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Protocol

from fastapi import Request, Response
from sqlalchemy import Connection

from runstone.core import names
from runstone.core.scope import Context
from runstone.errors import AlreadyExists, ChangedMeanwhile, InvalidParameter, NotFound, RunstoneError
from runstone.web.formats import mark
from runstone.web.forms import form_fields, text_of, to_the_letter
from runstone.web.templating import go, link, page, wants_part
from runstone.web.toasts import Toast, named, told
from runstone.web.values import TAGS_SIZE, Asked, Listed, asked_part, cut, kept_of, pair_text


@dataclass(frozen=True)
class Editable:
    """`name` is None for what cannot be renamed; `crumbs` are (path, text) of the pages above."""

    noun: str
    name: str | None
    text: str
    tags: list[tuple[str, str]]
    title: str
    crumbs: list[tuple[str, str]] = field(default_factory=list)
    text_label: str = "Note"
    name_limit: int = 500
    area: str = "experiments"
    # What a toast calls it, when noun and title are not enough.
    called: str = ""

    @property
    def seen(self) -> str:
        """Another name or text has another one: a form that was opened before somebody else saved is told by it."""
        return hashlib.sha256(json.dumps([self.name, self.text]).encode()).hexdigest()[:16]


class Subject(Protocol):
    """One thing that is edited. Its methods run inside a transaction and raise errors in words for people."""

    @property
    def base(self) -> str:
        """The path of its page."""
        ...

    def load(self, connection: Connection) -> Editable: ...

    def save(self, connection: Connection, name: str | None, text: str) -> None: ...

    def put_tag(self, connection: Connection, key: str, value: str) -> None: ...

    def drop_tag(self, connection: Connection, key: str) -> None: ...


async def show(request: Request, ctx: Context, subject: Subject, status: int = 200, **typed: Any) -> Response:
    """`typed` holds what was typed and refused: `problem` and the fields, `form` is "text" or "tag"."""
    found = await ctx.db.read(subject.load)
    given = {"form": "", "problem": "", "name": found.name, "text": found.text, "key": "", "value": "", "seen": ""} | typed
    listed = _listed(request, found)
    if asked_part(request, ("tags",)):
        return page(request, "edit/_tag_rows.html", listed=listed, base=subject.base, given=given, kept=kept_of([listed]))
    return page(
        request, "edit/page.html", status, address=_edit(request, subject) if status >= 400 else "", area=found.area, found=found, base=subject.base, given=given, listed=listed,
        kept=kept_of([listed]),
    )  # fmt: skip


def _edit(request: Request, subject: Subject) -> str:
    return link(request.app.state.settings.static_prefix, f"{subject.base}/edit")


def _listed(request: Request, found: Editable) -> Listed:
    return cut(Asked.of(request.query_params, "tags"), found.tags, pair_text, TAGS_SIZE)


async def save(request: Request, ctx: Context, subject: Subject, renamed_base: Callable[[str], str] | None = None) -> Response:
    """Name and text. `renamed_base` gives the path of the page when that has the name in it."""
    fields = await form_fields(request)
    name = fields.get("name")
    name = None if name is None else name.strip()

    def change(connection: Connection) -> Editable:
        before = subject.load(connection)
        if fields.get("seen", before.seen) != before.seen:
            raise AlreadyExists(
                "This was changed while you typed, and nothing was saved. Below is what it says now; Save puts yours in its place."
            )
        subject.save(connection, name if before.name is not None else None, text_of(fields, "text", before.text))
        return before

    try:
        before = await ctx.db.write(change)
    except NotFound as error:
        if "text/html" not in request.headers.get("accept", ""):
            raise
        return page(request, "edit/gone.html", 404, problem=error.message, name=name, text=text_of(fields, "text"))
    except RunstoneError as error:
        return await show(
            request, ctx, subject, error.status, form="text", problem=error.message, name=name, text=text_of(fields, "text"),
            seen=fields.get("seen", ""),
        )  # fmt: skip
    base = renamed_base(name) if renamed_base and name else subject.base
    undo = {"undo": f"{base}/edit", **to_the_letter("text", before.text)} | ({} if before.name is None else {"name": before.name})
    called = before.called or f"{before.noun.capitalize()} {named(before.title)}"
    said = f"{called} is now {named(name)}." if name and name != before.name else f"{called} changed."
    return go(request, base, **told(ctx, said, **undo))


async def tag(request: Request, ctx: Context, subject: Subject) -> Response:
    """Sets the tag `key` to `value`, or removes it when `remove` is sent. `back` is "edit" for forms of the page of editing.
    Who edits tags where they stand gets them anew, as a part.
    """
    fields = await form_fields(request)
    key, remove = fields.get("key", ""), bool(fields.get("remove"))

    def change(connection: Connection) -> tuple[str, str | None]:
        tags = dict(subject.load(connection).tags)
        named_key = key if key in tags else key.strip()
        if not named_key:
            raise InvalidParameter("Give the tag a name.")
        before = tags.get(named_key)
        if remove:
            subject.drop_tag(connection, named_key)
            return named_key, before
        wanted = text_of(fields, "value", before)
        if fields.get("seen", mark(before or "")) != mark(before or "") and wanted != before:
            now = f"now says {names.shown(before)}" if before is not None else "is gone now"
            raise ChangedMeanwhile(
                f"This tag {now}: somebody else changed it while you typed. Nothing was saved; Set puts yours in its place."
            )
        subject.put_tag(connection, named_key, wanted)
        return named_key, before

    try:
        key, before = await ctx.db.write(change)
    except RunstoneError as error:
        if error.status == 404:
            raise
        typed = {"problem": error.message, "key": key, "value": text_of(fields, "value")}
        if wants_part(request):
            return await _tags(request, ctx, subject, typed, None)
        return await show(request, ctx, subject, error.status, form="tag", **typed)
    said = f"Tag {named(key)} {'removed' if remove else 'set' if before is None else 'changed'}."
    undo = {"key": key, **(to_the_letter("value", before) if before is not None else {"remove": "yes"})}
    if wants_part(request):
        return await _tags(
            request, ctx, subject, {"problem": "", "key": "", "value": ""}, Toast(said, f"{subject.base}/tags", undo)
        )
    back = f"{subject.base}/edit" if fields.get("back") == "edit" else subject.base
    place = {name: request.query_params.get(name, "") for name in ("tags", "tags_page")}
    return go(request, back, **place, **told(ctx, said, undo=f"{subject.base}/tags", back=fields.get("back", ""), **undo))


async def _tags(request: Request, ctx: Context, subject: Subject, given: dict[str, str], toast: Toast | None) -> Response:
    found = await ctx.db.read(subject.load)
    status, listed = 400 if given["problem"] else 200, _listed(request, found)
    return page(
        request, "edit/_tags.html", status, base=subject.base, given=given, toast=toast, listed=listed, kept=kept_of([listed])
    )
