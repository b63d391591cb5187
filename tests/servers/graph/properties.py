"""Extended properties: how they are named, and what a value of each type must look like.

Formats: Microsoft's extended-properties-overview; returned ids have lower-case hexadecimal digits without
leading zeros and lower-case GUIDs, as answers of Graph quoted by its users have.
"""

from __future__ import annotations

import base64
import binascii
import datetime as dt
import functools
import re

from tests.servers.graph.wire import GraphError, iso

FLAGS = "Integer 0xe07"
RECEIVED = "SystemTime 0xe06"
SENT = "SystemTime 0x39"
ITEM_CLASS = "String 0x1a"
HEADERS = "String 0x7d"
IN_REPLY_TO = "String 0x1042"
REFERENCES = "String 0x1039"

READ, UNSENT = 1, 8
"""Bits of PidTagMessageFlags ([MS-OXCMSG] 2.2.1.6)."""

_TYPES = {
    one.lower(): one
    for one in (
        *("Binary", "Boolean", "CLSID", "Currency", "Double", "Float"),
        *("Integer", "Long", "Short", "String", "SystemTime"),
    )
}
_ID = re.compile(
    r"(?P<type>[A-Za-z]+)\s+(?:(?P<tag>0x[0-9A-F]{1,8})"
    r"|\{(?P<guid>[0-9A-F]{8}(?:-[0-9A-F]{4}){3}-[0-9A-F]{12})\}\s+"
    r"(?:Name\s+(?P<name>\S.*)|Id\s+(?P<number>0x[0-9A-F]+|\d+)))",
    re.IGNORECASE,
)


@functools.lru_cache(maxsize=1000)
def canonical(text: str) -> str:
    """One spelling for all ids that mean the same property.

    A tag is compared by its number, with or without the type in its low half; types and GUIDs in any case.
    """
    found = _ID.fullmatch(text.strip())
    kind = _TYPES.get(found["type"].lower()) if found else None
    if found is None or kind is None:
        raise GraphError(400, "ErrorInvalidExtendedProperty", "The extended property id is not valid.")
    if found["tag"]:
        number = int(found["tag"], 16)
        return f"{kind} {number >> 16 if number > 0xFFFF else number:#x}"
    space = f"{kind} {{{found['guid'].lower()}}}"
    if found["name"]:
        return f"{space} Name {found['name']}"
    return f"{space} Id {int(found['number'], 0):#x}"


def checked(identifier: str, value: object) -> str:
    """A value as Exchange gives it back."""
    kind = identifier.split(" ", 1)[0]
    if not isinstance(value, str):
        raise GraphError(400, "ErrorInvalidExtendedPropertyValue", "The value must be a string.")
    try:
        if kind in {"Integer", "Long", "Short"}:
            return str(int(value))
        if kind == "SystemTime":
            moment = dt.datetime.fromisoformat(value)
            return iso(moment.replace(tzinfo=moment.tzinfo or dt.UTC).timestamp())
        if kind == "Binary":
            base64.b64decode(value, validate=True)
    except (ValueError, binascii.Error) as error:
        raise GraphError(400, "ErrorInvalidExtendedPropertyValue", f"Not of type {kind}.") from error
    return value
