"""Which mails belong together. The format has no reply ids (financial formats, section 2.3).

A mail belongs to the thread of its topic between its sender and each other party: a reply, a reply to
all and a forwarded mail then share a thread with what they answer, and a stranger's mail with the same
subject does not. It also belongs to the threads of the MsgIDs that it and its references name.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from include.commsarchive.model import Person

LONGEST = 30
"""Pairs of people for which one mail names a thread: a mail to a list of thousands would name them all."""
_ANSWER = re.compile(r"(?:\s*(?:re|fwd?)\s*(?:\[\d+\])?\s*:)+", re.IGNORECASE)
_MSG_ID = re.compile(r"(?<![0-9A-F])[0-9A-F]{24}(?![0-9A-F])", re.IGNORECASE)


def topic(subject: str) -> str:
    """Give a subject without ``Re:`` and ``Fw:``, case and spacing."""
    answer = _ANSWER.match(subject)
    return " ".join(subject[answer.end() if answer else 0 :].split()).casefold()


def threads(subject: str, sender: Person, parties: Iterable[Person], named: Iterable[str]) -> tuple[str, ...]:
    """Name the threads of a mail; ``named`` are its own MsgID and the texts of its references."""
    about, first = topic(subject), _name(sender)
    pairs = [sorted((first, other)) for other in dict.fromkeys(map(_name, parties)) if other != first]
    between = [f"topic {about} between {one} and {other}" for one, other in pairs[:LONGEST]] if about else []
    ids = dict.fromkeys(found.upper() for text in named for found in _MSG_ID.findall(text))
    return (*between, *(f"MsgID {one}" for one in ids))


def _name(person: Person) -> str:
    """Give the identity that is stated from either side: own people have it as well as others."""
    return (person.address or person.key).casefold()
