"""A journal report: who a mail was between, as lines, and the mail itself, unchanged.

As Exchange writes them and archives read them: [MS-XJRNL], and "Journal report format" for developers of
archives (technet.microsoft.com, bb738122). The same copy always makes the same bytes, so that an archive
that is sent it twice can tell.
"""

from __future__ import annotations

import datetime as dt
from binascii import b2a_base64
from collections.abc import Iterator
from email.header import Header
from email.utils import format_datetime

from include.commsarchive.ids import MAIL_DOMAIN
from include.commsarchive.model import Letter

_BASE64_LINE = 57
_SHORT = 60


def report_id(letter: Letter) -> str:
    """Give the report's own Message-ID, without angle brackets; the mail in it has its own."""
    return f"{letter.delivery_key}@{MAIL_DOMAIN}"


def envelope(letter: Letter, address: str, sender: str) -> tuple[bytes, bytes]:
    """Give what goes before the mail, and what after it, to the archive's ``address``."""
    subject = _one_line(letter.mail.subject)
    mark = f"=_j{letter.delivery_key}"
    said = dt.datetime.fromtimestamp(letter.mail.at // 1000, dt.UTC)
    before = [
        f"From: <{sender or address}>",
        f"To: <{address}>",
        f"Subject: {_encoded(subject)}",
        f"Date: {format_datetime(said)}",
        f"Message-ID: <{report_id(letter)}>",
        "X-MS-Journal-Report:",
        f"X-Commsarchive-Delivery-Key: {letter.delivery_key}",
        "MIME-Version: 1.0",
        f'Content-Type: multipart/mixed; boundary="{mark}"',
        "",
        f"--{mark}",
        "Content-Type: text/plain; charset=utf-8",
        "Content-Transfer-Encoding: base64",
        "",
        *_base64("".join(f"{line}\r\n" for line in _lines(letter, subject)).encode()),
        f"--{mark}",
        "Content-Type: message/rfc822",
        "",
        "",
    ]
    return "\r\n".join(before).encode(), f"\r\n--{mark}--\r\n".encode()


def _lines(letter: Letter, subject: str) -> Iterator[str]:
    """Say who sent it and who had it; whose copy it is comes last, unless a line above says so already."""
    mail = letter.mail
    yield f"Sender: {mail.sender.email}"
    yield f"Subject: {subject}"
    yield f"Message-ID: <{mail.message_id}>"
    named: set[str] = set()
    for kind, people in (("To", mail.to), ("Cc", mail.cc), ("Bcc", mail.bcc)):
        for one in people:
            if one.email.casefold() not in named:
                yield f"{kind}: {one.email}"
            named.add(one.email.casefold())
    if letter.mailbox.casefold() not in named:
        yield f"Recipient: {letter.mailbox}"


def _one_line(text: str) -> str:
    """Leave out what would break a line, or cannot be encoded."""
    printable = "".join(letter if letter.isprintable() else " " for letter in text)
    return " ".join(printable.split())


def _encoded(text: str) -> str:
    if text.isascii() and len(text) <= _SHORT:
        return text
    return Header(text, "utf-8", header_name="Subject").encode(linesep="\r\n")


def _base64(raw: bytes) -> list[str]:
    pieces = (raw[start : start + _BASE64_LINE] for start in range(0, len(raw), _BASE64_LINE))
    return [b2a_base64(piece, newline=False).decode() for piece in pieces]
