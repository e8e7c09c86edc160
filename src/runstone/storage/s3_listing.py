"""The names in a folder of an S3 store, in the order of their names, page by page. Runs in threads.

S3 has no folders: with a delimiter it answers keys and common prefixes. It sorts them as keys, so that `run/` stands behind
`run.txt`, while names sort the other way: folders whose turn comes before the store tells them are asked for. A store that
tells them by name is understood as well.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from runstone.storage.locations import Bucket
from runstone.storage.paths import RESERVED_PREFIX
from runstone.storage.s3_client import code_of
from runstone.storage.store import Entry, Found, Leftovers

PAGE = 1000


def entries(client: Any, bucket: str, folder: str, after: str, limit: int | None) -> list[Entry]:
    """`folder` is a key prefix that ends with a slash, or ''."""
    found: dict[str, Entry] = {}
    for told, ended in _raw(client, bucket, folder, after, limit):
        found.update((_key(entry), entry) for entry in told if entry.name > after and _is_artifact(entry.name))
        if limit is not None and len(found) >= limit:
            last = sorted(found.values(), key=by_name)[limit - 1].name
            for name in _hidden_folders(last, after, told, ended):
                if f"{name}/" not in found and has_children(client, bucket, f"{folder}{name}/"):
                    found[f"{name}/"] = Entry(name, True)
            break
    return sorted(found.values(), key=by_name)[:limit]


def pages(client: Any, bucket: str, folder: str, after: str = "") -> Iterator[list[Entry]]:
    """All that `entries` answers, in lists of at most 2000, for about one request each: names that may stand behind a folder
    wait for the next answer. Where many would have to wait, the store is asked for the folder, once.
    """
    waiting = list[Entry]()
    known: dict[str, bool] = {}  # folders that names on both sides of an answer's end may hide: whether they are there
    for told, ended in _raw(client, bucket, folder, after, None):
        fresh = [entry for entry in told if entry.name > after and _is_artifact(entry.name)]
        waiting += [entry for entry in fresh if not known.get(_key(entry))]
        known.update((_key(entry), True) for entry in fresh if entry.is_dir)
        kept = list[Entry]()
        for name in _hidden_folders(told[-1].name, after, told, ended):
            if f"{name}/" in known:
                continue
            kept = [entry for entry in waiting if entry.name.startswith(name)]
            if len(kept) <= PAGE // 2:
                waiting = [entry for entry in waiting if not entry.name.startswith(name)]
                break
            kept, known[f"{name}/"] = [], has_children(client, bucket, f"{folder}{name}/")
            if known[f"{name}/"]:
                waiting.append(Entry(name, True))
        if waiting:
            yield sorted(waiting, key=by_name)
        waiting = kept
        known = {key: there for key, there in known.items() if told[-1].name.startswith(key[:-1])}
    if waiting:
        yield sorted(waiting, key=by_name)


def _hidden_folders(name: str, after: str, told: list[Entry], ended: bool) -> list[str]:
    """Folders whose keys sort behind all that the store has told though their names sort before `name`: its beginnings before
    a character below '/'. The shortest first.
    """
    beginnings = [] if ended else [name[:at] for at in range(1, len(name)) if name[at] < "/"]
    return [beginning for beginning in beginnings if beginning > after and f"{beginning}/" > _key(told[-1])]


def _key(entry: Entry) -> str:
    return entry.name + "/" * entry.is_dir


def by_name(entry: Entry) -> tuple[str, bool]:
    return entry.name, entry.is_dir


def merged(listed: list[Entry], coming: list[Entry]) -> list[Entry]:
    """In the order of the names; of two entries that are the same, what is coming."""
    if not coming:
        return listed
    return sorted({_key(entry): entry for entry in (*listed, *coming)}.values(), key=by_name)


def has_children(client: Any, bucket: str, prefix: str) -> bool:
    answer = client.list_objects_v2(Bucket=bucket, Prefix=prefix, MaxKeys=1)
    return bool(answer.get("Contents"))


def keys(client: Any, bucket: str, prefix: str) -> Iterator[list[str]]:
    """All keys that begin with `prefix`, in pages of at most 1000."""
    query: dict[str, Any] = {"Bucket": bucket, "Prefix": prefix, "MaxKeys": PAGE}
    while True:
        answer = client.list_objects_v2(**query)
        page = [item["Key"] for item in answer.get("Contents", ())]
        if page:
            yield page
        if not answer.get("IsTruncated"):
            return
        query["ContinuationToken"] = answer["NextContinuationToken"]


def folders_in(client: Any, bucket: str, folder: str, requests: int) -> set[str] | None:
    """The names of the folders in `folder`; None for one that would take more than so many requests."""
    found = set[str]()
    for number, (told, ended) in enumerate(_raw(client, bucket, folder, "", None), 1):
        found |= {entry.name for entry in told if entry.is_dir}
        if not ended and number == requests:
            return None
    return found


def folders_below(client: Any, bucket: str, prefix: str) -> list[str]:
    """The prefixes that the store still shows below `prefix`, the deepest first."""
    found, waiting = list[str](), [prefix]
    while waiting:
        folder = waiting.pop()
        told = (entry for page, _ in _raw(client, bucket, folder, "", None) for entry in page)
        below = [f"{folder}{entry.name}/" for entry in told if entry.is_dir and entry.name]
        found += below
        waiting += below
    return found[::-1]


def _raw(client: Any, bucket: str, folder: str, after: str, limit: int | None) -> Iterator[tuple[list[Entry], bool]]:
    """What each answer tells, in the order of the keys, and whether it is the last."""
    query: dict[str, Any] = {"Bucket": bucket, "Prefix": folder, "Delimiter": "/", "MaxKeys": min(PAGE, (limit or PAGE) + 1)}
    if after:
        query["StartAfter"] = folder + after
    while True:
        answer = client.list_objects_v2(**query)
        page = [Entry(item["Key"][len(folder) :], False, item["Size"]) for item in answer.get("Contents", ())]
        page += [Entry(item["Prefix"][len(folder) : -1], True) for item in answer.get("CommonPrefixes", ())]
        page.sort(key=_key)
        ended = not answer.get("IsTruncated")
        if page:
            yield page, ended
        if ended:
            return
        query["ContinuationToken"] = answer["NextContinuationToken"]
        query.pop("StartAfter", None)


def files(client: Any, root: Bucket, folder: str) -> Iterator[list[Found]]:
    """All files below `folder`, a key or ''."""
    above = len(root.key(""))
    query: dict[str, Any] = {"Bucket": root.name, "Prefix": root.key(f"{folder}/" if folder else ""), "MaxKeys": PAGE}
    while True:
        answer = client.list_objects_v2(**query)
        items = [(item["Key"][above:], item) for item in answer.get("Contents", ())]
        page = [Found(key, item["Size"], item["LastModified"].timestamp()) for key, item in items if _is_reachable(key)]
        if page:
            yield page
        if not answer.get("IsTruncated"):
            return
        query["ContinuationToken"] = answer["NextContinuationToken"]


def leftovers(client: Any, root: Bucket, older_than: float, *, remove: bool) -> Leftovers:
    """Uploads in parts that were begun `older_than` seconds ago and are not completed; aborted if so wished."""
    now, count, size = datetime.now(UTC), 0, 0
    pages = client.get_paginator("list_multipart_uploads").paginate(Bucket=root.name, Prefix=root.key(""))
    for upload in [found for page in pages for found in page.get("Uploads", ())]:
        if (now - upload["Initiated"]).total_seconds() < older_than:
            continue
        named = {"Bucket": root.name, "Key": upload["Key"], "UploadId": upload["UploadId"]}
        try:
            parts = client.get_paginator("list_parts").paginate(**named)
            size += sum(part["Size"] for page in parts for part in page.get("Parts", ()))
            if remove:
                client.abort_multipart_upload(**named)
        except Exception as error:
            if code_of(error) != "NoSuchUpload":
                raise
            continue  # it ended meanwhile
        count += 1
    return Leftovers(count, size)


def _is_reachable(key: str) -> bool:
    return all(map(_is_artifact, key.split("/")))


def _is_artifact(name: str) -> bool:
    """Not the marker of a folder itself, nor names that the API refuses."""
    return name not in ("", ".", "..") and not name.startswith(RESERVED_PREFIX) and "/" not in name
