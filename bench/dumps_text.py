"""Talks as events of Symphony, and as delimited text and JSON Lines of your own."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Any
from xml.sax.saxutils import escape

from bench.dumps_xml import iso
from bench.talks import Someone, Talk

_AT_ONCE = 200
"""Conversations whose events lie mixed in a file."""
_COLUMNS = ("id", "room", "sent", "author", "author_name", "readers", "body")


def symphony_events(talks: Iterable[Talk]) -> Iterator[str]:
    """Write a datafeed as JSON Lines: V4 events of many streams, mixed."""
    left = iter(talks)
    while some := list(islice(left, _AT_ONCE)):
        mixed = [(at, talk, who, text) for talk in some for at, who, text in talk.said]
        mixed.sort(key=lambda one: one[0])
        for number, (at, talk, who, text) in enumerate(mixed):
            yield json.dumps(_event(number, at, talk, who, text), ensure_ascii=False) + "\n"


def _event(number: int, at: int, talk: Talk, who: Someone, text: str) -> dict[str, Any]:
    first, last = who.name.split(" ", 1)
    user = {
        "userId": 12_987_981_103_600 + who.number,
        "firstName": first,
        "lastName": last,
        "displayName": who.name,
        "email": who.mail,
        "username": f"user{who.number}",
    }
    stream = {
        "streamId": f"stream{talk.number:018}___o0ZgFNCdA",
        "streamType": "ROOM",
        "roomName": f"Desk {talk.number}",
        "external": not all(one.own for one in talk.people),
    }
    message = {
        "messageId": f"msg{talk.number:012}{number:08}",
        "timestamp": at,
        "message": f'<div data-format="PresentationML" data-version="2.0">{escape(text)}</div>',
        "data": "{}",
        "user": user,
        "stream": stream,
        "externalRecipients": stream["external"],
        "userAgent": "DESKTOP-40.0.0",
        "originalFormat": "com.symphony.messageml.v2",
        "sid": f"sid-{number:030}",
    }
    return {
        "id": f"evt{talk.number:012}{number:08}",
        "messageId": message["messageId"],
        "timestamp": at,
        "type": "MESSAGESENT",
        "initiator": {"user": user},
        "payload": {"messageSent": {"message": message}},
    }


def own_csv(talks: Iterable[Talk]) -> Iterator[str]:
    """Write a row for each message."""
    yield ",".join(_COLUMNS) + "\r\n"
    for rows in _rows(talks):
        text = io.StringIO()
        csv.writer(text).writerows([row[column] for column in _COLUMNS] for row in rows)
        yield text.getvalue()


def own_jsonl(talks: Iterable[Talk]) -> Iterator[str]:
    """Write an object for each message."""
    for rows in _rows(talks):
        yield "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)


def _rows(talks: Iterable[Talk]) -> Iterator[list[dict[str, str]]]:
    for talk in talks:
        readers = ";".join(one.mail for one in talk.people)
        yield [
            {
                "id": f"{talk.number}-{number}",
                "room": f"desk {talk.number}",
                "sent": f"{iso(at)}Z",
                "author": who.mail,
                "author_name": who.name,
                "readers": readers,
                "body": text,
            }
            for number, (at, who, text) in enumerate(talk.said)
        ]
