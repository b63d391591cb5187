"""Header fields: RFC 5322 syntax, RFC 2047 encoded words, RFC 2231 parameters.

Fields are folded at 76 characters where they can be (RFC 2047 section 2 asks for it) and never hold
anything but printable ASCII, so that no name, subject or file name can start a field of its own.
"""

from __future__ import annotations

import re
import time
from binascii import b2a_base64
from collections.abc import Iterable, Sequence
from functools import lru_cache
from urllib.parse import quote

from include.commsarchive.message.addresses import is_address
from include.commsarchive.message.visible import header_text
from include.commsarchive.model import Address

LINE = 76
_WORD_BYTES = 45  # 45 bytes are 60 of base64; with =?utf-8?b? and ?= an encoded word of 72 (limit: 75)
_TOKEN = 64  # a longer word or parameter could not share a line with its field's name
_FIELD_NAME = re.compile(r"[A-Za-z][A-Za-z0-9-]{0,60}")
_PLAIN_VALUE = re.compile(r"[A-Za-z0-9_.:;=/-]+(?: [A-Za-z0-9_.:;=/-]+)*")
_MEDIA_TYPE = re.compile(r"[A-Za-z0-9!#$&^_.+-]{1,60}/[A-Za-z0-9!#$&^_.+-]{1,60}")
_MESSAGE_ID = re.compile(r"<[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]+@[A-Za-z0-9.-]+>")
_COMPOSITE = ("message/", "multipart/")  # RFC 2045 6.4 forbids base64 for these
_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


def text_field(name: str, value: str) -> str:
    """Write a field of free text.

    Raises:
        ValueError: ``name`` is no field name.
    """
    if not _FIELD_NAME.fullmatch(name):
        raise ValueError(f"no header field name: {name!r}")
    value = header_text(value)
    if len(name) + len(value) < LINE - 2 and _PLAIN_VALUE.fullmatch(value):
        return f"{name}: {value}\r\n"
    return _fold(name, _words(value))


def address_field(name: str, addresses: Sequence[Address]) -> str:
    """Write a field of addresses, or ``""`` when there are none.

    Raises:
        ValueError: an address is not usable; `addresses.address_of` gives usable ones only.
    """
    tokens: list[str] = []
    for address in addresses:
        tokens += _mailbox(address.name, address.email)
        tokens[-1] += ","
    if not tokens:
        return ""
    tokens[-1] = tokens[-1][:-1]
    return _fold(name, tokens)


def id_field(name: str, ids: Iterable[str]) -> str:
    """Write a field of message ids, given without angle brackets, or ``""`` when there are none.

    Raises:
        ValueError: an id is not usable.
    """
    tokens = [f"<{one}>" for one in ids]
    if not all(map(_MESSAGE_ID.fullmatch, tokens)):
        raise ValueError("a message id that must not stand in a header")
    return _fold(name, tokens) if tokens else ""


def date_field(at: int) -> str:
    """Write the Date field for a time in ms since 1970, in UTC, by RFC 5322 3.3."""
    t = time.gmtime(at // 1000)
    day = f"{_DAYS[t.tm_wday]}, {t.tm_mday:02d} {_MONTHS[t.tm_mon - 1]} {t.tm_year:04d}"
    return f"Date: {day} {t.tm_hour:02d}:{t.tm_min:02d}:{t.tm_sec:02d} +0000\r\n"


def media_type(value: str) -> str:
    """Give the type under which an attachment travels: its own when well-formed and not composite."""
    value = value.lower()
    if _MEDIA_TYPE.fullmatch(value) and not value.startswith(_COMPOSITE):
        return value
    return "application/octet-stream"


def parameter_field(name: str, value: str, parameter: str, text: str) -> str:
    """Write ``name: value; parameter=text``, by RFC 2231 where plain ASCII will not do."""
    return f"{name}: {value};\r\n {_parameter(parameter, header_text(text))}\r\n"


def ascii_name(name: str) -> str:
    """Give a plain fallback for a file name, for readers that do not know RFC 2231."""
    plain = re.sub(r'[^ -~]|["\\]', "_", name).replace("=?", "=_")
    return plain if len(plain) <= _TOKEN - 8 else f"{plain[:40]}~{plain[-12:]}"


def _fold(name: str, tokens: Iterable[str]) -> str:
    line = name + ":"
    lines = []
    for token in tokens:
        if len(line) + len(token) < LINE:
            line += " " + token
        else:
            lines.append(line)
            line = " " + token
    lines.append(line + "\r\n")
    return "\r\n".join(lines)


def _words(text: str) -> list[str]:
    """Cut free text where it may be folded: between words, or into encoded words."""
    if text.isascii() and "=?" not in text:
        words = text.split(" ")
        if all(words) and max(map(len, words)) <= _TOKEN:
            return words
    return _encoded_words(text)


def _encoded_words(text: str) -> list[str]:
    raw = text.encode()
    words = []
    while raw:
        cut = min(_WORD_BYTES, len(raw))
        while cut < len(raw) and raw[cut] & 0xC0 == 0x80:  # noqa: PLR2004 - never inside a character
            cut -= 1
        words.append(f"=?utf-8?b?{b2a_base64(raw[:cut], newline=False).decode()}?=")
        raw = raw[cut:]
    return words


@lru_cache(maxsize=16_384)  # the same people come in mail after mail
def _mailbox(name: str, email: str) -> tuple[str, ...]:
    if not is_address(email):
        raise ValueError("an address that must not stand in a header")
    name = header_text(name)
    if not name:
        return (email,)
    if not name.isascii() or "=?" in name or len(name) > _TOKEN:
        return (*_encoded_words(name), f"<{email}>")
    phrase = '"' + name.replace("\\", "\\\\").replace('"', '\\"') + '"'
    return (f"{phrase} <{email}>",) if len(phrase) + len(email) < LINE - 5 else (phrase, f"<{email}>")


def _parameter(name: str, text: str) -> str:
    if text.isascii() and "=?" not in text and '"' not in text and "\\" not in text and len(text) < _TOKEN:
        return f'{name}="{text}"'
    parts, part = [], ""
    for escaped in (quote(character, safe="") for character in text):
        if len(part) + len(escaped) > _TOKEN - 8:
            parts.append(part)
            part = ""
        part += escaped
    parts.append(part)
    if len(parts) == 1:
        return f"{name}*=utf-8''{part}"
    first, *others = parts
    lines = [f"{name}*0*=utf-8''{first}"] + [f"{name}*{n}*={p}" for n, p in enumerate(others, 1)]
    return ";\r\n ".join(lines)
