"""Finds shared files among the members of the attachment archives.

Rules of the financial formats, section 1.5: up to 1.3 a FileID is 24 hexadecimal digits and an extension
that may be missing; in 1.9 it is longer and the member's name is its URL-encoded or its decoded form. Case
and folders do not count.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import cached_property
from mimetypes import MimeTypes
from urllib.parse import unquote

from include.commsarchive.model import Attachment
from include.commsarchive.sources.base import Stored

_TOKEN = re.compile(r"(?<![0-9a-f])[0-9a-f]{24}(?![0-9a-f])")
_TYPES = MimeTypes()  # the built-in table only: the same type on every host
for _extension, _type in {
    ".docx": "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    ".msg": "application/vnd.ms-outlook",
    ".pptx": "application/vnd.openxmlformats-officedocument.presentationml.presentation",
    ".xlsm": "application/vnd.ms-excel.sheet.macroenabled.12",
    ".xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}.items():
    _TYPES.add_type(_type, _extension)


class Files:
    """The members of a bundle's attachment archives, by every name they may be asked for."""

    def __init__(self, stored: Mapping[str, Stored]) -> None:
        """Take the members by name as stored; they are sorted out when the first one is asked for."""
        self._stored = stored

    def attachment(self, name: str, file_id: str, size: int | None) -> Attachment:
        """Describe a shared file of this stated size. Where it is missing or of another, that is said."""
        shown = name or file_id
        media_type = _media_type(shown) or _media_type(file_id) or "application/octet-stream"
        found = self._find(file_id, size)
        if found is None:
            return Attachment(shown, file_id, media_type, size, problem="missing")
        problem = "" if size in {None, found.size} else "size-mismatch"
        return Attachment(shown, file_id, media_type, size, found.size, found.blob, problem)

    def _find(self, file_id: str, size: int | None) -> Stored | None:
        for name in _names(file_id):
            if found := self._index.get(name):
                return next((one for one in found if one.size == size), found[0])
        return None

    @cached_property
    def _index(self) -> dict[str, list[Stored]]:
        index: dict[str, list[Stored]] = {}
        for member in sorted(self._stored):
            for name in _names(member):
                index.setdefault(name, []).append(self._stored[member])
        return index


def _media_type(name: str) -> str:
    """Tell a type by name: that of the packed form for a packed file, ``""`` where it says nothing."""
    kind, packed = _TYPES.guess_type(name)
    return f"application/{packed}" if packed else kind or ""


def _names(name: str) -> Iterator[str]:
    """Give the names a file goes by, the surest first."""
    base = name.replace("\\", "/").rpartition("/")[2].casefold()
    names = [base, unquote(base).casefold()]
    names += _TOKEN.findall(base)[-1:]
    names += [stem for full in names[:2] if (stem := full.rpartition(".")[0])]
    return (one for one in dict.fromkeys(names) if one)
