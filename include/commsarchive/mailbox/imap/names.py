"""Names of folders on an IMAP server: its separator between levels, modified UTF-7 (RFC 3501, 5.1.3)."""

from __future__ import annotations

import binascii
import re

_UNUSABLE = re.compile(r'[\x00-\x1f\x7f*%"\\]')
"""Control characters, wildcards, and what would have to be quoted; a name with ``_`` serves as well."""
_SHIFTED = re.compile(r"[^\x20-\x7e]+|&")


def levels(folder: str, separator: str) -> list[str]:
    """Split a folder's name into levels as the server can have them; ``[]`` is the Inbox itself."""
    unusable = re.compile(f"{_UNUSABLE.pattern}|{re.escape(separator)}")
    return [unusable.sub("_", level) for level in folder.split("/") if level]


def wire_name(parts: list[str], separator: str) -> str:
    """Name the Inbox or a folder below it as it goes over the wire, quoted."""
    return f'"{separator.join(["INBOX", *map(modified_utf7, parts)])}"'


def modified_utf7(text: str) -> str:
    """Encode a name: printable ASCII as it is but for ``&``, the rest as UTF-16 in a base64 of its own."""
    return _SHIFTED.sub(_shift, text)


def _shift(found: re.Match[str]) -> str:
    if found[0] == "&":
        return "&-"
    code = binascii.b2a_base64(found[0].encode("utf-16-be", "replace"), newline=False)
    return f"&{code.decode().rstrip('=').replace('/', ',')}-"
