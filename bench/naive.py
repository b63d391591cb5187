"""The same job as a competent engineer would do it in an afternoon: the baseline of every ratio.

The encrypted file is decrypted, read whole as a tree, and every conversation becomes one e-mail with a
text and an HTML body, filed in the Maildir of each participant with a corporate address, once, with a
row in a ledger. Every mail is durable and its row committed before the next: nothing is batched.

    python bench/naive.py FOLDER TARGET
"""

from __future__ import annotations

import hashlib
import html
import json
import mailbox
import sqlite3
import sys
import time
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

from bench.export import NAME, passphrase

_DEEDS = {"ParticipantEntered": "joined", "ParticipantLeft": "left", "Invite": "invited"}
_IDS = ("UUID", "FirmNumber", "AccountNumber", "ClientID1")
_STYLE = """body{font:14px/20px 'Segoe UI',Arial,sans-serif;margin:20px;color:#222}
table{border-collapse:collapse}th,td{text-align:left;vertical-align:top;padding:2px 12px 2px 0}
.people td{border-top:1px solid #ddd;font-size:13px}.time{color:#888;font-size:11px;white-space:nowrap}
.note{color:#777;font-style:italic}"""


@dataclass(frozen=True, slots=True)
class User:
    """A participant as the export knows them."""

    name: str
    address: Address
    company: str
    ids: str


@dataclass(slots=True)
class Conversation:
    """What one mail is made of; events are (epoch seconds, name, what happened, whether it was said)."""

    room: str
    users: dict[str, User] = field(default_factory=dict)
    custodians: list[str] = field(default_factory=list)
    events: list[tuple[int, str, str, bool]] = field(default_factory=list)


def decrypt(encrypted: Path, keyring: Path, clear: Path) -> None:
    """Decrypt a file and check that somebody we know signed it."""
    result = gnupg.GPG(gnupghome=str(keyring)).decrypt_file(
        str(encrypted), passphrase=passphrase(keyring), output=str(clear)
    )
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
        login = user.findtext("LoginName", "")
        if login not in talk.users:
            talk.users[login] = _user(user)
            if corporate := user.findtext("CorporateEmailAddress"):
                talk.custodians.append(corporate)
        said = event.tag == "Message"
        text = event.findtext("Content", "") if said else _DEEDS.get(event.tag, event.tag)
        talk.events.append((int(event.findtext("DateTimeUTC", "0")), talk.users[login].name, text, said))
    return talk


def _user(user: ET.Element) -> User:
    name = f"{user.findtext('FirstName', '')} {user.findtext('LastName', '')}"
    address = user.findtext("CorporateEmailAddress") or user.findtext("EmailAddress", "")
    ids = ", ".join(f"{label} {value}" for label in _IDS if (value := user.findtext(label)))
    return User(name, Address(name, addr_spec=address), user.findtext("CompanyName", ""), ids)


def bodies(talk: Conversation) -> tuple[str, str]:
    """Render a conversation as text and as HTML: who was in it, and what happened when."""
    lines, rows = [f"Conversation {talk.room}", ""], []
    for user in talk.users.values():
        facts = (user.name, user.company, user.address.addr_spec, user.ids)
        lines.append("  " + " | ".join(facts))
        rows.append("<tr>" + "".join(f"<td>{html.escape(fact)}</td>" for fact in facts) + "</tr>")
    people, rows = "\n".join(rows), []
    for at, name, text, said in talk.events:
        time = f"{datetime.fromtimestamp(at, UTC):%Y-%m-%d %H:%M:%S}"
        lines.append(f"[{time}] {name}: {text}" if said else f"[{time}] * {name} {text}")
        rows.append(
            f"<tr><td class='time'>{time}</td><td>{html.escape(name)}</td>"
            f"<td class='{'said' if said else 'note'}'>{html.escape(text)}</td></tr>"
        )
    events = "\n".join(rows)
    page = (
        f"<html><head><style>{_STYLE}</style></head><body><h1>{html.escape(talk.room)}</h1>\n"
        f"<table class='people'>{people}</table>\n<table>{events}</table></body></html>"
    )
    return "\n".join(lines), page


def make_mail(talk: Conversation, name: str) -> EmailMessage:
    """Make the e-mail of a conversation."""
    text, page = bodies(talk)
    sender, *others = [user.address for user in talk.users.values()]
    mail = EmailMessage(policy=policy.SMTP)
    mail["From"] = sender
    mail["To"] = others or [sender]
    mail["Subject"] = f"Conversation in {talk.room}"
    mail["Date"] = format_datetime(datetime.fromtimestamp(talk.events[0][0], UTC))
    mail["Message-ID"] = f"<{name}@archive.invalid>"
    mail["X-Archive-Source"] = "instant_bloomberg"
    mail["X-Archive-Room"] = talk.room
    mail.set_content(text)
    mail.add_alternative(page, subtype="html")
    return mail


def archive(clear: Path, target: Path) -> tuple[int, float]:
    """File every conversation with every custodian; give the number of copies and the seconds of filing."""
    ledger = sqlite3.connect(target / "ledger.sqlite")
    ledger.execute("PRAGMA journal_mode=WAL")
    ledger.execute("CREATE TABLE IF NOT EXISTS delivery (name TEXT PRIMARY KEY, mailbox TEXT, file TEXT)")
    boxes: dict[str, mailbox.Maildir] = {}
    copies, filing = 0, 0.0
    for talk in conversations(clear):
        name = hashlib.sha256(f"{talk.room} {talk.events[0][0]}".encode()).hexdigest()[:32]
        raw = make_mail(talk, name).as_bytes()
        start = time.perf_counter()
        for custodian in talk.custodians:
            key = f"{name}/{custodian}"
            if ledger.execute("SELECT 1 FROM delivery WHERE name = ?", (key,)).fetchone():
                continue
            if custodian not in boxes:
                boxes[custodian] = mailbox.Maildir(target / "mail" / custodian)
            file = boxes[custodian].add(raw)  # written, synchronised and renamed
            ledger.execute("INSERT INTO delivery VALUES (?, ?, ?)", (key, custodian, file))
            ledger.commit()
            copies += 1
        filing += time.perf_counter() - start
    return copies, filing


def main() -> None:
    """Archive an export of `bench.export`."""
    folder, target = map(Path, sys.argv[1:])
    (target / "mail").mkdir(parents=True)
    clear = target / NAME
    start = time.perf_counter()
    decrypt(folder / f"{NAME}.gpg", folder / "gnupg", clear)
    decrypting = time.perf_counter() - start
    copies, filing = archive(clear, target)
    stages = {"decrypt": {"seconds": decrypting}, "file": {"seconds": filing}}
    print(json.dumps({"copies": copies, "stages": stages}))


if __name__ == "__main__":
    main()
