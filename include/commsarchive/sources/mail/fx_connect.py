"""FX Connect's retention mails: a chat in an HTML table.

Financial formats, section 6.3: the rendition that one customer saw.
"""

from __future__ import annotations

import re

from include.commsarchive.model import Event, Item, Kind
from include.commsarchive.sources.mail.people import People
from include.commsarchive.sources.own_files.profile import Time
from include.commsarchive.sources.own_files.times import read_time

NAME = "fx_connect"
_SUBJECT = re.compile(r"\[FXC Retention\]\s*(\S.*)")
_ROW = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?Z?) \| ([^|]*?) \| (.*)")
_FACT = re.compile(r"(Our Dealer|Counterparty|Transaction Id|Trade Session Id):\s*(.*?)\s*(?:\||$)")
_UTC = Time(field="Date Sent (UTC)", zone="UTC")


def recognise(item: Item, text: str, people: People) -> bool:
    """Make the chat of an item that is such a mail, and say so; any other stays as it is.

    ``text`` is its HTML as text. The rows' times count; a journalled copy is the same item.
    """
    subject = _SUBJECT.match(item.subject)
    if not subject:
        return False
    events, facts = list[Event](), list[tuple[str, str]]()
    for line in text.split("\n"):
        if row := _ROW.match(line):
            who = people.named(row[2].strip()) if row[2].strip() else None
            events.append(Event(Kind.MESSAGE, read_time(row[1], _UTC)[0], who, row[3]))
        elif events:
            events[-1].text += f"\n{line}"
        else:
            facts += _FACT.findall(line)
    if not events:
        return False
    told = dict(facts)
    session = told.get("Trade Session Id", "")
    named = [people.named(told[role]) for role in ("Our Dealer", "Counterparty") if told.get(role)]
    speakers = [event.who for event in events if event.who]
    sides = {one.key: one for one in (*named, *speakers)}
    item.native_ids = ("FX Connect", subject[1], session, str(events[0].at))
    item.thread = session or subject[1]
    item.event_class = "Conversation"
    item.at = events[0].at
    item.others += tuple(("In the chat", one) for one in sides.values())
    item.events = events
    item.facts += tuple(facts)
    return True
