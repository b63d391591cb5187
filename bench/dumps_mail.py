"""Talks as mails: in a zip, in a mailbox file, as retention mails of FX Connect, as Symphony's export."""

from __future__ import annotations

import base64
import datetime as dt
import html
import quopri
import random
import zipfile
from collections.abc import Iterable, Iterator
from email.header import Header
from email.utils import format_datetime, formataddr
from pathlib import Path

from bench.dumps_xml import iso
from bench.talks import Someone, Talk

_FILES = random.Random(1).randbytes(64 * 1024)  # noqa: S311 - not for secrets
_EVERY = 5
"""One mail of so many has a file."""


def eml(talks: Iterable[Talk], target: Path) -> None:
    """Write a zip of mails."""
    _zip(target, _mails(talks))


def mbox(talks: Iterable[Talk], target: Path) -> None:
    """Write the same mails as a mailbox file."""
    with target.open("wb") as sink:
        for _, mail in _mails(talks):
            sink.write(b"From desk@quillbrook.example Mon Mar  9 20:00:00 2026\n")
            sink.write(mail.replace(b"\r\n", b"\n").replace(b"\nFrom ", b"\n>From ") + b"\n")


def fx_connect(talks: Iterable[Talk], target: Path) -> None:
    """Write a zip of retention mails: a chat in a table of HTML."""
    _zip(target, (_retention(talk) for talk in talks))


def symphony_mails(talks: Iterable[Talk], target: Path) -> None:
    """Write a content export in the EML flavour."""
    _zip(target, (_conversation(talk) for talk in talks))


def _zip(target: Path, mails: Iterator[tuple[str, bytes]]) -> None:
    with zipfile.ZipFile(target, "w") as archive:  # not packed: the file's size is that of its mails
        for name, content in mails:
            archive.writestr(zipfile.ZipInfo(name), content)  # its time would be now


def _mails(talks: Iterable[Talk]) -> Iterator[tuple[str, bytes]]:
    """Write a mail for each message: text and HTML, a file in one of five."""
    for talk in talks:
        for number, (at, who, text) in enumerate(talk.said):
            said = f"{text}\n\n" * 4
            page = f"<html><body>{f'<p>{html.escape(text)}</p>' * 4}<p>-- <br>{who.name}</p></body></html>"
            body = _alternatives(said, page)
            if number % _EVERY == 0:
                body = _mixed(body, _FILES[: 8192 + 997 * (number + talk.number) % 50_000])
            first = f"{talk.number}.0@quillbrook.example"
            more = f"In-Reply-To: <{first}>\r\nReferences: <{first}>\r\n" if number else ""
            head = _head(at, who, talk.people, text[:50], f"{talk.number}.{number}@quillbrook.example")
            yield f"{talk.number:08}-{number:04}.eml", f"{head}{more}{body}".encode()


def _retention(talk: Talk) -> tuple[str, bytes]:
    rows = "".join(
        f'<tr class="{"odd" if number % 2 else "even"}"><td>{iso(at)}0000Z</td><td>{who.name}</td>'
        f"<td>{html.escape(text)}</td></tr>\r\n"
        for number, (at, who, text) in enumerate(talk.said)
    )
    page = (
        f"<html><body><b>Our Dealer:</b> {talk.people[0].name}<br>\r\n"
        f"<b>Counterparty:</b> {talk.people[-1].name}<br>\r\n<b>Transaction Id:</b> T{talk.number}<br>\r\n"
        f"<b>Trade Session Id:</b> S{talk.number}<br>\r\n<table><tr><th>Date Sent (UTC)</th><th>Sender</th>"
        f"<th>Message</th></tr>\r\n{rows}</table></body></html>"
    )
    system = talk.people[0]
    subject = f"[FXC Retention] Halden Bank_{talk.number}"
    head = _head(talk.said[-1][0], system, talk.people[:1], subject, f"fxc{talk.number}@fx.example")
    return f"{talk.number:08}.eml", f"{head}{_alternatives('See the HTML part.', page)}".encode()


def _conversation(talk: Talk) -> tuple[str, bytes]:
    said = "".join(f"{iso(at)} {who.name}: {text}\n" for at, who, text in talk.said)
    at, who, _ = talk.said[0]
    head = _head(at, who, talk.people, "", f"s{talk.number}@symphony.example")
    return f"{talk.number:08}.eml", f"{head}{_written('plain', said)}".encode()


def _head(at: int, who: Someone, people: list[Someone], subject: str, message_id: str) -> str:
    date = format_datetime(dt.datetime.fromtimestamp(at // 1000, dt.UTC))
    to = ",\r\n ".join(formataddr((one.name, one.mail)) for one in people)
    trace = "".join(
        f"Received: from relay{hop}.example by relay{hop + 1}.example with ESMTPS id {message_id[:8]}{hop};"
        f"\r\n {date}\r\n"
        for hop in range(3)
    )
    written = Header(subject, "utf-8").encode(linesep="\r\n")
    shown = f"Subject: {written}\r\n" if subject else ""
    return (
        f"{trace}From: {formataddr((who.name, who.mail))}\r\nTo: {to}\r\n{shown}Date: {date}\r\n"
        f"Message-ID: <{message_id}>\r\nMIME-Version: 1.0\r\nX-Mailer: Desk 4.2\r\n"
    )


def _alternatives(said: str, page: str) -> str:
    parts = f"--alt\r\n{_written('plain', said)}\r\n--alt\r\n{_written('html', page)}\r\n"
    return f'Content-Type: multipart/alternative; boundary="alt"\r\n\r\n{parts}--alt--\r\n'


def _mixed(body: str, file: bytes) -> str:
    packed = base64.encodebytes(file).decode().replace("\n", "\r\n")
    return (
        f'Content-Type: multipart/mixed; boundary="mix"\r\n\r\n--mix\r\n{body}\r\n--mix\r\n'
        'Content-Type: application/pdf; name="axes.pdf"\r\nContent-Transfer-Encoding: base64\r\n'
        f'Content-Disposition: attachment; filename="axes.pdf"\r\n\r\n{packed}\r\n--mix--\r\n'
    )


def _written(kind: str, text: str) -> str:
    encoded = quopri.encodestring(text.encode()).decode().replace("\n", "\r\n")
    return (
        f"Content-Type: text/{kind}; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n"
        f"{encoded}"
    )
