"""The vocabulary of the protocol: namespaces, and the making of XML text."""

from __future__ import annotations

import datetime as dt
import re
from xml.sax.saxutils import escape, quoteattr

from lxml import etree

Element = etree._Element

SOAP = "http://schemas.xmlsoap.org/soap/envelope/"
TYPES = "http://schemas.microsoft.com/exchange/services/2006/types"
MESSAGES = "http://schemas.microsoft.com/exchange/services/2006/messages"
ERRORS = "http://schemas.microsoft.com/exchange/services/2006/errors"
XSI = "http://www.w3.org/2001/XMLSchema-instance"
T = f"{{{TYPES}}}"
M = f"{{{MESSAGES}}}"
S = f"{{{SOAP}}}"

_NOT_XML = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")


def plain(text: str) -> str:
    """Text without what XML cannot hold, its markup escaped."""
    return escape(_NOT_XML.sub("", text))


def tag(name: str, content: str = "", **attributes: str) -> str:
    """An element around XML text; ``name`` has its prefix (``t:Subject``)."""
    written = "".join(f" {key}={quoteattr(_NOT_XML.sub('', value))}" for key, value in attributes.items())
    return f"<{name}{written}>{content}</{name}>" if content else f"<{name}{written}/>"


def leaf(name: str, text: str) -> str:
    """An element around plain text."""
    return f"<{name}>{plain(text)}</{name}>"


def flag(value: object) -> str:
    """A boolean as XML Schema writes it."""
    return "true" if value else "false"


def moment(when: dt.datetime) -> str:
    """A time as Exchange writes it: UTC, without fractions of a second."""
    return when.astimezone(dt.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def local(element: Element) -> str:
    """The name of an element without its namespace."""
    return etree.QName(element).localname


def text_of(parent: Element, name: str) -> str | None:
    """Text of a child in the types namespace, None where there is no such child."""
    found = parent.find(f"{T}{name}")
    return None if found is None else found.text or ""


def elements(parent: Element | None) -> list[Element]:
    """Children that are elements."""
    return [] if parent is None else [one for one in parent if isinstance(one.tag, str)]
