"""What Exchange makes of a message that it is given, and how Graph shows it.

Sources: Microsoft's "Create message" with its examples of answers; the facts on 0x0E07 and its sisters.
"""

from __future__ import annotations

import base64
import binascii
import re
import uuid
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from tests.servers.graph import properties
from tests.servers.graph.query import EXTENDED, selected
from tests.servers.graph.store import Attachment, Message, Store
from tests.servers.graph.wire import GraphError, Json, iso

DATES, MARKS, CLASS = "dates", "flags", "class"
HONOURS = frozenset({DATES, MARKS, CLASS})
"""What of the properties that a client sets the server takes over: everything, as far as is known."""

_MAILING = ("toRecipients", "ccRecipients", "bccRecipients", "replyTo")
_WRITABLE = {
    *("subject", "body", "from", "sender", "importance", "categories", "internetMessageId", "isRead", "flag"),
    *("inferenceClassification", "isDeliveryReceiptRequested", "isReadReceiptRequested", "conversationIndex"),
    *_MAILING,
}
_META = '<meta http-equiv="Content-Type" content="text/html; charset=utf-8">'
_TAG = re.compile(r"<(?:style|script).*?</(?:style|script)>|<[^>]*>", re.DOTALL | re.IGNORECASE)
_HEADER = re.compile(r"^([!-9;-~]+):[ \t]*([^\r\n]*(?:\r?\n[ \t][^\r\n]*)*)", re.MULTILINE)


def build(store: Store, given: Json, now: float, honours: Collection[str], owner: str) -> Message:
    """Make a message of the JSON of a create; it is in no folder yet.

    Raises:
        GraphError: the JSON is not one of a message.
    """
    _check_headers(given.get("internetMessageHeaders") or [])
    message = Message(store.new_id("message"), _usual(now), _extended(given))
    fields = message.fields
    fields.update({name: given[name] for name in _WRITABLE if given.get(name) is not None})
    fields["id"] = message.id
    fields["internetMessageId"] = given.get("internetMessageId") or f"<{uuid.uuid4()}@emulator.example>"
    for name in _MAILING:
        fields[name] = [_recipient(store, one) for one in given.get(name) or []]
    for name in ("from", "sender"):
        if name in fields:
            fields[name] = _recipient(store, fields[name])
    if "from" in fields:
        fields.setdefault("sender", fields["from"])
    fields["body"] = _body(given.get("body") or {})
    fields["bodyPreview"] = " ".join(_TAG.sub(" ", fields["body"]["content"]).split())[:255]
    _apply_properties(message, given, honours)
    for one in given.get("attachments") or []:
        attach(store, message, attachment(store, one))
    fields["webLink"] = f"https://outlook.office365.com/owa/?ItemID={message.id}&mailbox={owner}"
    return message


def _usual(now: float) -> Json:
    moment, key = iso(now), base64.b64encode(uuid.uuid4().bytes).decode()
    return {
        "@odata.etag": f'W/"{key}"',
        "changeKey": key,
        "createdDateTime": moment,
        "lastModifiedDateTime": moment,
        "receivedDateTime": moment,
        "sentDateTime": moment,
        "hasAttachments": False,
        "subject": "",
        "importance": "normal",
        "categories": [],
        "conversationId": f"AAQk{key}",
        "isDeliveryReceiptRequested": False,
        "isReadReceiptRequested": False,
        "isRead": True,
        "isDraft": True,
        "inferenceClassification": "focused",
        "flag": {"flagStatus": "notFlagged"},
    }


def _apply_properties(message: Message, given: Json, honours: Collection[str]) -> None:
    """Let properties decide on draft, read, dates and class, where the server honours them.

    Without flags an item is a draft. An `isRead` that is given beats the flag (a guess: the facts leave it
    open). The dates of the JSON itself are ignored.
    """
    kept, fields = message.properties, message.fields
    flags = kept.get(properties.FLAGS) if MARKS in honours else None
    if flags is not None:
        fields["isDraft"] = bool(int(flags) & properties.UNSENT)
        fields["isRead"] = bool(given.get("isRead", int(flags) & properties.READ))
    if DATES in honours:
        fields["receivedDateTime"] = kept.get(properties.RECEIVED, fields["receivedDateTime"])
        fields["sentDateTime"] = kept.get(properties.SENT, fields["sentDateTime"])
    if CLASS not in honours or properties.ITEM_CLASS not in kept:
        kept[properties.ITEM_CLASS] = "IPM.Note"
    kept[properties.RECEIVED], kept[properties.SENT] = fields["receivedDateTime"], fields["sentDateTime"]
    shown = int(flags or 0) & ~(properties.READ | properties.UNSENT)
    shown |= properties.READ * fields["isRead"] | properties.UNSENT * fields["isDraft"]
    kept[properties.FLAGS] = str(shown)
    kept["String 0x37"] = fields["subject"]
    kept["String 0x1035"] = fields["internetMessageId"]


