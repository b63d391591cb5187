"""What is sent and read of a copy, as elements of EWS.

exchangelib's own ``Message`` is not used: it sends a dozen settings more that override what the mail
says (importance, reminders, receipts).
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from exchangelib import UTC, EWSDateTime, ExtendedProperty
from exchangelib.fields import (
    AttachmentField,
    BooleanField,
    CharField,
    DateTimeField,
    EWSElementField,
    ExtendedPropertyField,
    FieldPath,
    IntegerField,
    MailboxField,
    MailboxListField,
    MimeContentField,
    TextField,
)
from exchangelib.properties import EWSElement, ItemId
from exchangelib.util import TNS, create_element, set_xml_value

from include.commsarchive.mailbox import exchange
from include.commsarchive.model import Letter

Element = Any
"""An element of lxml's, as exchangelib makes and takes them."""


class _DeliveryKey(ExtendedProperty):
    property_set_id = exchange.PROPERTY_SET
    property_name = exchange.DELIVERY_KEY
    property_type = "String"

    @classmethod
    def is_property_instance(cls, elem: Element) -> bool:
        """Know the property by set and name: a GUID may come back in any case, the type not at all."""
        uri = elem.find(f"{{{TNS}}}ExtendedFieldURI")
        guid = uri.get("PropertySetId", "").strip("{}").casefold()
        return (guid, uri.get("PropertyName")) == (cls.property_set_id, cls.property_name)


class _MessageClass(ExtendedProperty):
    property_tag = exchange.MESSAGE_CLASS
    property_type = "String"


class _SubmitTime(ExtendedProperty):
    property_tag = exchange.SUBMIT_TIME
    property_type = "SystemTime"


class _DeliveryTime(ExtendedProperty):
    property_tag = exchange.DELIVERY_TIME
    property_type = "SystemTime"


class _MessageFlags(ExtendedProperty):
    property_tag = exchange.MESSAGE_FLAGS
    property_type = "Integer"


class _PolicyTag(ExtendedProperty):
    property_tag = exchange.POLICY_TAG
    property_type = "Binary"


class _RetentionPeriod(ExtendedProperty):
    property_tag = exchange.RETENTION_PERIOD
    property_type = "Integer"


class Filed(EWSElement):
    """A copy as it is sent: its MIME, and what Exchange takes from properties alone.

    Without the flags it would be a draft, without the times received now; sent and class are not taken
    from the MIME. ``IsRead`` overrides the flags, so both say it.
    """

    ELEMENT_NAME = "Message"

    mime_content = MimeContentField(field_uri="item:MimeContent")
    delivery_key = ExtendedPropertyField(value_cls=_DeliveryKey)
    message_class = ExtendedPropertyField(value_cls=_MessageClass)
    submit_time = ExtendedPropertyField(value_cls=_SubmitTime)
    delivery_time = ExtendedPropertyField(value_cls=_DeliveryTime)
    flags = ExtendedPropertyField(value_cls=_MessageFlags)
    policy_tag = ExtendedPropertyField(value_cls=_PolicyTag)
    retention_period = ExtendedPropertyField(value_cls=_RetentionPeriod)
    is_read = BooleanField(field_uri="message:IsRead")


def filed(letter: Letter, content: bytes) -> Filed:
    """Make what is sent of a letter and its MIME."""
    said = EWSDateTime.fromtimestamp(letter.mail.at // 1000, tz=UTC)
    retention = letter.mail.retention
    return Filed(
        mime_content=content,
        delivery_key=letter.delivery_key,
        message_class=letter.mail.message_class,
        submit_time=said,
        delivery_time=said,
        flags=exchange.FLAG_READ,
        policy_tag=exchange.policy_tag(retention),
        retention_period=(retention.days or None) if retention else None,
        is_read=True,
    )


class Found(EWSElement):
    """A copy as a search shows it."""

    item_id = EWSElementField(field_uri="item:ItemId", value_cls=ItemId)
    created = DateTimeField(field_uri="item:DateTimeCreated")
    delivery_key = ExtendedPropertyField(value_cls=_DeliveryKey)


class Stored(EWSElement):
    """A copy as it is kept, but for its content."""

    item_id = EWSElementField(field_uri="item:ItemId", value_cls=ItemId)
    message_class = CharField(field_uri="item:ItemClass")
    subject = CharField(field_uri="item:Subject")
    attachments = AttachmentField(field_uri="item:Attachments")
    received = DateTimeField(field_uri="item:DateTimeReceived")
    size = IntegerField(field_uri="item:Size")
    is_draft = BooleanField(field_uri="item:IsDraft")
    sent = DateTimeField(field_uri="item:DateTimeSent")
    delivery_key = ExtendedPropertyField(value_cls=_DeliveryKey)
    to = MailboxListField(field_uri="message:ToRecipients")
    cc = MailboxListField(field_uri="message:CcRecipients")
    bcc = MailboxListField(field_uri="message:BccRecipients")
    author = MailboxField(field_uri="message:From")
    message_id = TextField(field_uri="message:InternetMessageId")
    is_read = BooleanField(field_uri="message:IsRead")


class Content(EWSElement):
    """A copy's MIME as the server gives it back."""

    item_id = EWSElementField(field_uri="item:ItemId", value_cls=ItemId)
    mime_content = MimeContentField(field_uri="item:MimeContent")


def paths(element: type[EWSElement]) -> list[FieldPath]:
    """Name all that is to be read of a copy; its id comes unasked."""
    return [FieldPath(field=field) for field in element.FIELDS if field.name != "item_id"]


class OneOf:
    """A restriction: the delivery key is one of these."""

    def __init__(self, keys: Iterable[str]) -> None:
        """Take one key at least."""
        self._keys = list(keys)

    def to_xml(self, version: object) -> Element:
        """Write it as exchangelib asks for it."""
        del version
        tests = [self._equals(key) for key in self._keys]
        if len(tests) > 1:
            tests = [set_xml_value(create_element("t:Or"), tests)]
        return set_xml_value(create_element("m:Restriction"), tests)

    def _equals(self, key: str) -> Element:
        path = Found.get_field_by_fieldname("delivery_key").field_uri_xml()
        constant = create_element("t:FieldURIOrConstant")
        constant.append(create_element("t:Constant", attrs={"Value": key}))
        return set_xml_value(create_element("t:IsEqualTo"), [path, constant])


class Named:
    """A restriction: a folder of this name, in upper or lower case, as Exchange sees no difference."""

    def __init__(self, name: str) -> None:
        """Take the name of one level."""
        self._name = name

    def to_xml(self, version: object) -> Element:
        """Write it as exchangelib asks for it."""
        del version
        how = {"ContainmentMode": "FullString", "ContainmentComparison": "IgnoreCase"}
        path = create_element("t:FieldURI", attrs={"FieldURI": "folder:DisplayName"})
        constant = create_element("t:Constant", attrs={"Value": self._name})
        contains = set_xml_value(create_element("t:Contains", attrs=how), [path, constant])
        return set_xml_value(create_element("m:Restriction"), [contains])
