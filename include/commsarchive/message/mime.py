"""RFC 5322 bytes of a mail: CRLF, multipart/alternative text and HTML, attachments as base64.

A writer of our own: `email.message.EmailMessage` loses recipients when it folds long lists with
non-ASCII names (CPython 3.11), and is some twenty times slower.
"""

from __future__ import annotations

from binascii import b2a_base64
from collections.abc import Iterator

from include.commsarchive.ids import digest
from include.commsarchive.message.headers import (
    address_field,
    ascii_name,
    date_field,
    id_field,
    media_type,
    parameter_field,
    text_field,
)
from include.commsarchive.message.lines import lines_fit
from include.commsarchive.model import Mail, MailPart

_LONGEST_LINE = 998  # RFC 5322 2.1.1, without the CRLF
_UNDISCLOSED = "To: undisclosed-recipients:;\r\n"  # RFC 5322 A.1.3: all recipients are blind copies
_BLOCK = 57 * 16_384  # bytes read at once from an attachment; 57 make one line of base64


def encode(mail: Mail) -> Iterator[bytes]:
    """Give a mail's bytes, piece by piece; the same mail always gives the same bytes.

    Raises:
        ValueError: an address or header name is not usable, which `make_mail` never lets happen.
    """
    mark = _boundary(mail)
    alternative = f'multipart/alternative; boundary="=_a{mark}"'
    bodies = _body("plain", mail.text, mark) + _body("html", mail.html, mark) + f"--=_a{mark}--\r\n".encode()
    if not mail.attachments:
        yield f"{head(mail)}Content-Type: {alternative}\r\n\r\n".encode() + bodies
        return
    yield (
        f'{head(mail)}Content-Type: multipart/mixed; boundary="=_m{mark}"\r\n\r\n'
        f"--=_m{mark}\r\nContent-Type: {alternative}\r\n\r\n"
    ).encode() + bodies
    for part in mail.attachments:
        yield f"--=_m{mark}\r\n{_part_head(part)}".encode()
        yield from _content(part)
    yield f"--=_m{mark}--\r\n".encode()


def head(mail: Mail) -> str:
    """Write the fields that say whose mail it is and what of, each with its line end."""
    fields = [
        address_field("From", (mail.sender,)),
        address_field("To", mail.to) or ("" if mail.cc or not mail.bcc else _UNDISCLOSED),
        address_field("Cc", mail.cc),
        address_field("Bcc", mail.bcc),
        text_field("Subject", mail.subject),
        date_field(mail.at),
        id_field("Message-ID", (mail.message_id,)),
        id_field("References", mail.references),
        "MIME-Version: 1.0\r\n",
    ]
    return "".join(fields + [text_field(name, value) for name, value in mail.headers])


def _boundary(mail: Mail) -> str:
    """Derive the boundaries' common part from the Message-ID; it never occurs in a body."""
    mark = digest("boundary", mail.message_id)[:24]
    while mark in mail.text or mark in mail.html:
        mark = digest("boundary", mark)[:24]
    return mark


def _body(subtype: str, text: str, mark: str) -> bytes:
    fits = text.isascii() and lines_fit(text, _LONGEST_LINE) and "\0" not in text and "\r" not in text
    content = text.replace("\n", "\r\n").encode("utf-8", "replace")
    head = (
        f"--=_a{mark}\r\nContent-Type: text/{subtype}; charset=utf-8\r\n"
        f"Content-Transfer-Encoding: {'7bit' if fits else 'base64'}\r\n\r\n"
    )
    return head.encode() + (content + b"\r\n" if fits else _lines(content))


def _part_head(part: MailPart) -> str:
    kind = media_type(part.media_type)
    return (
        parameter_field("Content-Type", kind, "name", ascii_name(part.name))
        + parameter_field("Content-Disposition", "attachment", "filename", part.name)
        + "Content-Transfer-Encoding: base64\r\n\r\n"
    )


def _content(part: MailPart) -> Iterator[bytes]:
    with part.open() as stream:
        rest = b""
        while block := stream.read(_BLOCK):
            block = rest + block
            whole = len(block) - len(block) % 57
            rest = block[whole:]
            if whole:
                yield _lines(block[:whole])
        if rest:
            yield _lines(rest)


def _lines(raw: bytes) -> bytes:
    """Encode as base64 in lines of 76."""
    code = b2a_base64(raw, newline=False)
    return b"\r\n".join([code[start : start + 76] for start in range(0, len(code), 76)]) + b"\r\n"
