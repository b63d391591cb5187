"""What the demo shows at the end: the numbers, a conversation of each feed, and where everything lies."""

from __future__ import annotations

import email
import email.policy
import json
from pathlib import Path

from commsarchive_airflow.demo.vendors import DATA, MAIL
from include.commsarchive.cli.evidence import as_json
from include.commsarchive.control.equations import equations
from include.commsarchive.demo.feeds import Feed
from include.commsarchive.ledger.base import ImportRecord

_HEADS = {
    "found": "found",
    "archived": "archived",
    "duplicate": "duplicate",
    "excluded": "excluded",
    "quarantined": "quarantined",
    "unmapped": "unmapped",
    "deliveries_planned": "planned",
    "deliveries_made": "made",
    "deliveries_duplicate": "known",
    "deliveries_failed": "failed",
}
_LONGEST = 40
"""Lines that are shown of a conversation."""


def report(records: list[ImportRecord], feeds: list[Feed]) -> None:
    """Print it; the last line is the path of the import records as JSON."""
    order = [feed.connector.name for feed in feeds]
    records = sorted(records, key=lambda record: (order.index(record.connector), record.day, record.seq))
    print(table(records))
    if not any(record.body["deliveries_made"] for record in records):
        known = sum(record.body["deliveries_duplicate"] for record in records)
        print(f"\nNothing was archived twice: all {known} copies were there already.")
    for feed in feeds:
        _show_conversation(feed, whole=len(feeds) == 1)
    folder = min((path.parents[1] for path in _mails_of(feeds[0])), default=MAIL)
    print(f"""
The mail, one mailbox for each person, for any mail program:   {MAIL}
A mailbox in a terminal, for example:   mutt -f '{folder}'
Airflow with its UI:   make up
The import records as JSON:""")
    path = DATA / "import-records.json"
    path.write_text(json.dumps([as_json(record) for record in records], indent=2), encoding="utf-8")
    print(path)


def table(records: list[ImportRecord]) -> str:
    """A line for each connector and day: items, copies, and whether the numbers close."""
    rows = [("connector", "day", *_HEADS.values(), "closes")]
    for record in records:
        closes = all(equation.closes for equation in equations(record))
        numbers = (str(record.body.get(name, 0)) for name in _HEADS)
        rows.append((record.connector, str(record.day), *numbers, "yes" if closes else "NO"))
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    rows.insert(1, tuple("-" * width for width in widths))
    return "\n".join(
        "  ".join([*map(str.ljust, row[:2], widths), *map(str.rjust, row[2:], widths[2:])]) for row in rows
    )


def _show_conversation(feed: Feed, *, whole: bool) -> None:
    """Print one archived conversation, neither the shortest nor the longest: all of it, or what was said."""
    mails = sorted(_mails_of(feed), key=lambda path: (path.stat().st_size, path.name))
    if not mails:
        return
    path = mails[len(mails) // 2]
    with path.open("rb") as stream:
        mail = email.message_from_binary_file(stream, policy=email.policy.default)
    body = mail.get_body(("plain",))
    lines = body.get_content().splitlines() if body else []
    if not whole:
        lines = lines[next((number for number, line in enumerate(lines) if line.startswith("--- ")), 0) :]
    title, owner = feed.connector.title or feed.name, path.relative_to(MAIL).parts[0]
    print(f"\n{title}: one of the mails, as {owner} keeps it\n")
    for name in ("From", "To", "Subject", "Date"):
        print(f"  {name}: {mail[name]}"[:150])
    print("\n".join(f"  | {line}" for line in ["", *lines[:_LONGEST]]))


def _mails_of(feed: Feed) -> list[Path]:
    mark = f"X-Commsarchive-Connector: {feed.connector.name}\n".encode()
    return [path for path in MAIL.glob("*@*/**/cur/*") if mark in path.read_bytes().replace(b"\r\n", b"\n")]
