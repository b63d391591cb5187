"""Rows for the parsers: every format whole, ours beside the naive one, and ours again at ten times the size.

python bench/parsing.py --messages 200000
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Iterator
from pathlib import Path

from bench.dumps import DUMPS, make_dump
from bench.measure import measure, median, say
from bench.table import Row, Side, show

LARGER = 10
RUNS = 3


def parsing(work: Path, messages: int) -> tuple[list[Row], dict[str, float]]:
    """Measure all parsers at a tenth of the messages; give rows, and ours' peak MB with all of them.

    Processor time counts: parsing waits for nothing, and other work on the machine distorts it least.
    """
    rows, peaks = [], {}
    for kind in DUMPS:
        say(f"parser of {kind.replace('_', ' ')}")
        rows.append(_row(work, kind, max(1, messages // LARGER)))
        with_all = _dump(work, kind, messages)
        peaks[kind] = measure("parsers.py", kind, with_all).peak_mb
        with_all.unlink()
    return rows, peaks


def _row(work: Path, kind: str, messages: int) -> Row:
    file = _dump(work, kind, messages)
    ours, theirs = _sides(kind, file)
    file.unlink()
    return Row(f"parse {kind.replace('_', ' ')}", "MB/s", ours, "naive, whole file", theirs, goal_ratio=1)


def _sides(kind: str, file: Path) -> Iterator[Side]:
    items = set()
    for script in ("parsers.py", "naive_parsers.py"):
        runs = [measure(script, kind, file) for _ in range(RUNS)]
        one = median(runs)
        items.add(one.answer["items"])
        yield Side(one.answer["amount"] / one.answer["seconds"], one.peak_mb)
    if len(items) > 1:
        raise SystemExit(f"{kind}: the parsers do not find the same number of items: {sorted(items)}")


def _dump(work: Path, kind: str, messages: int) -> Path:
    file = work / f"{kind}.dump"
    make_dump(kind, messages, file)
    return file


def report(rows: list[Row], peaks: dict[str, float]) -> None:
    """Print the table, and how memory grows."""
    show(rows)
    grown = {kind: (row.ours.peak_mb, peaks[kind]) for kind, row in zip(DUMPS, rows, strict=True)}
    told = ", ".join(f"{kind} {small:.0f} to {large:.0f}" for kind, (small, large) in grown.items())
    print(f"\nPeak MB of our parsers when the export is {LARGER} times as large: {told}")


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--messages", type=int, default=200_000, help="chat messages of the large exports")
    parser.add_argument("--folder", type=Path, help="where to make the temporary folder")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="bench-", dir=options.folder) as work:
        rows, peaks = parsing(Path(work), options.messages)
    report(rows, peaks)


if __name__ == "__main__":
    main()
