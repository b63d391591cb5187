"""How items are shown: every field by its URI, in the order of the schema."""

from __future__ import annotations

import base64
import datetime as dt
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from tests.servers.ews import properties as p
from tests.servers.ews.contents import Item
from tests.servers.ews.mime import Address, File
from tests.servers.ews.names import Element, T, elements, flag, leaf, local, moment, plain, tag, text_of
from tests.servers.ews.properties import Single, Value
from tests.servers.ews.refusals import EwsError

SEARCH_CUT = 255
"""Characters of a text that FindItem answers with (documentation of FindItem); GetItem gives all."""


@dataclass(frozen=True)
class Keep:
    """What of an item is shown, and how."""

    x_headers: bool = True
    rewrites: bool = True
    body_type: str = "Best"
    cut: int | None = None


def item_id(item: Item) -> str:
    return tag("t:ItemId", Id=item.id, ChangeKey=item.change_key)


def mailbox(address: Address) -> str:
    return tag(
        "t:Mailbox",
        leaf("t:Name", address.name)
        + leaf("t:EmailAddress", address.email)
        + "<t:RoutingType>SMTP</t:RoutingType><t:MailboxType>OneOff</t:MailboxType>",
    )


def attachment_id(item: Item, number: int) -> str:
    return item.id + base64.b64encode(number.to_bytes(3, "big")).decode()


def attachment(item: Item, number: int, file: File, content: str = "") -> str:
    """An attachment; ``content`` is XML for its end."""
    kind = "t:ItemAttachment" if file.media_type == "message/rfc822" else "t:FileAttachment"
    contact = "<t:IsContactPhoto>false</t:IsContactPhoto>" if kind == "t:FileAttachment" else ""
    return tag(
        kind,
        tag("t:AttachmentId", Id=attachment_id(item, number))
        + leaf("t:Name", file.name)
        + leaf("t:ContentType", file.media_type)
        + (leaf("t:ContentId", file.content_id) if file.content_id else "")
        + leaf("t:Size", str(len(file.content)))
        + leaf("t:LastModifiedTime", moment(_time(item, p.MODIFIED)))
        + leaf("t:IsInline", flag(file.inline))
        + contact
        + content,
    )


def _time(item: Item, number: int) -> dt.datetime:
    when = item.tag(number)
    assert isinstance(when, dt.datetime)
    return when


def _property(number: int) -> Callable[[Item], Value | None]:
    return lambda item: item.tag(number)


def _bit(bit: int) -> Callable[[Item], Value | None]:
    return lambda item: bool(item.flags & bit)


VALUES: dict[str, Callable[[Item], Value | None]] = {
    "item:ItemClass": _property(p.CLASS),
    "item:Subject": _property(p.SUBJECT),
    "item:DateTimeReceived": _property(p.RECEIVED),
    "item:Size": _property(p.SIZE),
    "item:InReplyTo": _property(p.IN_REPLY_TO),
    "item:IsSubmitted": _bit(p.SUBMITTED),
    "item:IsDraft": _bit(p.UNSENT),
    "item:IsFromMe": _bit(p.FROM_ME),
    "item:IsResend": _bit(p.RESEND),
    "item:IsUnmodified": _bit(p.UNMODIFIED),
    "item:DateTimeSent": _property(p.SENT),
    "item:DateTimeCreated": _property(p.CREATED),
    "item:DisplayCc": _property(p.DISPLAY_CC),
    "item:DisplayTo": _property(p.DISPLAY_TO),
    "item:DisplayBcc": _property(p.DISPLAY_BCC),
    "item:HasAttachments": _property(p.HAS_ATTACHMENTS),
    "item:LastModifiedTime": _property(p.MODIFIED),
    "message:ConversationTopic": _property(p.TOPIC),
    "message:InternetMessageId": _property(p.MESSAGE_ID),
    "message:IsRead": _bit(p.READ),
    "message:References": _property(p.REFERENCES),
}
"""Fields that have one value: shown, searched and sorted by it."""


def _mime(item: Item, keep: Keep) -> str:
    mail = item.mail.with_files(item.files) if item.files else item.mail
    raw = mail.rewritten(keep_x=keep.x_headers).raw if keep.rewrites else mail.raw
    return tag("t:MimeContent", base64.b64encode(raw).decode(), CharacterSet="UTF-8")


def _body(item: Item, keep: Keep) -> str:
    html, text = (item.mail.text(kind) for kind in ("html", "plain"))
    if keep.body_type == "Text" or html is None:
        return tag("t:Body", plain(text or ""), BodyType="Text")
    return tag("t:Body", plain(html), BodyType="HTML")


def _text_body(item: Item, _keep: Keep) -> str:
    return tag("t:TextBody", plain(item.mail.text("plain") or ""), BodyType="Text")


def _headers(item: Item, keep: Keep) -> str:
    shown = "".join(
        tag("t:InternetMessageHeader", plain(item.mail.get(name) or ""), HeaderName=name)
        for name, _ in item.mail.headers
        if keep.x_headers or not name.lower().startswith("x-")
    )
    return tag("t:InternetMessageHeaders", shown) if shown else ""


def _attachments(item: Item, _keep: Keep) -> str:
    shown = "".join(attachment(item, number, file) for number, file in enumerate(item.attachments))
    return tag("t:Attachments", shown) if shown else ""


def _people(header: str, name: str, *, many: bool) -> Callable[[Item, Keep], str]:
    def show(item: Item, _keep: Keep) -> str:
        people = item.mail.addresses(header)[: None if many else 1]
        return tag(name, "".join(mailbox(one) for one in people)) if people else ""

    return show


