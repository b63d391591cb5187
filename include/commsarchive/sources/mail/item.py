"""A mail as an item: the mail that it was."""

from __future__ import annotations

import re
from collections.abc import Mapping

from include.commsarchive.errors import Quarantine
from include.commsarchive.ids import digest
from include.commsarchive.model import Attachment, Event, Item, Kind, Person
from include.commsarchive.sources.base import Stored
from include.commsarchive.sources.instant_bloomberg.files import Files
from include.commsarchive.sources.mail import fx_connect, global_relay
from include.commsarchive.sources.mail.letter import CARRIED, ORIGINAL, Letter
from include.commsarchive.sources.mail.people import People
from include.commsarchive.sources.mail.times import sent
from include.commsarchive.sources.mime_parts import decoded
from include.commsarchive.sources.symphony.messageml import text_of

_UNSEEN = re.compile(r"<(style|script|head|title)\b[^<>]*>.*?</\1\s*>|<!--.*?-->", re.IGNORECASE | re.DOTALL)
_MESSAGE_ID = re.compile(r"<([^<>\s]+)>")
_MOST_REFERENCES = 30
_FACTS = (
    *("Message-ID", "Reply-To", "Importance", "Sensitivity", "Organization", "Disposition-Notification-To"),
    *("List-Id", "X-GlobalRelay-MsgType"),
    *("X-Mattermost-ChannelName", "X-Mattermost-ChannelID", "X-Mattermost-ChannelType"),
)
_ENVELOPE = ("delivered-to", "x-original-to", "envelope-to")


def item_of(letter: Letter, source: str, attachments: Mapping[str, Stored]) -> Item:
    """Make the item of a mail, or of the mail that a journal report is about.

    Raises:
        Quarantine: ``missing-from``, ``missing-to`` or ``missing-date``.
    """
    reports, mail = [], letter
    while mail.carried:
        reports.append(mail)
        mail = mail.carried
    people = People()
    item = _mail(mail, source, people, reports)
    as_it_came = f"{letter.place}/{ORIGINAL}"
    listed = [file for one in (*reports, mail) for file in one.files]
    files = [_file(member, name, media_type, attachments) for member, name, media_type in listed]
    is_fx = fx_connect.recognise(item, html_text(mail.html), people)
    if is_fx and source == fx_connect.NAME and len(reports) == 1:
        as_it_came = f"{letter.place}/{CARRIED}"  # journalled or not, it is one item
    elif reports:
        item.facts += (("Journal report", "yes: who received it is told by the report, too"),)
    if mail.value("x-globalrelay-msgtype"):
        files = global_relay.recognise(item, mail.html, people, files)
    at = item.events[-1].at
    item.events += [Event(Kind.FILE, at, item.sender, attachment=file) for file in files]
    original = _file(as_it_came, ORIGINAL, "message/rfc822", attachments)
    marks = ("the message as it came",)
    item.events.append(Event(Kind.FILE, at, item.sender, attachment=original, marks=marks))
    return item


def _mail(mail: Letter, source: str, people: People, reports: list[Letter]) -> Item:
    """Make an item of what a mail says, all but its files."""
    fields = ("From", "Sender", "To", "Cc", "Bcc")
    groups = {name: people.read(name, mail.values(name.lower())) for name in fields}
    groups["Bcc"] += _from_envelope(reports, mail, people, groups)
    senders = groups["From"] or groups["Sender"]
    at, odd = sent(mail.value("date"), mail.values("received"))
    if not senders:
        raise Quarantine("missing-from", "it has no From that can be read")
    if not (groups["To"] or groups["Cc"] or groups["Bcc"]):
        raise Quarantine("missing-to", "nobody is named who received it")
    if at is None:
        raise Quarantine("missing-date", "it has no Date that can be read")
    text, ids, subject = _text(mail), _ids(mail), decoded(mail.value("subject"))
    said, stray = (senders[0].key, subject, text), mail.stray.strip()
    others = [("Author", one) for one in senders[1:]]
    others += [("Sender", one) for one in groups["Sender"] if one not in senders]
    return Item(
        source=source,
        native_ids=ids[-1:] if mail.value("message-id") else (digest("mail", str(at), *said),),
        thread=mail.value("x-mattermost-channelid"),
        subject=subject,
        event_class="Message",
        at=at,
        sender=senders[0],
        to=tuple(groups["To"]),
        cc=tuple(groups["Cc"]),
        bcc=tuple(groups["Bcc"]),
        events=[Event(Kind.MESSAGE, at, senders[0], text, residue=stray if stray != text else "")],
        marks=tuple(f"warning: {remark}" for remark in (*people.odd, *odd)),
        facts=tuple((name, decoded(value)) for name in _FACTS if (value := mail.value(name.lower()))),
        others=tuple(others),
        references=tuple(f"Message-ID {one}" for one in ids),
    )


def html_text(markup: str) -> str:
    """Give HTML as text: what people saw, nothing that acts, where links lead."""
    return text_of(_UNSEEN.sub(" ", markup)).strip() if markup else ""


def _text(mail: Letter) -> str:
    plain = mail.plain.replace("\r\n", "\n").strip("\n")
    return plain if plain.strip() else html_text(mail.html) or mail.stray.strip()


def _ids(mail: Letter) -> tuple[str, ...]:
    """Give the Message-IDs that a mail belongs to, the root of its thread first, its own last."""
    fields = (mail.value("references"), mail.value("in-reply-to"), mail.value("message-id"))
    named = [found for field in fields for found in _MESSAGE_ID.findall(field)]
    own = _MESSAGE_ID.findall(fields[2])[:1] or fields[2].split()[:1]
    others = list(dict.fromkeys(one for one in named if one not in own))
    if len(others) > _MOST_REFERENCES:
        others = [others[0], *others[1 - _MOST_REFERENCES :]]
    return (*others, *own)


def _from_envelope(
    reports: list[Letter], mail: Letter, people: People, groups: Mapping[str, list[Person]]
) -> list[Person]:
    """Give who received a mail and is not named in it: by its journal report, or by its delivery."""
    named = {person.key for group in groups.values() for person in group}
    listed = [line.partition(":") for report in reports for line in report.plain.splitlines()]
    lines = [value for field, _, value in listed if field.strip().lower() in {"to", "cc", "bcc", "recipient"}]
    if not reports and not (groups["To"] or groups["Cc"] or groups["Bcc"]):
        lines = [value for field in _ENVELOPE for value in mail.values(field)]
    return [one for line in lines for one in people.read("Recipient", [line]) if one.key not in named]


def _file(member: str, name: str, media_type: str, attachments: Mapping[str, Stored]) -> Attachment:
    stored = attachments.get(member)
    shown = name or ("message.eml" if media_type == "message/rfc822" else "attachment")
    if media_type == "application/octet-stream" and name:
        media_type = Files({}).attachment(name, name, None).media_type
    if stored is None:
        return Attachment(shown, "", media_type, problem="missing")
    return Attachment(shown, "", media_type, None, stored.size, stored.blob)
