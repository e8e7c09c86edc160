"""What a form did, said on the page that follows it: `?done=run-deleted&id=...`, with the way back where there is one."""

from __future__ import annotations

import re
from dataclasses import dataclass

from fastapi import Request

_ID = re.compile(r"[0-9a-zA-Z]{1,36}\Z")
# What was done, and the path of the form that takes it back.
_DONE = {
    "experiment-created": ("Experiment created.", ""),
    "experiment-renamed": ("Experiment renamed.", ""),
    "experiment-deleted": ("Experiment moved to the trash, with its runs.", "/experiments/{id}/restore"),
    "experiment-restored": ("Experiment restored, with its runs.", ""),
    "run-deleted": ("Run moved to the trash.", "/runs/{id}/restore"),
    "run-restored": ("Run restored.", ""),
}


@dataclass(frozen=True)
class Toast:
    said: str
    undo: str


def toast_of(request: Request) -> Toast | None:
    said, undo = _DONE.get(request.query_params.get("done", ""), ("", ""))
    number = request.query_params.get("id", "")
    if not said or (undo and not _ID.match(number)):
        return None
    return Toast(said, undo.format(id=number))
