"""Reading copies back: does the destination keep them as it was asked to?"""

from __future__ import annotations

from collections.abc import Iterator

from include.commsarchive.message.visible import header_text
from include.commsarchive.model import Kept, Letter


def differences(letter: Letter, kept: Kept) -> Iterator[str]:
    """Name what is kept otherwise than asked, without any content."""
    mail = letter.mail
    said = mail.at // 1000 * 1000
    people = (*mail.to, *mail.cc, *mail.bcc)
    asked = {
        "delivery key": (letter.delivery_key, kept.delivery_key),
        "Message-ID": (mail.message_id, kept.message_id),
        "subject": (header_text(mail.subject), header_text(kept.subject)),
        "sender": (mail.sender.email.casefold(), kept.sender),
        "recipients": (frozenset(one.email.casefold() for one in people), kept.recipients),
        "attachments": (len(mail.attachments), kept.attachments),
        "sent date": (said, kept.sent),
        "received date": (said, kept.received),
        "read state": (True, kept.read),
        "draft state": (False, kept.draft),
        "message class": (mail.message_class, kept.message_class),
    }
    for what, (wanted, has) in asked.items():
        if has is not None and has != wanted:
            yield what
