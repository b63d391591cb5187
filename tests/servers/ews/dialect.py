"""Answers as servers of other makers write them: allowed by schema and protocol, but not as Exchange does it.

Seen in the sources of grommunio's EWS and in workarounds of exchangelib and DavMail, or left open by XML
Schema and HTTP: other prefixes, the default namespace, a byte order mark, booleans as 0 and 1, GUIDs in upper
case, times with an offset, what is optional left out, a search without a hit that says nothing but success,
faults without details that come with 200, compressed bodies in chunks, headers in lower case.
"""

from __future__ import annotations

import re
from typing import Any

from aiohttp import web
from lxml import etree

from tests.servers.ews.names import MESSAGES, SOAP, TYPES, Element, M, S, local

_OPTIONAL = frozenset(
    {"Header", "DescriptiveLinkKey", "MessageText", "DateTimeCreated", "Size", "RoutingType", "MailboxType"}
    | {"IsContactPhoto", "LastModifiedTime"}
)
_AS_IT_IS = frozenset({"Value", "Subject", "Name"})
_TIME = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)Z")
_BOOLEANS = {"true": "1", "false": "0"}
_BOM = b"\xef\xbb\xbf"


def retold(body: bytes) -> bytes:
    """An answer, said otherwise."""
    envelope = etree.fromstring(body)
    if (fault := envelope.find(f"{S}Body/{S}Fault")) is not None:
        for one in fault.findall("detail"):
            fault.remove(one)
        code = fault.find("faultcode")
        assert code is not None
        code.text = (code.text or "").rpartition(":")[2]
    for found in list(envelope.iter(f"{M}RootFolder")):
        parent = found.getparent()
        if parent is not None and found.get("TotalItemsInView") == "0":
            parent.remove(found)
    default: Any = {} if fault is not None else {None: MESSAGES}  # a fault's parts are in no namespace
    root = etree.Element(envelope.tag, nsmap={"SOAP": SOAP, "types": TYPES, **default})
    _copy(envelope, root)
    written = etree.tostring(root, encoding="utf-8", xml_declaration=True)
    return _BOM + written


def _copy(element: Element, copy: Element) -> None:
    for name, value in ((str(name), str(value)) for name, value in element.attrib.items()):
        if name != "ChangeKey":
            copy.set(name, value.upper() if name == "PropertySetId" else _BOOLEANS.get(value, value))
    text = element.text
    if text is not None and local(element) not in _AS_IT_IS:
        text = _TIME.sub(r"\1.000+00:00", _BOOLEANS.get(text, text))
    copy.text = text
    for child in element:
        if local(child) not in _OPTIONAL:
            _copy(child, etree.SubElement(copy, child.tag))


def answer(body: bytes) -> web.Response:
    """The HTTP around it; a fault is no reason for it to say anything but 200."""
    response = web.Response(body=retold(body), headers={"content-type": "text/xml"})
    response.enable_compression(web.ContentCoding.gzip)
    response.enable_chunked_encoding()
    return response
