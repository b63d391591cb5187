"""Messages as RFC 5322: what ``/$value`` gives, and what a create of MIME makes of it."""

from __future__ import annotations

import base64
import binascii
import datetime as dt
from email import message_from_bytes, policy
from email.message import EmailMessage, MIMEPart
from email.utils import format_datetime, formataddr, getaddresses, parsedate_to_datetime

from tests.servers.graph import properties
from tests.servers.graph.store import Message
from tests.servers.graph.wire import GraphError, Json, iso

_ADDRESSED = (("To", "toRecipients"), ("Cc", "ccRecipients"), ("Bcc", "bccRecipients"))


def rendered(message: Message) -> bytes:
    """A message as Exchange gives it to a client that asks for MIME: built anew, headers of its own."""
    fields = message.fields
    mail = EmailMessage(policy=policy.SMTP)
    if "from" in fields:
        mail["From"] = _address(fields["from"])
    for header, name in _ADDRESSED:
        if fields[name]:
            mail[header] = ", ".join(_address(one) for one in fields[name])
    mail["Subject"] = fields["subject"]
    mail["Date"] = format_datetime(dt.datetime.fromisoformat(fields["sentDateTime"]))
    mail["Message-ID"] = fields["internetMessageId"]
    for header, name in (("In-Reply-To", properties.IN_REPLY_TO), ("References", properties.REFERENCES)):
        if name in message.properties:
            mail[header] = message.properties[name]
    mail.set_content(
        fields["body"]["content"], subtype="html" if fields["body"]["contentType"] == "html" else "plain"
    )
    for file in message.attachments.values():
        main, _, sub = file.content_type.partition("/")
        if main in {"message", "multipart"}:
            main, sub = "application", "octet-stream"
        mail.add_attachment(
            file.content,
            maintype=main,
            subtype=sub.split(";")[0] or "octet-stream",
            filename=file.name,
            disposition="inline" if file.inline else "attachment",
            cid=f"<{file.content_id}>" if file.content_id else None,
        )
    return mail.as_bytes()


def _address(given: Json) -> str:
    one = given["emailAddress"]
    return formataddr((one["name"], one["address"]))


def parsed(body: bytes) -> tuple[Json, str | None]:
    """The JSON of a create that says what base64 of MIME says, and when it was sent.

    Raises:
        GraphError: it is not base64.
    """
    try:
        raw = base64.b64decode(body, validate=True)
    except binascii.Error as error:
        text = "Invalid base64 string for MIME content."
        raise GraphError(400, "ErrorMimeContentInvalidBase64String", text) from error
    mail = message_from_bytes(raw, policy=policy.default)
    best = mail.get_body(("html", "plain"))
    given: Json = {"subject": str(mail["Subject"] or ""), "internetMessageId": mail["Message-ID"]}
    for header, name in (("From", "from"), ("Sender", "sender"), *_ADDRESSED):
        found = [
            {"emailAddress": {"name": person, "address": address}}
            for person, address in getaddresses([str(one) for one in mail.get_all(header, [])])
        ]
        if found:
            given[name] = found[0] if header in {"From", "Sender"} else found
    if best is not None:
        kind = "html" if best.get_content_subtype() == "html" else "text"
        given["body"] = {"contentType": kind, "content": best.get_content()}
    given["attachments"] = [
        {
            "@odata.type": "#microsoft.graph.fileAttachment",
            "name": one.get_filename() or "attachment",
            "contentType": one.get_content_type(),
            "contentBytes": base64.b64encode(_content(one)).decode(),
        }
        for one in mail.iter_attachments()
    ]
    sent = mail["Date"]
    return given, iso(parsedate_to_datetime(str(sent)).timestamp()) if sent else None


def _content(part: MIMEPart) -> bytes:
    found = part.get_payload(decode=True)
    return found if isinstance(found, bytes) else part.as_bytes()
