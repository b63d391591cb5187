"""The same job as a competent engineer would do it in an afternoon: the baseline of every ratio.

The encrypted file is decrypted, read whole as a tree, and every conversation becomes one e-mail with a
text and an HTML body, filed in the Maildir of each participant with a corporate address, once, with a
row in a ledger. Every mail is durable and its row committed before the next: nothing is batched.

    python bench/naive.py FOLDER TARGET
"""

from __future__ import annotations

import argparse
import hashlib
import html
import json
import mailbox
import sqlite3
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email import policy
from email.headerregistry import Address
from email.message import EmailMessage
from email.utils import format_datetime
from pathlib import Path

import gnupg

from bench.export import NAME

_DEEDS = {"ParticipantEntered": "joined", "ParticipantLeft": "left", "Invite": "invited"}
_POLICY = policy.SMTP


@dataclass(slots=True)
class Conversation:
    """What one mail is made of; events are (epoch seconds, name, what happened)."""

    room: str
    people: dict[str, Address] = field(default_factory=dict)
    custodians: list[str] = field(default_factory=list)
    events: list[tuple[int, str, str]] = field(default_factory=list)


def decrypt(encrypted: Path, keyring: Path, clear: Path) -> None:
    """Decrypt a file and check that somebody we know signed it."""
    result = gnupg.GPG(gnupghome=str(keyring)).decrypt_file(str(encrypted), output=str(clear))
    if not result.ok or not result.valid:
        raise SystemExit(f"{encrypted}: {result.status}")


def conversations(clear: Path) -> Iterator[Conversation]:
    """Read all conversations of an export."""
    for element in ET.parse(clear).getroot().iter("Conversation"):  # noqa: S314 - our own file
        yield _conversation(element)


def _conversation(element: ET.Element) -> Conversation:
    talk = Conversation(element.findtext("RoomID", ""))
    for event in element:
        user = event.find("User")
        if user is None:
            continue
        name = f"{user.findtext('FirstName', '')} {user.findtext('LastName', '')}"
        corporate = user.findtext("CorporateEmailAddress", "")
        address = corporate or user.findtext("EmailAddress", "")
        if address not in talk.people:
            talk.people[address] = Address(name, addr_spec=address)
            if corporate:
                talk.custodians.append(corporate)
        text = event.findtext("Content", "") if event.tag == "Message" else _DEEDS.get(event.tag, event.tag)
        talk.events.append((int(event.findtext("DateTimeUTC", "0")), name, text))
    return talk


def bodies(talk: Conversation) -> tuple[str, str]:
    """Render a conversation as text and as HTML."""
    lines, rows = [f"Conversation {talk.room}", ""], []
    for at, name, text in talk.events:
        time = f"{datetime.fromtimestamp(at, UTC):%Y-%m-%d %H:%M:%S}"
        lines.append(f"[{time}] {name}: {text}")
        rows.append(f"<tr><td>{time}</td><td>{html.escape(name)}</td><td>{html.escape(text)}</td></tr>")
    people = "".join(f"<li>{html.escape(str(person))}</li>" for person in talk.people.values())
    table = "\n".join(rows)
    page = (
        f"<html><body><h1>{html.escape(talk.room)}</h1><ul>{people}</ul><table>{table}</table></body></html>"
    )
    return "\n".join(lines), page


def make_mail(talk: Conversation, name: str) -> EmailMessage:
    """Make the e-mail of a conversation."""
    text, page = bodies(talk)
    sender, *others = talk.people.values()
    mail = EmailMessage(policy=_POLICY)
    mail["From"] = sender
    mail["To"] = others or [sender]
    mail["Subject"] = f"Conversation in {talk.room}"
    mail["Date"] = format_datetime(datetime.fromtimestamp(talk.events[0][0], UTC))
    mail["Message-ID"] = f"<{name}@archive.invalid>"
    mail.set_content(text)
    mail.add_alternative(page, subtype="html")
    return mail


def archive(clear: Path, target: Path) -> int:
    """File every conversation with every custodian; give the number of copies made."""
    ledger = sqlite3.connect(target / "ledger.sqlite")
    ledger.execute("PRAGMA journal_mode=WAL")
    ledger.execute("CREATE TABLE IF NOT EXISTS delivery (name TEXT PRIMARY KEY, mailbox TEXT, file TEXT)")
    boxes: dict[str, mailbox.Maildir] = {}
    made = 0
    for talk in conversations(clear):
        name = hashlib.sha256(f"{talk.room} {talk.events[0][0]}".encode()).hexdigest()[:32]
        raw = make_mail(talk, name).as_bytes()
        for custodian in talk.custodians:
            key = f"{name}/{custodian}"
            if ledger.execute("SELECT 1 FROM delivery WHERE name = ?", (key,)).fetchone():
                continue
            if custodian not in boxes:
                boxes[custodian] = mailbox.Maildir(target / "mail" / custodian)
            file = boxes[custodian].add(raw)  # written, synchronised and renamed
            ledger.execute("INSERT INTO delivery VALUES (?, ?, ?)", (key, custodian, file))
            ledger.commit()
            made += 1
    return made


def main() -> None:
    """Archive an export of `bench.export`."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("folder", type=Path, help="where the export and its keys lie")
    parser.add_argument("target", type=Path, help="where mails and ledger go")
    options = parser.parse_args()
    (options.target / "mail").mkdir(parents=True)
    clear = options.target / NAME
    decrypt(options.folder / f"{NAME}.gpg", options.folder / "gnupg", clear)
    print(json.dumps({"copies": archive(clear, options.target)}))


if __name__ == "__main__":
    main()
