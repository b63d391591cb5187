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

_LINE = 76
_SHELL = len("=?utf-8?b??=")
_WORD_BYTES = 42  # 42 bytes make an encoded word of 68 (limit: 75), which fits on a line after "From: "
_PHRASE = 68  # so does a quoted name of this length
_PARAMETER = 64  # with "filename*0*=utf-8''" before it, a line of at most 76
_LONGEST_WORD = 500  # longer ones are encoded: no line may have more than 998 (RFC 5322 2.1.1)
_FIELD_NAME = re.compile(r"[A-Za-z][A-Za-z0-9-]{0,39}")
_PLAIN_VALUE = re.compile(r"[A-Za-z0-9_.:;=/-]+(?: [A-Za-z0-9_.:;=/-]+)*")
_PLAIN_NAME = re.compile(r"(?:[\w.()+,&@!~#-]+(?: [\w.()+,&@!~#-]+)*)?", re.ASCII)
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
    if len(name) + len(value) < _LINE - 2 and _PLAIN_VALUE.fullmatch(value):
        return f"{name}: {value}\r\n"
    words = value.split(" ")
    if value.isascii() and "=?" not in value and all(words) and max(map(len, words)) <= _LONGEST_WORD:
        return _fold(name, words)
    room = _LINE - len(name) - 2 - _SHELL
    return _fold(name, _encoded_words(value, room // 4 * 3))


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
    plain = re.sub(r"[^\w.()+,&@!~#-]", "_", name, flags=re.ASCII)
    return plain if len(plain) < _PARAMETER else f"{plain[:40]}~{plain[-12:]}"


def _fold(name: str, tokens: Sequence[str]) -> str:
    """Put tokens on lines. The first stays beside the name: parsers keep a space that a fold there leaves."""
    line = f"{name}: {tokens[0] if tokens else ''}"
    lines = []
    for token in tokens[1:]:
        if len(line) + len(token) < _LINE:
            line += " " + token
        else:
            lines.append(line)
            line = " " + token
    lines.append(line + "\r\n")
    return "\r\n".join(lines)


def _encoded_words(text: str, size: int = _WORD_BYTES) -> list[str]:
    """Encode by RFC 2047, ``size`` bytes a word at most, never cutting inside a character."""
    raw = text.encode()
    words = []
    while raw:
        cut = min(size, len(raw))
        while cut < len(raw) and raw[cut] & 0xC0 == 0x80:  # noqa: PLR2004 - a continuation byte
            cut -= 1
        words.append(f"=?utf-8?b?{b2a_base64(raw[:cut], newline=False).decode()}?=")
        raw = raw[cut:]
    return words


@lru_cache(maxsize=16_384)  # the same people come in mail after mail
def _mailbox(name: str, email: str) -> tuple[str, ...]:
    if not is_address(email):
        raise ValueError("an address that must not stand in a header")
    name = header_text(name)
    if not name or name.isspace():
        return (email,)
    phrase = '"' + name.replace("\\", "\\\\").replace('"', '\\"') + '"'
    if not name.isascii() or "=?" in name or len(phrase) > _PHRASE:
        return (*_encoded_words(name), f"<{email}>")
    whole = f"{phrase} <{email}>"
    return (whole,) if len(whole) <= _PHRASE else (phrase, f"<{email}>")


def _parameter(name: str, text: str) -> str:
    if len(text) < _PARAMETER and _PLAIN_NAME.fullmatch(text):
        return f'{name}="{text}"'
    parts, part = [], ""
    for escaped in (quote(character, safe="") for character in text):
        if len(part) + len(escaped) > _PARAMETER - 12:
            parts.append(part)
            part = ""
        part += escaped
    parts.append(part)
    if len(parts) == 1:
        return f"{name}*=utf-8''{part}"
    first, *others = parts
    lines = [f"{name}*0*=utf-8''{first}"] + [f"{name}*{n}*={p}" for n, p in enumerate(others, 1)]
    return ";\r\n ".join(lines)