def _value(uri: str) -> Callable[[Item, Keep], str]:
    name = "t:" + uri.partition(":")[2]

    def show(item: Item, keep: Keep) -> str:
        value = VALUES[uri](item)
        if value is None or isinstance(value, tuple):
            return ""
        return leaf(name, p.write_value(value)[: keep.cut])

    return show


SHOWN: dict[str, Callable[[Item, Keep], str]] = {
    **{uri: _value(uri) for uri in VALUES},
    "item:MimeContent": _mime,
    "item:ItemId": lambda item, _keep: item_id(item),
    "item:ParentFolderId": lambda item, _keep: tag(
        "t:ParentFolderId", Id=item.folder.id, ChangeKey="AQAAAA=="
    ),
    "item:Sensitivity": lambda _item, _keep: "<t:Sensitivity>Normal</t:Sensitivity>",
    "item:Body": _body,
    "item:Attachments": _attachments,
    "item:Importance": lambda _item, _keep: "<t:Importance>Normal</t:Importance>",
    "item:InternetMessageHeaders": _headers,
    "item:TextBody": _text_body,
    "message:Sender": _people("sender", "t:Sender", many=False),
    "message:ToRecipients": _people("to", "t:ToRecipients", many=True),
    "message:CcRecipients": _people("cc", "t:CcRecipients", many=True),
    "message:BccRecipients": _people("bcc", "t:BccRecipients", many=True),
    "message:From": _people("from", "t:From", many=False),
    "message:ReplyTo": _people("reply-to", "t:ReplyTo", many=True),
}
EXTENDED = "ExtendedProperty"
ORDER = (
    *("item:MimeContent", "item:ItemId", "item:ParentFolderId", "item:ItemClass", "item:Subject"),
    *("item:Sensitivity", "item:Body", "item:Attachments", "item:DateTimeReceived", "item:Size"),
    *(
        "item:Importance",
        "item:InReplyTo",
        "item:IsSubmitted",
        "item:IsDraft",
        "item:IsFromMe",
        "item:IsResend",
    ),
    *("item:IsUnmodified", "item:InternetMessageHeaders", "item:DateTimeSent", "item:DateTimeCreated"),
    *("item:DisplayCc", "item:DisplayTo", "item:DisplayBcc", "item:HasAttachments", EXTENDED),
    *("item:LastModifiedTime", "item:TextBody", "message:Sender", "message:ToRecipients"),
    *("message:CcRecipients", "message:BccRecipients", "message:ConversationTopic", "message:From"),
    *("message:InternetMessageId", "message:IsRead", "message:References", "message:ReplyTo"),
)
"""Of the schema."""

DEFAULT = frozenset(
    {"item:Subject", "item:Sensitivity", "item:Body", "item:Attachments", "item:Size", "item:DateTimeSent"}
    | {
        "item:DateTimeCreated",
        "item:HasAttachments",
        "message:From",
        "message:ToRecipients",
        "message:IsRead",
    }
    | {"message:CcRecipients", "message:BccRecipients"}
)
GET_ONLY = frozenset(
    {
        "item:MimeContent",
        "item:Body",
        "item:TextBody",
        "item:Attachments",
        "item:InternetMessageHeaders",
        "message:ReplyTo",
    }
    | {"message:ToRecipients", "message:CcRecipients", "message:BccRecipients"}
)
"""What FindItem does not answer with (documentation of FindItem)."""


class Shape:
    """Which fields a request asks for."""

    def __init__(self, element: Element, *, search: bool, keep: Keep) -> None:
        base = text_of(element, "BaseShape")
        wanted = {"IdOnly": frozenset[str](), "Default": DEFAULT}.get(base or "", frozenset(SHOWN))
        self.wanted = {"item:ItemId", *wanted} - {"item:MimeContent"} - (GET_ONLY if search else set())
        self.keep = keep
        self.extended: list[Element] = []
        more = elements(element.find(f"{T}AdditionalProperties"))
        if text_of(element, "IncludeMimeContent") == "true" and not search:
            self.wanted.add("item:MimeContent")
        for path in more:
            self._add(path, search=search)

    def _add(self, path: Element, *, search: bool) -> None:
        if local(path) == "ExtendedFieldURI":
            p.read_uri(path)
            self.extended.append(path)
            return
        uri = path.get("FieldURI", "")
        if search and uri in GET_ONLY:
            raise EwsError("ErrorInvalidPropertyRequest")
        self.wanted.add(uri)

    def show(self, item: Item) -> str:
        """An item as an element."""
        parts: list[str] = []
        for uri in ORDER:
            if uri == EXTENDED:
                parts.extend(self._extended(item))
            elif uri in self.wanted:
                parts.append(SHOWN[uri](item, self.keep))
        return tag("t:Message", "".join(parts))

    def _extended(self, item: Item) -> Iterable[str]:
        for uri in self.extended:
            value = item.get(p.read_uri(uri))
            if value is not None and p.fits(uri.get("PropertyType", ""), value):
                yield p.write_property(uri, value, self.keep.cut)


def value_at(path: Element) -> Callable[[Item], Value | None]:
    """How to look a field up that a restriction or a sort order names.

    Raises:
        EwsError: it cannot be searched by.
    """
    if local(path) == "ExtendedFieldURI":
        key = p.read_uri(path)
        return lambda item: item.get(key)
    found = VALUES.get(path.get("FieldURI", ""))
    if found is None:
        raise EwsError("ErrorUnsupportedPathForQuery")
    return found


def parse_like(value: Single, text: str) -> Single:
    """A constant of a restriction as a value of the type of what it is compared with."""
    kinds = {bool: "Boolean", int: "Integer", float: "Double", bytes: "Binary", dt.datetime: "SystemTime"}
    return p.parse_value(kinds.get(type(value), "String"), text)
