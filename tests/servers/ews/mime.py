"""RFC 5322 bytes as Exchange takes them apart and puts them together again (MS-OXCMAIL).

Headers are split here, which is fast; bodies and attachments are left to the standard library until
somebody asks.
"""

from __future__ import annotations

import datetime as dt
import email
import email.policy
import email.utils
import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from email.errors import HeaderParseError
from email.header import decode_header, make_header
from email.message import EmailMessage
from functools import cached_property

_END_OF_HEADERS = re.compile(rb"\r?\n\r?\n")
_FOLD = re.compile(rb"\r?\n(?=[ \t])")
_ORDER = ("received", "from", "sender", "to", "cc", "bcc", "subject", "thread-topic", "date", "message-id")
"""Headers that Exchange writes first, in this order; those of the MIME structure come last."""


@dataclass(frozen=True, slots=True)
class Address:
    name: str
    email: str


@dataclass(frozen=True, slots=True)
class File:
    """An attachment; a mail within the mail has ``message/rfc822`` as its type."""

    name: str
    media_type: str
    content: bytes
    content_id: str = ""
    inline: bool = False


class Mime:
    """A mail."""

    def __init__(self, raw: bytes) -> None:
        parts = _END_OF_HEADERS.split(raw, maxsplit=1)
        lines = _FOLD.sub(b"", parts[0]).splitlines()
        pairs = (line.partition(b":") for line in lines)
        self.raw = raw
        self.body = parts[1] if len(parts) > 1 else b""
        self.headers = [
            (name.decode("ascii", "replace"), value.strip()) for name, mark, value in pairs if mark
        ]
        self._first = {name.lower(): value for name, value in reversed(self.headers)}

    def get(self, name: str) -> str | None:
        """A header as people read it."""
        value = self._first.get(name.lower())
        return None if value is None else _decode(value.decode("utf-8", "replace"))

    def addresses(self, name: str) -> tuple[Address, ...]:
        value = self._first.get(name.lower())
        if not value:
            return ()
        pairs = email.utils.getaddresses([value.decode("utf-8", "replace")])
        return tuple(Address(_decode(shown) or address, address) for shown, address in pairs if address)

    @property
    def date(self) -> dt.datetime | None:
        try:
            when = email.utils.parsedate_to_datetime(self.get("date") or "")
        except ValueError:
            return None
        return when.replace(tzinfo=when.tzinfo or dt.UTC).astimezone(dt.UTC)

    @cached_property
    def parsed(self) -> EmailMessage:
        return email.message_from_bytes(self.raw, policy=email.policy.default)

    @cached_property
    def files(self) -> tuple[File, ...]:
        return tuple(_file(part) for part in self.parsed.iter_attachments())

    def text(self, subtype: str) -> str | None:
        """The body as ``plain`` or ``html``, None without one."""
        part = self.parsed.get_body(preferencelist=(subtype,))
        return None if part is None else str(part.get_content())

    def changed(self, headers: dict[str, str]) -> Mime:
        """The same mail with these headers instead of those it had."""
        names = {name.lower() for name in headers}
        kept = [(name, value) for name, value in self.headers if name.lower() not in names]
        return Mime(_join([*kept, *((name, value.encode()) for name, value in headers.items())], self.body))

    def with_files(self, files: Iterable[File]) -> Mime:
        """The same mail with more attachments."""
        mail = email.message_from_bytes(self.raw, policy=email.policy.default)
        for file in files:
            main, _, sub = file.media_type.partition("/")
            mail.add_attachment(
                file.content,
                maintype=main,
                subtype=sub or "octet-stream",
                filename=file.name,
                cid=file.content_id,
            )
        return Mime(mail.as_bytes(policy=email.policy.SMTP))

    def rewritten(self, *, keep_x: bool) -> Mime:
        """The mail made anew: headers in Exchange's order, its own added, those it does not keep gone."""
        own = {"thread-topic": self._first.get("subject", b"")}
        own["x-ms-has-attach"] = b"yes" if b"\nContent-Disposition: attachment" in self.body else b""
        kept = [
            (name, value)
            for name, value in self.headers
            if name.lower() not in own and (keep_x or not name.lower().startswith("x-"))
        ]
        written = [("Thread-Topic", own["thread-topic"]), *kept, ("X-MS-Has-Attach", own["x-ms-has-attach"])]
        return Mime(_join(sorted(written, key=lambda pair: _place(pair[0].lower())), self.body))


def compose(headers: dict[str, str], body: str, subtype: str) -> Mime:
    """A mail from fields."""
    mail = EmailMessage(policy=email.policy.SMTP)
    for name, value in headers.items():
        mail[name] = value
    mail.set_content(body, subtype=subtype)
    return Mime(mail.as_bytes())


def write_addresses(addresses: Iterable[Address]) -> str:
    """Addresses as a header holds them."""
    return ", ".join(email.utils.formataddr((one.name, one.email)) for one in addresses)


def _file(part: EmailMessage) -> File:
    kind = part.get_content_type()
    inline = part.get_content_disposition() == "inline"
    name = part.get_filename() or ""
    if kind == "message/rfc822":
        inner = part.get_content()
        content = inner.as_bytes(policy=email.policy.SMTP)
        return File(name or str(inner["subject"] or ""), kind, content)
    payload = part.get_payload(decode=True)
    file = File(name, kind, payload if isinstance(payload, bytes) else b"", inline=inline)
    return replace(file, content_id=str(part["content-id"] or "").strip("<> "))


def _decode(text: str) -> str:
    if "=?" not in text:
        return text
    try:
        return str(make_header(decode_header(text)))
    except (HeaderParseError, LookupError, UnicodeError):
        return text


def _place(name: str) -> int:
    if name in _ORDER:
        return _ORDER.index(name)
    return len(_ORDER) + (2 if name == "mime-version" or name.startswith("content-") else 1)


def _join(headers: list[tuple[str, bytes]], body: bytes) -> bytes:
    return b"".join(b"%b: %b\r\n" % (name.encode(), value) for name, value in headers) + b"\r\n" + body
