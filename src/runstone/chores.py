"""What the command line does with artifacts, and how it is told: `runstone artifacts verify` and `runstone gc`."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar

from runstone.artifacts.garbage import Collection, Report, Wish
from runstone.artifacts.records import Records
from runstone.artifacts.verifying import Finding, Summary, Verification
from runstone.artifacts.write_behind import WriteBehind
from runstone.core.clock import now_ms
from runstone.core.db import Database
from runstone.core.scope import DEFAULT_SCOPE
from runstone.settings import Settings
from runstone.storage.roots import Roots
from runstone.storage.s3_client import S3Access

_UNITS = {"d": 86_400, "h": 3_600, "m": 60, "s": 1}
_AGE = re.compile(r"(?:\d{1,9}[dhms])+\Z")

Say = Callable[[str], None]
T = TypeVar("T")


def seconds(text: str) -> int:
    """`30d`, `12h`, `1d12h30m5s`. Raises ValueError, in words for the operator."""
    if not _AGE.match(text):
        raise ValueError(f"--older-than {text!r} is no age. Write it as 30d, 12h or 1d12h30m.")
    return sum(int(number) * _UNITS[unit] for number, unit in re.findall(r"(\d+)([dhms])", text))


def open_roots(settings: Settings) -> Roots:
    """The stores as a server opens them, but nothing is made or swept. Raises OSError in words for the operator."""
    roots = Roots(settings.artifacts_destination, settings.default_artifact_root, S3Access.of(settings))
    roots.served.check()
    return roots


async def _beside_servers(db: Database, roots: Roots, work: Callable[[], Awaitable[T]]) -> T:
    """What servers have acknowledged is known, and in the store unless one of them is placing it."""
    behind = WriteBehind(on=False)
    await behind.begin(db, roots)
    await behind.hasten()
    return await work()


def verify(settings: Settings, db: Database, say: Say, *, quick: bool, adopt: bool) -> bool:
    """Whether all is well."""
    roots = open_roots(settings)
    try:
        records = Records(db, DEFAULT_SCOPE, roots)

        def tell(finding: Finding) -> None:
            say(str(finding))

        verification = Verification(records, roots.served, tell, quick=quick, adopt=adopt)
        summary = asyncio.run(_beside_servers(db, roots, verification.run))
    finally:
        roots.close()
    say(_told(summary, quick=quick))
    return not summary.found


def _told(summary: Summary, *, quick: bool) -> str:
    found = [f"{summary.found.get(kind, 0)} {kind}" for kind in ("missing", "altered", "orphaned", "unreadable")]
    how = "compared by size" if quick else "compared by SHA-256"
    lines = [
        f"{_counted(summary.records, 'record')} {how}, {_counted(summary.files, 'file')} in the store, {bytes_(summary.size)}.",
        f"{', '.join(found)}.",
    ]
    if summary.adopted:
        lines.append(f"{_counted(summary.adopted, 'file')} recorded that had no record.")
    elif summary.found.get("orphaned"):
        lines.append("Orphaned files are served, but nothing tells whether they are whole. --adopt records them as they are.")
    if summary.waiting:
        lines.append(f"{_counted(summary.waiting, 'file')} acknowledged, whole, and waiting in the database for the store.")
    if summary.unsettled:
        lines.append(f"{_counted(summary.unsettled, 'record')} of files that are being replaced or removed, not compared.")
    return "\n".join(lines)


def collect(
    settings: Settings,
    db: Database,
    say: Say,
    *,
    older_than: int,
    delete: bool,
    run_ids: Sequence[str] | None,
    experiment_ids: Sequence[int] | None,
    model_ids: Sequence[str] | None,
) -> bool:
    """Whether all that was wished for goes, or would."""
    roots = open_roots(settings)
    wish = Wish(now_ms() - older_than * 1000, delete, run_ids, experiment_ids, model_ids)
    try:
        collection = Collection(Records(db, DEFAULT_SCOPE, roots), roots, settings.experiment_root, wish)
        report = asyncio.run(_beside_servers(db, roots, collection.run))
    finally:
        roots.close()
    named = [*(run_ids or ()), *map(str, experiment_ids or ()), *(model_ids or ())]
    missed = [name for name in named if name not in report.gone | _mentioned(report)]
    for line in _table(report, delete=delete):
        say(line)
    for line in report.kept:
        say(f"Kept: {line}.")
    for name in missed:
        say(f"Not found: {name} is not in the trash, or was deleted less than the time of --older-than ago.")
    for line in report.failed:
        say(f"Failed: {line} The next run tries again.")
    if not delete:
        say("Nothing was removed. Run it again with --delete to remove this for good.")
    return not report.failed and not missed and not (named and report.kept)


def _mentioned(report: Report) -> set[str]:
    return {word for line in (*report.kept, *report.failed) for word in line.partition(":")[0].split()}


def _table(report: Report, *, delete: bool) -> list[str]:
    word = "Removed" if delete else "To be removed"
    if not report.sums:
        return [f"{word}: nothing."]
    lines = [f"{word}:", f"  {'':<24}{'count':>10}{'files':>12}{'bytes':>20}"]
    for kind, found in report.sums.items():
        lines.append(f"  {kind:<24}{found.count:>10}{found.files:>12}{found.size:>20}")
    files, size = (sum(getattr(found, name) for found in report.sums.values()) for name in ("files", "size"))
    return [*lines, f"  {'in all':<24}{'':>10}{files:>12}{size:>20}"]


def _counted(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}".replace(",", " ")


def bytes_(number: int) -> str:
    return f"{number:,} bytes".replace(",", " ")
