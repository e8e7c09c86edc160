"""`python -m tests.bench`: Runstone and its peers on one machine, the same load for each in turn, one table."""

from __future__ import annotations

import argparse
import datetime as dt
import os
import platform
import sys
import time
from dataclasses import dataclass, replace
from importlib.metadata import version

from tests.bench import floor, stores
from tests.bench.databases import databases
from tests.bench.plan import DEFAULT, GROUPS, QUICK, USUAL, Sizes, stages
from tests.bench.report import Results
from tests.bench.servers import KINDS, Kind, runstone_with
from tests.bench.session import Session, say
from tests.bench.stores import Artifacts
from tests.bench.transfers import QUICK as FEW
from tests.bench.transfers import WHOLE, Amounts

LARGE = 1_000_000


@dataclass(frozen=True)
class Asked:
    """What the command line asks for."""

    kinds: list[Kind]
    groups: tuple[str, ...]
    sizes: Sizes
    amounts: Amounts
    rounds: int
    artifact_rounds: int
    seconds: float
    repeats: int
    patience: float
    quick: bool
    dialect: str


def asked(arguments: list[str]) -> Asked:
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="one short round with less to read: at most 4 minutes")
    parser.add_argument("--servers", default="runstone,fasttrackml,mlflow", help=f"of {', '.join(KINDS)}; the first is compared")
    parser.add_argument(
        "--postgres", action="store_true", help="each server on its own database of a Postgres that is started here"
    )
    parser.add_argument("--only", default=",".join(USUAL), help=f"groups of rows, of {', '.join(GROUPS)}")
    parser.add_argument("--runs", help="sizes of the experiments that are searched (default 2000,100000)")
    parser.add_argument("--large", action="store_true", help=f"search among {LARGE} runs too")
    parser.add_argument("--megabytes", type=int, help="of the large artifact (default 2000)")
    parser.add_argument("--rounds", type=int, help="the table shows medians of them (default 3, of artifacts 1)")
    parser.add_argument("--seconds", type=float, help="of each write load (default 4)")
    parser.add_argument("--workers", type=int, default=1, help="processes of Runstone; more than one needs --postgres")
    given = parser.parse_args(arguments)
    sizes = QUICK if given.quick else DEFAULT
    if given.runs:
        sizes = replace(sizes, runs=tuple(int(size) for size in given.runs.split(",")))
    amounts = FEW if given.quick else WHOLE
    if given.megabytes:
        amounts = replace(amounts, large=given.megabytes * 10**6)
    if given.large:
        sizes = replace(sizes, runs=(*sizes.runs, LARGE))
    kinds, groups = given.servers.split(","), tuple(given.only.split(","))
    for name, known in [(kind, KINDS) for kind in kinds] + [(group, GROUPS) for group in groups]:
        if name not in known:
            parser.error(f"{name} is none of {', '.join(known)}")
    if given.workers > 1 and not given.postgres:
        parser.error("--workers above 1 needs --postgres")
    rounds, seconds = given.rounds or (1 if given.quick else 3), given.seconds or (1.0 if given.quick else 4.0)
    return Asked(
        [runstone_with(given.workers) if kind == "runstone" else KINDS[kind] for kind in kinds],
        groups, sizes, amounts, rounds, given.rounds or 1, seconds, 3 if given.quick else 5, 15.0 if given.quick else 45.0, given.quick,
        "postgresql" if given.postgres else "sqlite",
    )  # fmt: skip


def main() -> None:
    wanted, began = asked(sys.argv[1:]), time.perf_counter()
    for kind in wanted.kinds:
        kind.install()
    with databases(wanted.dialect) as (made, folder):
        session = Session(made, folder, Results(), wanted.seconds, wanted.repeats, wanted.patience)
        about = made.about()
        try:
            session.measure(
                wanted.kinds,
                stages(wanted.sizes, wanted.groups, merged=wanted.quick),
                wanted.rounds,
                with_floor="floor" in wanted.groups,
            )
            if "artifacts" in wanted.groups:
                artifacts = Artifacts(made, folder, session.results, wanted.amounts)
                artifacts.measure(wanted.kinds, wanted.artifact_rounds)
                session.wrong = session.wrong or artifacts.wrong
        except KeyboardInterrupt:
            say("stopped: this is what there is")
    print(_text(wanted, session, about, time.perf_counter() - began))
    if session.wrong:
        sys.exit("a server did not give back what it had acknowledged: see the footnotes")


def _text(wanted: Asked, session: Session, about: str, seconds: float) -> str:
    names, results = [kind.name for kind in wanted.kinds], session.results
    table = results.markdown(names)
    best = floor.markdown(results, names[0]) if "floor" in wanted.groups else ""
    if "artifacts" in wanted.groups:
        best = "\n\n".join(part for part in (best, stores.markdown(results, names[0])) if part)
    kept = "; ".join(f"{kind.name}: {kind.durability[wanted.dialect]}{_seen(session, kind)}" for kind in wanted.kinds)
    share = f"The load generator used at most {session.own_share:.0%} of a core. " if session.own_share else ""
    memory = "Memory counts a page in each process that has it" + (
        ", Postgres itself left out" if wanted.dialect != "sqlite" else ""
    )
    parts = [_heading(wanted, about, seconds), table, best, f"Durability: {kept}.", f"{share}{memory}."]
    return "\n\n".join(part for part in parts if part)


def _heading(wanted: Asked, about: str, seconds: float) -> str:
    command = " ".join(["python -m tests.bench", *sys.argv[1:]])
    versions = ", ".join([f"Runstone {version('runstone')}", *(kind.name for kind in wanted.kinds if kind.package)])
    shorter = [f"{kind.name} {wanted.seconds * kind.share:g} s" for kind in wanted.kinds if kind.share != 1]
    count = wanted.artifact_rounds if wanted.groups == ("artifacts",) else wanted.rounds
    rounds = "one round" if count == 1 else f"medians of {count} rounds"
    return (
        f"`{command}` on {dt.datetime.now(dt.UTC).date()}, {seconds / 60:.0f} minutes: {versions}; {about}; Python "
        f"{platform.python_version()}; {os.cpu_count()} cores for server, database and load generator together; {rounds}, "
        f"write loads of {wanted.seconds:g} s" + (f" ({', '.join(shorter)})." if shorter else ".")
    )


def _seen(session: Session, kind: Kind) -> str:
    return f" ({session.durability[kind.name]})" if kind.name in session.durability else ""


if __name__ == "__main__":
    main()
