"""Every format as an engineer reads it in an afternoon: the whole file at once, with the standard library.

Each gives the number of items that it made. An item has who, when and what; nothing is checked, and what
the format may hold besides what is looked for here is lost.

python bench/naive_parsers.py KIND FILE
"""

from __future__ import annotations

import csv
import hashlib
import html
import json
import mailbox
import re
import xml.etree.ElementTree as ET
import zipfile
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email import message_from_binary_file, message_from_bytes, policy
from email.message import EmailMessage
from email.utils import getaddresses, parsedate_to_datetime
from pathlib import Path
from typing import Any

from bench import naive
from bench.measure import tell

_TRANSCRIPT = "{http://dig.apc.xmlns.commons.platform.actiance.com/itm/interaction/transcript/1.0}"
_TYPES = "{http://dig.apc.xmlns.commons.platform.actiance.com/itm/interaction/types/1.0}"
_TAG = re.compile(r"<[^>]+>")
_ROW = re.compile(r"<tr[^>]*><td>(.*?)</td><td>(.*?)</td><td>(.*?)</td></tr>", re.DOTALL)


@dataclass(slots=True)
class Item:
    """An item: people by address, and (when, who, what)."""

    key: str
    people: dict[str, str] = field(default_factory=dict)
    events: list[tuple[datetime, str, str]] = field(default_factory=list)
    files: list[tuple[str, str]] = field(default_factory=list)


def _counted(read: Callable[[Path], Iterable[object]]) -> Callable[[Path], int]:
    return lambda file: len(list(read(file)))


def _records(file: Path, tag: str) -> Iterator[ET.Element]:
    return ET.parse(file).getroot().iter(tag)  # noqa: S314 - our own file


def _at(ms: str) -> datetime:
    return datetime.fromtimestamp(int(ms) / 1000, UTC)


def _bloomberg_message(file: Path) -> Iterator[Item]:
    for mail in _records(file, "Message"):
        item = Item(mail.findtext("MsgID", ""))
        for user in mail.iter("UserInfo"):
            address = user.findtext("CorporateEmailAddress", "") or user.findtext("BloombergEmailAddress", "")
            item.people[address] = f"{user.findtext('FirstName', '')} {user.findtext('LastName', '')}"
        sent = datetime.fromtimestamp(int(mail.findtext("MsgTimeUTC", "0")), UTC)
        said = [mail.findtext(name, "") for name in ("Subject", "MsgBody", "Greeting")]
        item.events.append((sent, next(iter(item.people)), "\n".join(said)))
        yield item


def _vantage(file: Path) -> Iterator[Item]:
    for talk in _records(file, "Conversation"):
        item = Item(talk.findtext("RoomID", ""))
        for event in talk:
            login = event.findtext("LoginName")
            if login:
                item.people[login] = event.findtext("CorporateEmailID") or item.people.get(login, "")
                text = event.findtext("Content") or event.tag
                item.events.append((_at(event.findtext("DateTimeUTC", "0")), login, text))
        item.events.sort(key=lambda event: event[0])
        yield item


def _dig(file: Path) -> Iterator[Item]:
    for talk in _records(file, f"{_TRANSCRIPT}interaction"):
        item = Item(talk.findtext(f"{_TRANSCRIPT}communication-object-id", ""))
        people = {}
        for one in talk.iter(f"{_TRANSCRIPT}participant"):
            address = next((found.text or "" for found in one.iter(f"{_TYPES}email-address")), "")
            item.people[address] = next((found.text or "" for found in one.iter(f"{_TYPES}display-name")), "")
            people[one.get("participant-id")] = address
        for event in talk.iter(f"{_TRANSCRIPT}text-object"):
            time = event.find(f"{_TRANSCRIPT}event-time")
            assert time is not None
            who = people[event.findtext(f"{_TRANSCRIPT}participant-id")]
            text = html.unescape(_TAG.sub("", event.findtext(f"{_TRANSCRIPT}text-content", ""))).strip()
            item.events.append((datetime.fromisoformat(time.get("timestamp", "")), who, text))
        yield item


def _persistent_chat(file: Path) -> Iterator[Item]:
    for talk in _records(file, "Conversation"):
        channel = talk.find("Channel")
        assert channel is not None
        item = Item(channel.get("uri", ""))
        for message in (*talk.iter("FirstMessage"), *talk.iter("Message")):
            sender, time = message.find("Sender"), message.find("DateTimeUTC")
            assert sender is not None
            assert time is not None
            address = sender.get("email", "") or sender.get("uri", "")
            item.people[address] = sender.get("UserName", "")
            text = message.get("content", "") or message.get("type", "")
            item.events.append((_at(time.get("since1970", "0")), address, text))
        item.events.sort(key=lambda event: event[0])
        yield item


