"""A mail as the JSON of one create, made as if it had been in the mailbox all along.

Graph takes sent and received dates, the state "not a draft" and the class as properties of MAPI only, and
those only when the message is made (facts of Microsoft's extended-property and import pages). It keeps one
body: the HTML, or the text where there is no HTML.
"""

from __future__ import annotations

import datetime as dt
import json
from base64 import b64encode
from collections.abc import Callable, Generator, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from include.commsarchive.errors import Retriable
from include.commsarchive.mailbox import exchange
from include.commsarchive.model import Address, Mail, MailPart

Json = dict[str, Any]

REQUEST_SIZE = 3_500_000
"""Most bytes of one request's JSON; Graph takes 4 MB."""

PROPERTIES = "singleValueExtendedProperties"


@dataclass(frozen=True, slots=True)
class Wording:
    """What the mail's own writer knows: its header block, and how text is made fit for one line."""

    header_block: Callable[[Mail], str]
    header_text: Callable[[str], str]


def named(name: str) -> str:
    """The id of one of our named properties."""
    return f"String {{{exchange.PROPERTY_SET}}} Name {name}"


def tagged(kind: str, tag: int) -> str:
    """The id of a property of MAPI."""
    return f"{kind} 0x{tag:04X}"


DELIVERY_KEY = named(exchange.DELIVERY_KEY)
UNFINISHED = named(exchange.UNFINISHED)
BODY_ATTACHED = named(exchange.BODY_ATTACHED)
MESSAGE_CLASS = tagged("String", exchange.MESSAGE_CLASS)

BODY_HEADER = "X-Commsarchive-Body-Attached"
"""Header of ours that names the file which a mail's body has become."""


def create_body(mail: Mail, key: tuple[str, str], parts: Iterable[MailPart], wording: Wording) -> bytes:
    """Write the JSON of a create: the mail, the property that is its key, and these of its attachments.

    Raises:
        Retriable: an attachment cannot be read.
    """
    line = wording.header_text
    sender = _recipient(mail.sender, line)
    message: Json = {
        "subject": line(mail.subject),
        "internetMessageId": f"<{mail.message_id}>",
        "isRead": True,
        "from": sender,
        "sender": sender,
        "toRecipients": [_recipient(one, line) for one in mail.to],
        "ccRecipients": [_recipient(one, line) for one in mail.cc],
        "bccRecipients": [_recipient(one, line) for one in mail.bcc],
        "body": {"contentType": "html", "content": mail.html}
        if mail.html
        else {"contentType": "text", "content": mail.text},
        PROPERTIES: [{"id": name, "value": value} for name, value in (*_properties(mail, wording), key)],
    }
    if files := [file_body(part, wording) for part in parts]:
        message["attachments"] = files
    return to_bytes(message)


def key_body(*values: tuple[str, str]) -> bytes:
    """Write the JSON of a change of properties."""
    return to_bytes({PROPERTIES: [{"id": name, "value": value} for name, value in values]})


def file_body(part: MailPart, wording: Wording) -> Json:
    """Give the JSON of a small attachment.

    Raises:
        Retriable: it cannot be read.
    """
    return {
        "@odata.type": "#microsoft.graph.fileAttachment",
        "name": wording.header_text(part.name),
        "contentType": part.media_type,
        "contentBytes": b64encode(b"".join(blocks(part, part.size))).decode("ascii"),
    }


def session_body(part: MailPart, wording: Wording) -> bytes:
    """Write the JSON that opens an upload session for an attachment."""
    name = wording.header_text(part.name)
    item = {"attachmentType": "file", "name": name, "size": part.size, "contentType": part.media_type}
    return to_bytes({"AttachmentItem": item})


def fits(body: bytes, parts: Sequence[MailPart]) -> bool:
    """Say whether these attachments fit into a create beside what is in it already."""
    return len(body) + sum(part.size * 4 // 3 + 600 + 3 * len(part.name) for part in parts) <= REQUEST_SIZE


def blocks(part: MailPart, size: int) -> Generator[bytes]:
    """Read an attachment in blocks of ``size`` bytes at most.

    Raises:
        Retriable: it cannot be read, or is not as long as it was.
    """
    left = part.size
    try:
        with part.open() as stream:
            while left:
                block = stream.read(min(size, left))
                if not block:
                    raise unreadable("it is shorter than it was")
                left -= len(block)
                yield block
    except OSError as error:
        raise unreadable(str(error.strerror)) from error


def unreadable(why: str) -> Retriable:
    """Explain that staging does not give an attachment."""
    return Retriable(
        f"an attachment cannot be read from staging: {why}. Run the connector's `convert` task again"
    )


def to_bytes(content: Json) -> bytes:
    """Write JSON, the same bytes for the same content; what no encoding has becomes a question mark."""
    return json.dumps(content, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace")


def _properties(mail: Mail, wording: Wording) -> list[tuple[str, str]]:
    said = dt.datetime.fromtimestamp(mail.at // 1000, dt.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    found = [
        (tagged("Integer", exchange.MESSAGE_FLAGS), str(exchange.FLAG_READ)),
        (tagged("SystemTime", exchange.DELIVERY_TIME), said),
        (tagged("SystemTime", exchange.SUBMIT_TIME), said),
        (MESSAGE_CLASS, mail.message_class),
        (tagged("String", exchange.TRANSPORT_HEADERS), wording.header_block(mail)),
    ]
    if tag := exchange.policy_tag(mail.retention):
        found.append((tagged("Binary", exchange.POLICY_TAG), b64encode(tag).decode("ascii")))
    if mail.retention and mail.retention.days:
        found.append((tagged("Integer", exchange.RETENTION_PERIOD), str(mail.retention.days)))
    found += [(BODY_ATTACHED, value) for name, value in mail.headers if name == BODY_HEADER]
    if mail.references:
        ids = [f"<{one}>" for one in mail.references]
        found.append((tagged("String", exchange.IN_REPLY_TO), ids[-1]))
        found.append((tagged("String", exchange.REFERENCES), " ".join(ids)))
    return found


def _recipient(address: Address, line: Callable[[str], str]) -> Json:
    named_or_not = {"name": line(address.name)} if address.name else {}
    return {"emailAddress": {**named_or_not, "address": address.email}}
