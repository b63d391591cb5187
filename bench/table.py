"""The table that `bench.run` prints."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Side:
    """One contestant: units a second, and peak MB (10^6) of its largest process."""

    speed: float
    peak_mb: float


@dataclass(frozen=True, slots=True)
class Row:
    """One line: a stage of ours, a baseline where there is one, and the ratio or speed that is our goal."""

    stage: str
    unit: str
    ours: Side
    baseline: str = ""
    theirs: Side | None = None
    goal_ratio: float = 0
    goal_speed: float = 0

    def cells(self) -> tuple[str, ...]:
        """Give the cells as text."""
        ratio = self.ours.speed / self.theirs.speed if self.theirs else 0
        goal = f"{self.goal_ratio:g} x" if self.goal_ratio else ""
        if self.goal_speed:
            goal = f"{self.goal_speed:g} {self.unit}"
        met = ratio >= self.goal_ratio and self.ours.speed >= self.goal_speed
        return (
            self.stage,
            f"{self.ours.speed:,.0f} {self.unit}",
            f"{self.theirs.speed:,.0f}" if self.theirs else "",
            self.baseline,
            f"{ratio:.1f} x" if ratio else "",
            f"{goal} {'met' if met else 'MISSED'}" if goal else "",
            f"{self.ours.peak_mb:.0f}",
            f"{self.theirs.peak_mb:.0f}" if self.theirs else "",
        )


_HEAD = ("stage", "ours", "baseline", "which", "ratio", "goal", "peak MB", "baseline's")
_NUMBERS = {1, 2, 4, 6, 7}


def show(rows: Sequence[Row]) -> None:
    """Print a Markdown table."""
    lines = [_HEAD, *[row.cells() for row in rows]]
    widths = [max(len(line[column]) for line in lines) for column in range(len(_HEAD))]
    rule = ["-" * (width - 1) + ":" if at in _NUMBERS else "-" * width for at, width in enumerate(widths)]
    for line in (lines[0], rule, *lines[1:]):
        print("|", " | ".join(_pad(cell, widths[at], at) for at, cell in enumerate(line)), "|")


def _pad(cell: str, width: int, column: int) -> str:
    return cell.rjust(width) if column in _NUMBERS else cell.ljust(width)
