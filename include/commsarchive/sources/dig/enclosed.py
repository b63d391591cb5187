"""Files whose bytes stand in the transcript itself."""

from __future__ import annotations

import base64
import binascii
import hashlib
import xml.etree.ElementTree as ET

from include.commsarchive.sources.instant_bloomberg.elements import local, text_of


def bytes_of(content: ET.Element) -> tuple[bytes, str]:
    """Give the bytes that a ``file-content`` encloses, and what is odd about them; none for a path."""
    text = text_of(content)
    if not text.strip():
        return b"", ""
    said = {local(name): value.strip().lower() for name, value in content.attrib.items()}
    if said.get("encoding", "") != "base64":
        return text.encode("utf-8", "replace"), ""
    try:
        return base64.b64decode("".join(text.split()), validate=True), ""
    except (binascii.Error, ValueError):
        return text.encode("utf-8", "replace"), "not valid base64: attached as it stands"


def name_of(content: bytes) -> str:
    """Name an enclosed file by its content: two of them are one."""
    return hashlib.sha256(content).hexdigest()
