"""What a copy that is kept as RFC 5322 bytes says of itself."""

from __future__ import annotations

import hashlib
from email import message_from_bytes, policy
from email.message import EmailMessage
from email.utils import getaddresses

from include.commsarchive.model import Kept


def kept_mime(content: bytes, delivery_key: str) -> Kept:
    """Read a mail with CRLF line ends. When it came, and its flags, are its mailbox's to say."""
    mail = message_from_bytes(content, EmailMessage, policy=policy.default)
    sent = mail["Date"].datetime if mail["Date"] else None
    return Kept(
        delivery_key=delivery_key,
        message_id=str(mail["Message-ID"] or "").strip(" <>"),
        subject=str(mail["Subject"] or ""),
        sender="".join(_addresses(mail, "From")),
        recipients=frozenset(_addresses(mail, "To", "Cc", "Bcc")),
        attachments=sum(part.get_content_disposition() == "attachment" for part in mail.walk()),
        sent=int(sent.timestamp()) * 1000 if sent else None,
        received=None,
        read=None,
        draft=None,
        message_class=None,
        stored_hash=hashlib.sha256(content).hexdigest(),
    )


def _addresses(mail: EmailMessage, *names: str) -> list[str]:
    values = [str(value) for name in names for value in mail.get_all(name, [])]
    return [address.casefold() for _, address in getaddresses(values) if address]
