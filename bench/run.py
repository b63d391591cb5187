"""Measure every stage and the whole path beside a baseline, in one go, and print a table of ratios.

    make bench                      a million chat messages
    make bench MESSAGES=100000

Everything happens in a temporary folder, which is removed at the end and not before: ext4 avoids the
places of files that were just deleted, for minutes, which would slow down whatever comes next.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from bench.exchange import deliver
from bench.export import Export, make_export, stop_agent
from bench.measure import BENCH, Measured, measure, median, say
from bench.parsing import parsing, report
from bench.table import Row, Side, show

SMALL = 100_000
"""Messages of the export that the baseline archives, and with which our memory is compared."""
PARSED = 200_000
"""Messages of the exports of every format: naive parsers take minutes and gigabytes for more."""
FETCHED = 200_000_000
"""Bytes of the file that is fetched."""
RUNS = 3
_PEAK_GOAL_MB = 150


@dataclass(frozen=True, slots=True)
class Archived:
    """An export, and a whole process that archived it."""

    export: Export
    run: Measured

    def whole(self) -> Side:
        """Conversations a second from start to end."""
        return Side(self.export.conversations / self.run.seconds, self.run.peak_mb)

    def part(self, amount: float, name: str) -> Side:
        """How fast it went through one part of its work."""
        part = self.run.answer["stages"][name]
        return Side(amount / part["seconds"], part.get("peak_mb", self.run.peak_mb))


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--messages", type=int, default=1_000_000, help="chat messages of the large export")
    parser.add_argument("--whole-naive", action="store_true", help="let the baseline archive it too")
    parser.add_argument("--folder", type=Path, help="where to make the temporary folder")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="bench-", dir=options.folder) as work:
        _bench(Path(work), options.messages, whole_naive=options.whole_naive)
        report(*parsing(Path(work), min(options.messages, PARSED)))
        deliver(Path(work))


def _bench(work: Path, messages: int, *, whole_naive: bool) -> None:
    rows = [_fetch(work)]
    with _export(work / "small", min(messages, SMALL)) as export:
        rows += _single(export.clear)
        unusual = measure("stages.py", "unusual", export.clear).answer["share"]
        naive = _archive("naive.py", export)
        ours = [_archive("path.py", export, run) for run in range(RUNS)]
        small = Archived(export, median([one.run for one in ours]))
        rows += _path(small, naive, 10)
    peaks = {export.messages: small.run.peak_mb}
    if messages > SMALL:
        with _export(work / "large", messages) as export:
            naive = _archive("naive.py", export) if whole_naive else naive
            large = _archive("path.py", export)
            rows += _path(large, naive, 20)
        peaks[messages] = large.run.peak_mb
    show(rows)
    print(f"\nConversations of an unusual shape, read the slow way: {unusual:.1%}")
    told = ", ".join(f"{peak:.0f} MB at {count:,} messages" for count, peak in peaks.items())
    print(f"Peak of our largest process: {told} (goal: below {_PEAK_GOAL_MB} MB, and about the same)")


@contextmanager
def _export(folder: Path, messages: int) -> Iterator[Export]:
    say(f"making an export of {messages:,} messages")
    folder.mkdir()
    export = make_export(folder, messages)
    try:
        yield export
    finally:
        stop_agent(export.keyring)


def _fetch(work: Path) -> Row:
    home = work / "sftp"
    command: list[str | Path] = [sys.executable, BENCH / "fetch.py", "serve", home, str(FETCHED)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as server:
        assert server.stdout
        if not server.stdout.readline():
            raise SystemExit("the SFTP server did not start: install the package openssh-server")
        ours = _stage("fetch.py", "ours", home / "account.json", work / "ours")
        hook = _stage("fetch.py", "hook", home / "account.json", work / "hook")
    return Row("fetch over SFTP", "MB/s", ours, "the Airflow provider's hook", hook, goal_ratio=4)


def _single(clear: Path) -> list[Row]:
    """Measure what one core does."""

    def side(verb: str) -> Side:
        return _stage("stages.py", verb, clear)

    parse, mime, render = side("parse"), side("mime"), side("render")
    stream, tree = side("parse_iterparse"), side("parse_tree")
    standard, naive = side("mime_standard"), side("render_naive")
    return [
        Row("parse to items", "MB/s", parse, "ElementTree stream, nothing read", stream, goal_speed=100),
        Row("", "MB/s", parse, "ElementTree whole, nothing read", tree),
        Row("write mails, bodies ready", "mails/s", mime, "EmailMessage, same bodies", standard, 20),
        Row("render bodies and write mails", "mails/s", render, "naive bodies, EmailMessage", naive),
        Row("convert, one process", "conv/s", side("convert")),
    ]


def _stage(script: str, *arguments: str | Path) -> Side:
    say(f"{script} {arguments[0]}")
    one = median([measure(script, *arguments) for _ in range(RUNS)])
    return Side(one.answer["amount"] / one.answer["seconds"], one.peak_mb)


def _archive(script: str, export: Export, number: int = 0) -> Archived:
    """Archive an export, whole; see that all of it arrived."""
    say(f"{script} on {export.messages:,} messages")
    folder = export.clear.parent
    run = measure(script, folder, folder / f"{script}-{number}")
    if run.answer["copies"] != export.copies:
        raise SystemExit(f"{script} made {run.answer['copies']} copies of {export.copies}")
    return Archived(export, run)


def _path(ours: Archived, naive: Archived, goal: float) -> list[Row]:
    export, theirs = ours.export, naive.export
    size, their_size = (one.clear.stat().st_size / 1e6 for one in (export, theirs))
    where = f"{export.messages:,} messages"
    whole = "naive" if export is theirs else f"naive at {theirs.messages:,} messages"
    return [
        Row(
            f"{where}: decrypt",
            "MB/s",
            ours.part(size, "decrypt"),
            "python-gnupg",
            naive.part(their_size, "decrypt"),
        ),
        Row("convert, two processes", "conv/s", ours.part(export.conversations, "convert")),
        Row("map_users", "conv/s", ours.part(export.conversations, "map_users")),
        Row(
            "ingest, two processes",
            "copies/s",
            ours.part(export.copies, "ingest"),
            "mailbox.Maildir, commit each",
            naive.part(theirs.copies, "file"),
        ),
        Row("reconcile", "copies/s", ours.part(export.copies, "reconcile")),
        Row(f"WHOLE PATH, {where}", "conv/s", ours.whole(), whole, naive.whole(), goal_ratio=goal),
    ]


if __name__ == "__main__":
    main()
