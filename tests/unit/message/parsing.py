"""Reads mails back with parsers that are not ours: the standard library's two generations."""

from __future__ import annotations

import email
import email.policy
from collections.abc import Iterator
from dataclasses import dataclass
from email.header import decode_header, make_header
from email.headerregistry import AddressHeader, ParameterizedMIMEHeader
from email.message import EmailMessage, Message
from email.utils import getaddresses, parsedate_to_datetime
from typing import Any

Pairs = list[tuple[str, str]]
FIELDS = ("From", "To", "Cc", "Bcc")


@dataclass(frozen=True)
class Parsed:
    """What a parser made of a mail's bytes."""

    people: dict[str, Pairs]
    subject: str
    at: int
    bodies: dict[str, str]
    files: list[tuple[str, str, bytes]]
    headers: Pairs
    defects: list[Any]


def modern(raw: bytes) -> Parsed:
    """Read with `email.policy.default`, which also finds defects in headers."""
    mail = email.message_from_bytes(raw, policy=email.policy.default)
    assert isinstance(mail, EmailMessage)
    people = {}
    for field in FIELDS:
        header = mail[field]
        assert header is None or isinstance(header, AddressHeader)
        people[field] = [(one.display_name, one.addr_spec) for one in header.addresses] if header else []
    defects = [defect for part in mail.walk() for defect in part.defects]
    defects += [defect for part in mail.walk() for header in part.values() for defect in header.defects]
    return Parsed(
        people=people,
        subject=str(mail["Subject"]),
        at=_seconds(mail["Date"]),
        bodies=_bodies(mail),
        files=_files(mail),
        headers=[(name, str(value)) for name, value in mail.items() if name.startswith("X-")],
        defects=defects,
    )


def legacy(raw: bytes) -> Parsed:
    """Read with the parser of Python 2's days, `getaddresses` and `decode_header`."""
    mail = email.message_from_bytes(raw)
    unfolded = {field: _unfold(mail[field] or "") for field in FIELDS}
    return Parsed(
        people={
            field: [(_decode(name), address) for name, address in getaddresses([value])] if value else []
            for field, value in unfolded.items()
        },
        subject=_decode(_unfold(mail["Subject"])),
        at=_seconds(mail["Date"]),
        bodies=_bodies(mail),
        files=_files(mail),
        headers=[(name, _decode(_unfold(value))) for name, value in mail.items() if name.startswith("X-")],
        defects=[defect for part in mail.walk() for defect in part.defects],
    )


def _unfold(value: str) -> str:
    return value.replace("\r\n", "").replace("\n", "")


def _decode(value: str) -> str:
    return str(make_header(decode_header(value)))


def _seconds(value: str) -> int:
    return int(parsedate_to_datetime(str(value)).timestamp())


def _leaves(mail: Message) -> Iterator[Message]:
    return (part for part in mail.walk() if not part.is_multipart())


def _bytes(part: Message) -> bytes:
    payload = part.get_payload(decode=True)
    assert isinstance(payload, bytes)
    return payload


def _bodies(mail: Message) -> dict[str, str]:
    return {
        part.get_content_type(): _bytes(part).decode(part.get_content_charset() or "").replace("\r\n", "\n")
        for part in _leaves(mail)
        if part.get_content_disposition() is None
    }


def _files(mail: Message) -> list[tuple[str, str, bytes]]:
    return [
        (_file_name(part), part.get_content_type(), _bytes(part))
        for part in _leaves(mail)
        if part.get_content_disposition() == "attachment"
    ]


def _file_name(part: Message) -> str:
    disposition = part["Content-Disposition"]
    if isinstance(disposition, ParameterizedMIMEHeader):
        name = disposition.params["filename"]
        assert isinstance(name, str)
        return name
    return part.get_filename() or ""
