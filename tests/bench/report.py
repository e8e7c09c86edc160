"""The table of a benchmark: medians of the rounds, how many times better or worse the peers are, and why a figure is missing."""

from __future__ import annotations

import statistics
from dataclasses import dataclass, field

# Rows whose smaller figure is the better one.
SMALLER = ("ms", "s", "MB", "bytes")
MISSING = "–"

Row = tuple[str, str]  # (name, unit)


@dataclass
class Results:
    """`figures[row][server]` holds one figure per round. A row belongs to a workload, which a server may fail."""

    figures: dict[Row, dict[str, list[float]]] = field(default_factory=dict)
    workloads: dict[Row, str] = field(default_factory=dict)
    failures: dict[tuple[str, str], str] = field(default_factory=dict)  # by (workload, server)
    remarks: dict[tuple[str, str], str] = field(default_factory=dict)

    def add(self, name: str, unit: str, server: str, figure: float, workload: str = "") -> None:
        row = (name, unit)
        self.figures.setdefault(row, {}).setdefault(server, []).append(figure)
        self.workloads.setdefault(row, workload or name)

    def fail(self, workload: str, server: str, why: str) -> None:
        self.failures.setdefault((workload, server), why)

    def remark(self, workload: str, server: str, text: str) -> None:
        self.remarks.setdefault((workload, server), text)

    def median(self, row: Row, server: str) -> float | None:
        found = self.figures.get(row, {}).get(server)
        return statistics.median(found) if found else None

    def markdown(self, servers: list[str]) -> str:
        """The table and its footnotes. A failure in one round is a footnote, and a dash where no other round has a figure."""
        first, *others = servers
        titles = ["workload", *servers, *(f"beside {name}" for name in others)]
        lines = ["| " + " | ".join(titles) + " |", "|---" * len(titles) + "|"]
        notes: list[str] = []
        for row in self._rows(servers):
            medians = {server: self.median(row, server) for server in servers}
            cells = [self._cell(row, server, medians[server], notes) for server in servers]
            ratios = [ratio(medians[first], medians[other], row[1]) for other in others]
            lines.append(f"| {', '.join(part for part in row if part)} | " + " | ".join(cells + ratios) + " |")
        if notes:
            lines += ["", *(f"[{number}] {note}" for number, note in enumerate(notes, 1))]
        return "\n".join(lines)

    def _rows(self, servers: list[str]) -> list[Row]:
        """Those with figures of these servers, then one for each workload that none of them could do."""
        done = set(self.workloads.values())
        measured = [row for row, found in self.figures.items() if found.keys() & set(servers)]
        return [*measured, *dict.fromkeys((workload, "") for workload, _ in self.failures if workload not in done)]

    def _cell(self, row: Row, server: str, median: float | None, notes: list[str]) -> str:
        workload = self.workloads.get(row, row[0])
        texts = [found[workload, server] for found in (self.failures, self.remarks) if (workload, server) in found]
        marks = []
        for text in texts:
            note = f"{server}: {text}"
            if note not in notes:
                notes.append(note)
            marks.append(f" [{notes.index(note) + 1}]")
        if median is None and not marks:
            return ""
        return (MISSING if median is None else shown(median)) + "".join(marks)


def number(count: int) -> str:
    return f"{count:,}".replace(",", " ")


def shown(figure: float) -> str:
    text = f"{figure:,.0f}" if figure >= 100 else f"{figure:.3g}"
    return text.replace(",", " ")


def ratio(mine: float | None, theirs: float | None, unit: str) -> str:
    """How many times better the first server is: more of what is done a second, less of time, memory and space."""
    if not mine or not theirs:
        return ""
    better = theirs / mine if unit in SMALLER else mine / theirs
    return f"{better:,.0f} x".replace(",", " ") if better >= 100 else f"{better:.2g} x"