def _extended(given: Json) -> dict[str, str]:
    found = {}
    for one in given.get(EXTENDED) or []:
        name = properties.canonical(str(one.get("id", "")))
        found[name] = properties.checked(name, one.get("value"))
    return found


def _check_headers(headers: Sequence[Json]) -> None:
    """Custom headers must begin with ``x-``; Exchange strips them, so they are not kept."""
    for one in headers:
        if not str(one.get("name", "")).lower().startswith("x-"):
            text = f"The internet message header name '{one.get('name')}' should start with 'x-' or 'X-'."
            raise GraphError(400, "InvalidInternetMessageHeader", text)


def _recipient(store: Store, given: Any) -> Json:
    """An address; one without a name gets that of the directory."""
    found = given.get("emailAddress") if isinstance(given, dict) else None
    address = found.get("address") if isinstance(found, dict) else None
    if not isinstance(found, dict) or not isinstance(address, str) or not address:
        raise GraphError(400, "ErrorInvalidRecipients", "At least one recipient is not valid.")
    known = store.known_as(address)
    name = found.get("name") or (known.display_name if known else address)
    return {"emailAddress": {"name": name, "address": address}}


def _body(given: Json) -> Json:
    """A body as it is kept: lines end in CRLF, and HTML gets the frame that it lacks."""
    kind, content = str(given.get("contentType", "text")).lower(), str(given.get("content", ""))
    if kind not in {"html", "text"}:
        raise GraphError(400, "RequestBodyRead", "Requested value was not found.")
    content = content.replace("\r\n", "\n").replace("\n", "\r\n")
    if kind == "html" and "<head" in content.lower():
        content = re.sub(
            r"<head[^>]*>", lambda found: f"{found[0]}{_META}", content, count=1, flags=re.IGNORECASE
        )
    elif kind == "html":
        content = f"<html><head>\r\n{_META}</head><body>{content}</body></html>"
    return {"contentType": kind, "content": content}


def attachment(store: Store, given: Json) -> Attachment:
    """A file of the JSON that carries it.

    Raises:
        GraphError: not a file, or not base64.
    """
    if not str(given.get("@odata.type", "")).endswith("microsoft.graph.fileAttachment"):
        raise GraphError(400, "ErrorInvalidRequest", "Only file attachments are known here.")
    try:
        content = base64.b64decode(given["contentBytes"], validate=True)
        name = str(given["name"])
    except (KeyError, TypeError, binascii.Error) as error:
        raise GraphError(400, "ErrorInvalidRequest", "An attachment needs name and contentBytes.") from error
    kind = given.get("contentType") or "application/octet-stream"
    inline = bool(given.get("isInline"))
    return Attachment(store.new_id("file"), name, kind, content, inline, given.get("contentId"))


def attach(store: Store, message: Message, file: Attachment) -> None:
    """Add a file to a message."""
    with store.lock:
        message.attachments[file.id] = file
        message.fields["hasAttachments"] = any(not one.inline for one in message.attachments.values())


def file_fields(file: Attachment, *, content: bool = True) -> Json:
    """A file as Graph shows it."""
    fields: Json = {
        "@odata.type": "#microsoft.graph.fileAttachment",
        "@odata.mediaContentType": file.content_type,
        "id": file.id,
        "name": file.name,
        "contentType": file.content_type,
        "size": len(file.content) + 150,
        "isInline": file.inline,
        "contentId": file.content_id,
    }
    if content:
        fields["contentBytes"] = base64.b64encode(file.content).decode()
    return fields


def shown(message: Message, select: str = "", expand: Sequence[str] = (), *, files: bool = False) -> Json:
    """A message as Graph shows it: what was selected, extended properties only where expanded."""
    fields = dict(message.fields)
    if select:
        names = selected(select, (*fields, "internetMessageHeaders", *_WRITABLE, "attachments"), "message")
        if "internetMessageHeaders" in names:
            fields["internetMessageHeaders"] = headers(message)
        kept = {"id", "@odata.etag", *names}
        fields = {name: value for name, value in fields.items() if name in kept}
    held = [{"id": name, "value": message.properties[name]} for name in expand if name in message.properties]
    if held:
        fields[EXTENDED] = held
    if files:
        fields["attachments"] = [file_fields(one) for one in message.attachments.values()]
    return fields


def searchable(message: Message) -> Json:
    """A message as a filter sees it."""
    held = [{"id": name, "value": value} for name, value in message.properties.items()]
    return {**message.fields, EXTENDED: held}


def headers(message: Message) -> list[Mapping[str, str]]:
    """The headers that came with a message: those of 0x007D."""
    text = message.properties.get(properties.HEADERS, "")
    return [{"name": one[1], "value": re.sub(r"\r?\n[ \t]+", " ", one[2])} for one in _HEADER.finditer(text)]
