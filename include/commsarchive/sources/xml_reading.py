"""Reads one record's bytes as XML: strictly, or after mending what is commonly wrong with it.

What vendors and gateways deliver is often malformed (financial formats, section 0.6). Mending goes from
the harmless to the desperate, and every step that was taken is named, so that the archived item says so.
Entities, document types and the network are never used.
"""

from __future__ import annotations

import re
import sys
import xml.etree.ElementTree as ET
from collections.abc import Callable, Collection
from contextlib import suppress

from lxml import etree

from include.commsarchive.errors import Quarantine

TAGS_LEFT_OUT = "faulty tags left out"
"""The last resort: text may stand in another element than it was meant for."""
_DTD = re.compile(rb"<!(?:DOCTYPE|ENTITY)", re.IGNORECASE)
_CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff\ud800-\udfff]")
_REFERENCE = re.compile(r"&#(?:x0*([0-9A-Fa-f]{1,8})|0*([0-9]{1,9}));")
_LONE_AMPERSAND = re.compile(r"&(?!(?:amp|lt|gt|quot|apos|#[0-9]+|#x[0-9A-Fa-f]+);)")
_LONE_LESS = re.compile(r"<(?![A-Za-z_/?]|!--|!\[CDATA\[)")
_VERBATIM = re.compile(r"(<!\[CDATA\[.*?(?:\]\]>|\Z)|<!--.*?(?:-->|\Z))", re.DOTALL)
"""A section of that kind, or the start of one that never ends, with all that follows."""
_NAME = re.compile(r"<(/?)([\w.:-]*)")
_TAG = re.compile(r"<[^<>]*>")
_DECLARED = re.compile(r"xmlns:([\w.-]+)\s*=")
_PREFIX = re.compile(r"</?([A-Za-z_][\w.-]*):")


def read_strict(raw: bytes, namespaces: str) -> ET.Element:
    """Read elements into one that holds them all.

    ``namespaces`` are the declarations that are in force (``xmlns:a="…"``).

    Raises:
        ET.ParseError: this is not well-formed XML.
    """
    try:
        # It stands inside an element, where no document type and so no entity can be defined.
        return ET.fromstring(b"<all %b>%b</all>" % (namespaces.encode(), raw))  # noqa: S314
    except ValueError as error:  # an encoding that Python does not know
        raise ET.ParseError(str(error)) from error


def read_mended(raw: bytes, namespaces: str, known: Collection[str]) -> tuple[ET.Element, list[str]]:
    """Read elements that are not well-formed; also return what had to be mended.

    ``known`` are the local names of the format, in lower case: when nothing else helps, other tags
    are taken for text.

    Raises:
        Quarantine: it cannot be read at all, or it defines entities.
    """
    if _DTD.search(raw):
        raise Quarantine("document-type", "defines a document type or entities, which are never read")
    text, mended = _mend(raw)
    if prefixes := _unbound(text, namespaces):
        namespaces += "".join(f' xmlns:{prefix}="unknown"' for prefix in prefixes)
        mended.append("namespace prefixes declared")
    with suppress(ET.ParseError):
        return read_strict(text.encode(), namespaces), mended
    tagged = _outside(text, lambda part: _escape_strangers(part, known))
    if tagged != text:
        mended.append("unknown tags taken for text")
        with suppress(ET.ParseError):
            return read_strict(tagged.encode(), namespaces), mended
    return _recover(tagged, namespaces), [*mended, TAGS_LEFT_OUT]


def _mend(raw: bytes) -> tuple[str, list[str]]:
    """Mend single characters."""
    text = raw.decode("utf-8", "replace")
    mended = [] if text.encode() == raw else ["unreadable bytes replaced"]
    whole = _CONTROL.sub("", text)
    if whole != text:
        mended.append("control characters removed")
    for note, mend in _MENDING.items():
        text, whole = whole, _outside(whole, mend)
        if whole != text:
            mended.append(note)
    return whole, mended


def _outside(text: str, mend: Callable[[str], str]) -> str:
    """Mend everything but comments and CDATA; one that never ends is text after all."""
    parts = _VERBATIM.split(text)
    parts[::2] = [mend(part) for part in parts[::2]]
    parts[1::2] = [part if part.endswith(("]]>", "-->")) else "&lt;" + mend(part[1:]) for part in parts[1::2]]
    return "".join(parts)


def _drop_references(text: str) -> str:
    """Remove references to characters that XML forbids (XML 1.0, section 2.2)."""

    def legal(found: re.Match[str]) -> str:
        code = int(found[1], 16) if found[1] else int(found[2])
        return found[0] if code <= sys.maxunicode and not _CONTROL.match(chr(code)) else ""

    return _REFERENCE.sub(legal, text)


_MENDING: dict[str, Callable[[str], str]] = {
    "lone < escaped": lambda text: _LONE_LESS.sub("&lt;", text),
    "references to control characters removed": _drop_references,
    "lone & escaped": lambda text: _LONE_AMPERSAND.sub("&amp;", text),
    "lone ]]> escaped": lambda text: text.replace("]]>", "]]&gt;"),
}


def _unbound(text: str, namespaces: str) -> list[str]:
    """List the prefixes that are used but declared nowhere."""
    declared = set(_DECLARED.findall(namespaces + text))
    return [prefix for prefix in dict.fromkeys(_PREFIX.findall(text)) if prefix not in declared]


def _escape_strangers(text: str, known: Collection[str]) -> str:
    """Take elements that the format does not have for text: people type ``<GO>``.

    The end tag of an element that nobody began is a known one misspelled: it stays.
    """
    begun = {name for end, name in _NAME.findall(text) if not end}

    def escape(found: re.Match[str]) -> str:
        stranger = found[2].rpartition(":")[2].lower() not in known
        return "&lt;" + found[0][1:] if stranger and found[2] in begun else found[0]

    return _NAME.sub(escape, text)


def _recover(text: str, namespaces: str) -> ET.Element:
    """Leave faulty tags out, but no text: when the parser drops any, nothing of it is used."""
    parser = etree.XMLParser(
        recover=True,
        resolve_entities=False,
        no_network=True,
        huge_tree=False,
        remove_comments=True,
        remove_pis=True,
    )
    numbered = _outside(text, _number_entities)  # libxml2 drops named ones after an error
    try:
        root = etree.fromstring(f"<all {namespaces}>{numbered}</all>".encode(), parser)
        found = ET.fromstring(etree.tostring(root))  # noqa: S314 - lxml wrote it, without document type
        whole = _letters(found) == _letters(ET.fromstring(_bare(text)))  # noqa: S314 - there is no tag in it
    except (etree.XMLSyntaxError, ET.ParseError, TypeError, ValueError) as error:
        raise Quarantine("malformed", "cannot be read as XML, not even by a recovering parser") from error
    if not whole:
        raise Quarantine("malformed", "cannot be read as XML without losing some of it")
    return found


def _number_entities(text: str) -> str:
    for name, character in (("amp", "&"), ("lt", "<"), ("gt", ">"), ("quot", '"'), ("apos", "'")):
        text = text.replace(f"&{name};", f"&#{ord(character)};")
    return text


def _bare(text: str) -> str:
    """Take the tags out of a text, and put it into an element of its own."""
    return f"<all>{_outside(text, lambda part: _TAG.sub('', part))}</all>"


def _letters(element: ET.Element) -> str:
    return "".join("".join(element.itertext()).split())
