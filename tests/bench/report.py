"""The table of a benchmark: medians of the rounds, and how many times better or worse the peers are."""

from __future__ import annotations

import statistics
from dataclasses import dataclass, field

# Rows whose smaller figure is the better one.
SMALLER = ("ms", "s", "MB")


@dataclass
class Results:
    """`figures[row][server]` holds one figure per round; a row is (name, unit)."""

    figures: dict[tuple[str, str], dict[str, list[float]]] = field(default_factory=dict)

    def add(self, name: str, unit: str, server: str, figure: float) -> None:
        self.figures.setdefault((name, unit), {}).setdefault(server, []).append(figure)

    def markdown(self, servers: list[str]) -> str:
        first, *others = servers
        lines = [
            "| workload | " + " | ".join(servers) + " | " + " | ".join(f"beside {name}" for name in others) + " |",
            "|---" * (1 + len(servers) + len(others)) + "|",
        ]
        for (name, unit), found in self.figures.items():
            medians = {server: statistics.median(values) for server, values in found.items()}
            cells = [shown(medians[server]) if server in medians else "" for server in servers]
            ratios = [ratio(medians.get(first), medians.get(other), unit) for other in others]
            lines.append(f"| {name}, {unit} | " + " | ".join(cells + ratios) + " |")
        return "\n".join(lines)


def shown(figure: float) -> str:
    text = f"{figure:,.0f}" if figure >= 100 else f"{figure:.3g}"
    return text.replace(",", " ")


def ratio(mine: float | None, theirs: float | None, unit: str) -> str:
    """How many times better the first server is: more of what is done a second, less of time and memory."""
    if not mine or not theirs:
        return ""
    better = theirs / mine if unit in SMALLER else mine / theirs
    return f"{better:.2g} x"
