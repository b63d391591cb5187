"""What becomes of an item that is created: MIME content and fields in, properties out."""

from __future__ import annotations

import base64
import binascii
import datetime as dt
import email.utils
import hashlib

from tests.servers.ews import properties as p
from tests.servers.ews.behaviour import Behaviour
from tests.servers.ews.contents import Folder, Item
from tests.servers.ews.mime import Address, File, Mime, compose, write_addresses
from tests.servers.ews.names import Element, T, elements, local, text_of
from tests.servers.ews.properties import Key, Value
from tests.servers.ews.refusals import EwsError

_PEOPLE = {
    "From": "From",
    "Sender": "Sender",
    "ToRecipients": "To",
    "CcRecipients": "Cc",
    "BccRecipients": "Bcc",
}
_TEXTS = {"Subject": "Subject", "InternetMessageId": "Message-ID", "References": "References"}
_DRAFT = p.UNSENT | p.UNMODIFIED
"""Flags of an item created without any: Thunderbird says so where it creates items, and Microsoft's "how to
import items" that it comes as a draft."""


def make_item(element: Element, folder: Folder, behaviour: Behaviour) -> Item:
    """An item from an element of CreateItem, not yet filed.

    Raises:
        EwsError: it cannot be.
    """
    given = dict(p.read_property(one) for one in element.iterfind(f"{T}ExtendedProperty"))
    mail = _mail(element, given)
    if behaviour.max_message is not None and len(mail.raw) > behaviour.max_message:
        raise EwsError("ErrorMessageSizeExceeded")
    mailbox = folder.mailbox
    if mailbox.quota is not None and mailbox.used + len(mail.raw) > mailbox.quota:
        raise EwsError("ErrorQuotaExceeded")
    now = dt.datetime.now(dt.UTC).replace(microsecond=0)
    sent = given.get(p.tagged(p.SENT)) if behaviour.honours_dates else None
    if isinstance(sent, dt.datetime):
        mail = mail.changed({"Date": email.utils.format_datetime(sent.replace(microsecond=0))})
    else:
        sent = mail.date or now
    item = Item(mailbox.store.new_id(mailbox, "item"), folder, mail, _derived(mail, now))
    item.properties.update(given)
    received = given.get(p.tagged(p.RECEIVED), now) if behaviour.honours_dates else now
    item.properties |= {
        p.tagged(p.SENT): sent,
        p.tagged(p.RECEIVED): received,
        p.tagged(p.FLAGS): _flags(element, given, behaviour),
        p.tagged(p.CLASS): _item_class(element, given, behaviour),
        p.tagged(p.RECORD_KEY): hashlib.sha256(item.id.encode()).digest()[:16],
    }
    item.files = [read_file(one) for one in elements(element.find(f"{T}Attachments"))]
    return item


def read_file(element: Element) -> File:
    """An attachment of a request.

    Raises:
        EwsError: its content is no base64.
    """
    name, kind = (text_of(element, one) or "" for one in ("Name", "ContentType"))
    if local(element) == "ItemAttachment":
        inner = element.find(f"{T}Message")
        content = _decoded(text_of(inner, "MimeContent") or "") if inner is not None else b""
        return File(name, "message/rfc822", content)
    inline = text_of(element, "IsInline") == "true"
    content = _decoded(text_of(element, "Content") or "")
    return File(
        name, kind or "application/octet-stream", content, text_of(element, "ContentId") or "", inline
    )


def _mail(element: Element, given: dict[Key, Value]) -> Mime:
    headers = {
        header: write_addresses(_address(one) for one in elements(element.find(f"{T}{name}")))
        for name, header in _PEOPLE.items()
        if element.find(f"{T}{name}") is not None
    }
    headers |= {
        header: text for name, header in _TEXTS.items() if (text := text_of(element, name)) is not None
    }
    content = text_of(element, "MimeContent")
    if content is not None:
        mail = Mime(_decoded(content))
        return mail.changed(headers) if headers else mail
    for header, number in (("Subject", p.SUBJECT), ("Message-ID", p.MESSAGE_ID)):
        value = given.get(p.tagged(number))
        if header not in headers and isinstance(value, str):
            headers[header] = value
    headers.setdefault("Message-ID", email.utils.make_msgid(domain="exchange.example"))
    body = element.find(f"{T}Body")
    subtype = "html" if body is not None and body.get("BodyType") == "HTML" else "plain"
    return compose(headers, (body.text or "") if body is not None else "", subtype)


def _address(element: Element) -> Address:
    address = text_of(element, "EmailAddress") or ""
    return Address(text_of(element, "Name") or address, address)


def _decoded(text: str) -> bytes:
    try:
        return base64.b64decode("".join(text.split()), validate=True)
    except binascii.Error as error:
        raise EwsError("ErrorMimeContentInvalidBase64String") from error


def _derived(mail: Mime, now: dt.datetime) -> dict[Key, Value]:
    """Properties that the server makes of a mail's headers."""
    subject = mail.get("subject") or ""
    found: dict[int, Value | None] = {
        p.SUBJECT: subject,
        p.TOPIC: subject,
        p.MESSAGE_ID: mail.get("message-id"),
        p.REFERENCES: mail.get("references"),
        p.IN_REPLY_TO: mail.get("in-reply-to"),
        p.HEADERS: None,  # kept of mail that came by SMTP, not of mail that is created
        p.DISPLAY_TO: "; ".join(one.name for one in mail.addresses("to")),
        p.DISPLAY_CC: "; ".join(one.name for one in mail.addresses("cc")),
        p.DISPLAY_BCC: "; ".join(one.name for one in mail.addresses("bcc")),
        p.CREATED: now,
        p.MODIFIED: now,
    }
    return {p.tagged(number): value for number, value in found.items() if value is not None}


def _flags(element: Element, given: dict[Key, Value], behaviour: Behaviour) -> int:
    asked = given.get(p.tagged(p.FLAGS))
    flags = asked if isinstance(asked, int) and behaviour.honours_flags else _DRAFT
    is_read = text_of(element, "IsRead")
    if is_read is None:
        return flags
    return flags | p.READ if is_read in {"true", "1"} else flags & ~p.READ


def _item_class(element: Element, given: dict[Key, Value], behaviour: Behaviour) -> str:
    asked = given.get(p.tagged(p.CLASS)) or text_of(element, "ItemClass")
    return str(asked) if asked and behaviour.honours_class else "IPM.Note"
