"""MAPI properties: how a request names them, and their values.

A property is known by its set ("" for tagged ones) and its id or name. Tags are compared as numbers, sets
without regard to case (MS-OXWSXPROP).
"""

from __future__ import annotations

import base64
import binascii
import datetime as dt
import uuid
from collections.abc import Callable

from tests.servers.ews.names import Element, T, elements, flag, leaf, moment, tag
from tests.servers.ews.refusals import EwsError

Key = tuple[str, int | str]
Single = str | int | float | bool | bytes | dt.datetime
Value = Single | tuple[Single, ...]

SETS = {
    "Meeting": "6ed8da90-450b-101b-98da-00aa003f1305",
    "Appointment": "00062002-0000-0000-c000-000000000046",
    "Common": "00062008-0000-0000-c000-000000000046",
    "PublicStrings": "00020329-0000-0000-c000-000000000046",
    "Address": "00062004-0000-0000-c000-000000000046",
    "InternetHeaders": "00020386-0000-0000-c000-000000000046",
    "CalendarAssistant": "11000e07-b51b-40d6-af21-caa85edab1d0",
    "UnifiedMessaging": "4442858e-a9e3-4e80-b900-317a210cc15b",
    "Task": "00062003-0000-0000-c000-000000000046",
    "Sharing": "00062040-0000-0000-c000-000000000046",
}
INTERNET_HEADERS = SETS["InternetHeaders"]

CLASS, IMPORTANCE, SENSITIVITY, SUBJECT, SENT = 0x001A, 0x0017, 0x0036, 0x0037, 0x0039
TOPIC, HEADERS, RECEIVED, FLAGS, SIZE = 0x0070, 0x007D, 0x0E06, 0x0E07, 0x0E08
DISPLAY_BCC, DISPLAY_CC, DISPLAY_TO, HAS_ATTACHMENTS, IMAP_UID = 0x0E02, 0x0E03, 0x0E04, 0x0E1B, 0x0E23
RECORD_KEY, MESSAGE_ID, REFERENCES, IN_REPLY_TO, URL_NAME = 0x0FF9, 0x1035, 0x1039, 0x1042, 0x10F3
CREATED, MODIFIED = 0x3007, 0x3008

READ, UNMODIFIED, SUBMITTED, UNSENT, HAS_FILES, FROM_ME, RESEND = 0x01, 0x02, 0x04, 0x08, 0x10, 0x20, 0x80
"""Bits of `FLAGS` (PidTagMessageFlags, MS-OXCMSG 2.2.1.6)."""

_CUSTOM_TAGS = range(0x8000, 0xFFFF)
"""Tags that are given out by each mailbox and mean nothing in a request (documentation of PropertyTag)."""


def tagged(number: int) -> Key:
    """The key of a tagged property."""
    return "", number


def named(property_set: str, name: str | int) -> Key:
    """The key of a named property; ``property_set`` is a GUID."""
    guid = property_set.strip("{}").lower()
    return guid, name.lower() if guid == INTERNET_HEADERS and isinstance(name, str) else name


def read_uri(uri: Element) -> Key:
    """What an ExtendedFieldURI names.

    Raises:
        EwsError: the attributes do not go together.
    """
    number, guid = uri.get("PropertyTag"), uri.get("PropertySetId")
    known, name, identifier = (
        uri.get(one) for one in ("DistinguishedPropertySetId", "PropertyName", "PropertyId")
    )
    if number is not None:
        if guid or known or name or identifier:
            raise EwsError("ErrorInvalidExtendedProperty")
        value = int(number, 16 if number.lower().startswith("0x") else 10)
        if value in _CUSTOM_TAGS:
            raise EwsError("ErrorInvalidExtendedProperty")
        return tagged(value)
    if (guid is None) == (known is None) or (name is None) == (identifier is None):
        raise EwsError("ErrorInvalidExtendedProperty")
    return named(guid or SETS[known or ""], name if name is not None else int(identifier or "0"))


def read_property(element: Element) -> tuple[Key, Value]:
    """An ExtendedProperty with its value.

    Raises:
        EwsError: the name is wrong, or the value is none of its type.
    """
    uri, given = elements(element)[:2]
    kind = uri.get("PropertyType", "String")
    many = kind.endswith("Array")
    if many != (given.tag == f"{T}Values"):
        raise EwsError("ErrorInvalidExtendedPropertyValue")
    if not many:
        return read_uri(uri), parse_value(kind, given.text or "")
    kind = kind.removesuffix("Array")
    return read_uri(uri), tuple(parse_value(kind, one.text or "") for one in elements(given))


def parse_value(kind: str, text: str) -> Single:
    """A value of a MAPI type from its text."""
    try:
        return _PARSERS.get(kind, str)(text)
    except (ValueError, binascii.Error) as error:
        raise EwsError("ErrorInvalidExtendedPropertyValue") from error


def parse_time(text: str) -> dt.datetime:
    """An xs:dateTime; without an offset it is taken for UTC."""
    when = dt.datetime.fromisoformat(text.strip())
    return when.replace(tzinfo=when.tzinfo or dt.UTC).astimezone(dt.UTC)


def _truth(text: str) -> bool:
    return {"true": True, "1": True, "false": False, "0": False}[text.strip().lower()]


def _parse_bool(text: str) -> bool:
    try:
        return _truth(text)
    except KeyError as error:
        raise ValueError(text) from error


_PARSERS: dict[str, Callable[[str], Single]] = {
    "Integer": int,
    "Long": int,
    "Short": int,
    "Currency": int,
    "Error": int,
    "Double": float,
    "Float": float,
    "ApplicationTime": float,
    "Boolean": _parse_bool,
    "Binary": lambda text: base64.b64decode(text, validate=True),
    "SystemTime": parse_time,
    "CLSID": lambda text: str(uuid.UUID(text)),
}


def fits(kind: str, value: Value) -> bool:
    """Whether a value is of the MAPI type that a request names: type and tag are one in MAPI."""
    wanted: type | tuple[type, ...] = _TYPES.get(kind.removesuffix("Array"), str)
    one = value[0] if isinstance(value, tuple) and value else value
    if isinstance(one, bool):
        return wanted is bool
    return isinstance(value, tuple) == kind.endswith("Array") and isinstance(one, wanted)


_TYPES: dict[str, type] = {
    "Boolean": bool,
    "Binary": bytes,
    "SystemTime": dt.datetime,
    **dict.fromkeys(("Integer", "Long", "Short", "Currency", "Error"), int),
    **dict.fromkeys(("Double", "Float", "ApplicationTime"), float),
}


def write_value(value: Single) -> str:
    """A value's text."""
    match value:
        case bool():
            return flag(value)
        case dt.datetime():
            return moment(value)
        case bytes():
            return base64.b64encode(value).decode()
        case _:
            return str(value)


def write_property(uri: Element, value: Value, cut: int | None = None) -> str:
    """An ExtendedProperty, named as the request named it; texts are cut where a search answers."""
    attributes = {str(name): str(text) for name, text in uri.attrib.items()}
    if "PropertyTag" in attributes:
        attributes["PropertyTag"] = f"0x{int(read_uri(uri)[1]):x}"
    shown = value if isinstance(value, tuple) else (value,)
    texts = "".join(leaf("t:Value", write_value(one)[:cut]) for one in shown)
    return tag(
        "t:ExtendedProperty",
        tag("t:ExtendedFieldURI", **attributes)
        + (tag("t:Values", texts) if isinstance(value, tuple) else texts),
    )
