"""Answers as servers of other makers, or gateways before Graph, give them: by OData and HTTP, not as Graph.

200 where Graph says 201, addresses that are relative, times with fractions, property ids in upper case, lists
that are null where they are empty, fields that nobody knows, optional ones left out, error codes of its own
beside the same status, a byte order mark, compressed bodies in chunks, headers in lower case, no request id.
"""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import urlsplit

import msgspec
from aiohttp import web

from tests.servers.graph.wire import Reply

ID_SIGNS = "/+="
"""Signs of its ids that must not stand in a path as they are."""

_LEFT_OUT = frozenset({"hasAttachments", "createdDateTime", "@odata.etag", "changeKey", "nextExpectedRanges"})
_ADDRESSES = frozenset({"@odata.nextLink", "uploadUrl"})
_CODES = {
    "ErrorFolderExists": "nameAlreadyExists",
    "ErrorItemNotFound": "itemNotFound",
    "ErrorAccessDenied": "accessDenied",
}
_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")
_ID = re.compile(r"\{[0-9a-f-]{36}\}|(?<=0x)[0-9a-f]+$")


def answer(reply: Reply) -> web.Response:
    """An answer, said otherwise."""
    body = reply.content()
    if body and not isinstance(reply.body, bytes):
        body = b"\xef\xbb\xbf" + msgspec.json.encode(_retold(reply.body))
    status = 200 if reply.status == 201 else reply.status
    headers = {name.lower(): value for name, value in reply.headers.items() if name != "Location"}
    response = web.Response(status=status, body=body, headers={"content-type": "application/json", **headers})
    if body:
        response.enable_compression(web.ContentCoding.gzip)
        response.enable_chunked_encoding()
    return response


def _retold(value: Any, name: str = "") -> Any:
    if isinstance(value, dict):
        told = {key: _retold(one, key) for key, one in value.items() if key not in _LEFT_OUT}
        return {**told, "@vendor.note": {"of": ["no", "interest"]}}
    if isinstance(value, list):
        return [_retold(one) for one in value] if value or name == "value" else None
    return _text(value, name) if isinstance(value, str) else value


def _text(value: str, name: str) -> str:
    if name in _ADDRESSES:
        parts = urlsplit(value)
        return f"{parts.path}?{parts.query}"
    if name == "id" and value.startswith(("String ", "Integer ", "SystemTime ")):
        return _ID.sub(lambda found: found[0].upper(), value)
    if _TIME.fullmatch(value):
        return value.replace("Z", ".0000000Z")
    return _CODES.get(value, value)
