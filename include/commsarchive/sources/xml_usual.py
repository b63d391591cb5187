"""Things of the usual shape are taken out of a record as text; a parser reads only what is left of it.

A day's export is a million events that a program wrote, all alike. One expression matches such a thing
whole and gives its parts. In what is left a mark stands for each run of them, and they count only if the
source meets every mark where such things belong: a mark in a comment, CDATA, a tag or a strange element
is never met. Then, and where anything else is odd, the whole record is read with care instead.
"""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from html import unescape
from typing import TypeVar

from include.commsarchive.errors import Quarantine
from include.commsarchive.sources.xml_reading import read_strict

_MARK = "taken-out.7f3a_"
"""The name of the element that stands for a run of usual things."""
SPACE = r"[ \t\n]*+"
TEXT = "([^<]*+)"
"""An element's text, to be `unescaped`."""
VALUE = '"([^"<]*+)"'
"""An attribute's value, to be `unescaped_value`."""
LONG_VALUE = '"([^"]*+)"'
"""The same, for long ones: much faster, but what it matches may turn out to be none."""
CDATA = r"<!\[CDATA\[(?:[^\]<]++|\](?!\]>)|<(?!!\[CDATA\[))*+\]\]>"
"""A section in which nothing is escaped; one that looks like two is not usual, or trying might take long."""
_ODD = re.compile("&(?!(?:amp|lt|gt|quot|apos|#(?:9|10|13|34|39)|#x(?:9|[AaDd]|2[27]));)")
_SECTION_START = "<![CDATA["
_SECTION = re.compile("\0<!\\[CDATA\\[[^\0]*")
_LEGAL = bytes((0x09, 0x0A, 0x0D, *range(0x20, 0x100)))
_WHITE = str.maketrans("\n\t", "  ")

Row = tuple[str, ...]
"""The groups of the expression; a part that is missing is empty."""
T = TypeVar("T")


class UnusualError(Exception):
    """Something that looked usual is not: the record must be read with care."""


@dataclass(slots=True)
class Usual:
    """The usual things of a record; ``met`` counts those that were asked for."""

    rows: Sequence[Row] = ()
    met: int = 0

    @property
    def tag(self) -> str:
        """The tag of elements that stand for some of them."""
        return _MARK if self.rows else ""

    def at(self, mark: ET.Element) -> Sequence[Row]:
        """Give those that a mark stands for. Ask once."""
        start, end = int(mark.get("from", "")), int(mark.get("to", ""))
        self.met += end - start
        return self.rows[start:end]


def leaf(name: str, text: str = TEXT) -> str:
    """Make the expression of an element with nothing but text, which may be missing."""
    return f"(?:<{name}>{text}</{name}>{SPACE})?+"


def unescaped(text: str) -> str:
    """Give a text as people wrote it."""
    return unescape(text) if "&" in text else text


def content_of(text: str) -> str:
    """Give the text of an element that may be `CDATA`."""
    return text[len(_SECTION_START) : -len("]]>")] if text.startswith(_SECTION_START) else unescaped(text)


def unescaped_value(text: str) -> str:
    """Give an attribute's value as a parser does: white space that is not escaped is blank.

    Raises:
        UnusualError: it is not well-formed.
    """
    if "<" in text:
        raise UnusualError
    return unescaped(text.translate(_WHITE) if "\n" in text or "\t" in text else text)


def usual_element(text: str, namespaces: str = "") -> ET.Element:
    """Read an element that stands alone.

    Raises:
        UnusualError: it does not, or is not well-formed.
    """
    try:
        found = read_strict(text.encode(), namespaces)
    except ET.ParseError as error:
        raise UnusualError from error
    if len(found) != 1 or found.text or found[0].tail:
        raise UnusualError
    return found[0]


def read_usual(
    raw: bytes, namespaces: str, usual: re.Pattern[str], make: Callable[[ET.Element, Usual], T]
) -> T | None:
    """Make something of a record, given what is left of it within one element; None: read it with care."""
    text = _letters(raw)
    if text is None or _MARK in text:
        return None
    rows, left = _taken_out(text, usual)
    if not rows or _is_odd("\0".join(map("\0".join, rows)) if "[" in text else text):
        return None
    found = Usual(rows)
    try:
        made = make(read_strict(left.encode(), namespaces), found)
    except (ET.ParseError, Quarantine, UnusualError):
        return None
    return made if found.met == len(rows) else None


def match_usual(raw: bytes, usual: re.Pattern[str]) -> Row | None:
    """Give the parts of a record that is usual as a whole; None: read it with care."""
    text = _letters(raw)
    found = None if text is None or _is_odd(text) else usual.fullmatch(text)
    return found.groups("") if found else None


def _taken_out(text: str, usual: re.Pattern[str]) -> tuple[list[Row], str]:
    """Take out what is usual, and put a mark in the place of each run of it."""
    rows, left, start, end = list[Row](), list[str](), 0, 0
    for found in usual.finditer(text):
        at, after = found.span()
        if at != end:
            left += (_mark(start, len(rows)), text[end:at])
            start = len(rows)
        rows.append(found.groups(""))
        end = after
    return rows, "".join((*left, _mark(start, len(rows)), text[end:]))


def _mark(start: int, end: int) -> str:
    return f'<{_MARK} xmlns="" from="{start}" to="{end}"/>' if end > start else ""


def _is_odd(parts: str) -> bool:
    """Say whether any is not well-formed, or refers to a letter that `unescape` may read otherwise."""
    escaped = _SECTION.sub("", parts) if "[" in parts else parts  # to look for one letter is much faster
    return ("]" in escaped and "]]>" in escaped) or ("&" in escaped and bool(_ODD.search(escaped)))


def _letters(raw: bytes) -> str | None:
    """Decode with line ends as a parser gives them; None where a letter is illegal (XML 1.0, section 2.2)."""
    try:
        text = raw.decode()
    except UnicodeDecodeError:
        return None
    if raw.translate(None, _LEGAL) or "\ufffe" in text or "\uffff" in text:
        return None
    return text.replace("\r\n", "\n").replace("\r", "\n") if "\r" in text else text