def _symphony_events(file: Path) -> Iterable[Item]:
    streams: dict[str, Item] = {}
    for line in file.read_text(encoding="utf-8").splitlines():
        event = json.loads(line)
        message = event["payload"]["messageSent"]["message"]
        user, stream = message["user"], message["stream"]["streamId"]
        item = streams.setdefault(stream, Item(stream))
        item.people[user["email"]] = user["displayName"]
        text = html.unescape(_TAG.sub("", message["message"]))
        item.events.append((_at(message["timestamp"]), user["email"], text))
    return streams.values()


def _symphony_mails(file: Path) -> Iterator[Item]:
    return map(_mail, _zipped(file))


def _fx_connect(file: Path) -> Iterator[Item]:
    for mail in _zipped(file):
        item = _mail(mail)
        page = mail.get_body(("html",))
        assert page is not None
        item.events = [
            (datetime.fromisoformat(f"{time[:26]}Z"), who, html.unescape(text))
            for time, who, text in _ROW.findall(page.get_content())
        ]
        yield item


def _eml(file: Path) -> Iterator[Item]:
    return map(_mail, _zipped(file))


def _mbox(file: Path) -> Iterator[Item]:
    def read(stream: Any) -> Any:
        return message_from_binary_file(stream, policy=policy.default)

    with closing(mailbox.mbox(file, factory=read)) as box:
        yield from map(_mail, box)


def _zipped(file: Path) -> Iterator[EmailMessage]:
    with zipfile.ZipFile(file) as archive:
        for name in archive.namelist():
            raw = archive.read(name)
            mail = message_from_bytes(raw, policy=policy.default)
            mail["X-Original"] = hashlib.sha256(raw).hexdigest()
            yield mail


def _mail(mail: Any) -> Item:
    item = Item(mail["Message-ID"])
    people = getaddresses([str(mail[name]) for name in ("From", "To", "Cc", "Bcc") if mail[name]])
    item.people = {address: name for name, address in people}
    body = mail.get_body(("plain", "html"))
    said = f"{mail['Subject'] or ''}\n{body.get_content() if body else ''}"
    item.events.append((parsedate_to_datetime(mail["Date"]), people[0][1], said))
    for part in mail.iter_attachments():
        if part.get_filename():
            item.files.append((part.get_filename(), hashlib.sha256(part.get_content()).hexdigest()))
    return item


def _own_csv(file: Path) -> Iterable[Item]:
    with file.open(newline="", encoding="utf-8") as stream:
        return _rooms(list(csv.DictReader(stream)))


def _own_jsonl(file: Path) -> Iterable[Item]:
    return _rooms([json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()])


def _own_xml(file: Path) -> Iterable[Item]:
    return _rooms([{one.tag: one.text or "" for one in row} for row in _records(file, "message")])


def _rooms(rows: list[dict[str, str]]) -> Iterable[Item]:
    rooms = defaultdict[tuple[str, str], Item](lambda: Item(""))
    for row in rows:
        item = rooms[row["room"], row["sent"][:10]]
        item.people |= dict.fromkeys(row["readers"].split(";"), "")
        item.people[row["author"]] = row["author_name"]
        item.events.append((datetime.fromisoformat(row["sent"]), row["author"], row["body"]))
    return rooms.values()


PARSERS = {
    "instant_bloomberg": _counted(naive.conversations),
    "bloomberg_message": _counted(_bloomberg_message),
    "symphony_events": _counted(_symphony_events),
    "symphony_mails": _counted(_symphony_mails),
    "vantage": _counted(_vantage),
    "dig": _counted(_dig),
    "persistent_chat": _counted(_persistent_chat),
    "fx_connect": _counted(_fx_connect),
    "eml": _counted(_eml),
    "mbox": _counted(_mbox),
    "own_csv": _counted(_own_csv),
    "own_jsonl": _counted(_own_jsonl),
    "own_xml": _counted(_own_xml),
}


def read(kind: str, file: Path) -> int:
    """Parse; give the number of items."""
    return PARSERS[kind](file)


if __name__ == "__main__":
    tell(read)
