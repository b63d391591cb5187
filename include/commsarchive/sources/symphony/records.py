"""One record of the APIs, whatever its shape, as what happened: V4 events, V4 messages, V2 messages.

Shapes by the OpenAPI descriptions of Agent and Pod and the published examples (section 5.2).
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from typing import Any

import msgspec

from include.commsarchive.sources.instant_bloomberg.times import epoch
from include.commsarchive.sources.symphony.ids import same

Json = dict[str, Any]
_ENVELOPE = ("id", "messageId", "timestamp", "type", "diagnostic", "initiator", "payload")
_ID = re.compile(r"[\w+/=%.:~-]{0,400}", re.ASCII)
_V2 = {
    "V2MESSAGE": ("MESSAGESENT", "fromUserId", ""),
    "ROOMCREATED": ("ROOMCREATED", "createdByUserId", ""),
    "ROOMUPDATED": ("ROOMUPDATED", "updatedByUserId", ""),
    "ROOMDEACTIVATED": ("ROOMDEACTIVATED", "deactivatedByUserId", ""),
    "ROOMREACTIVATED": ("ROOMREACTIVATED", "reactivatedByUserId", ""),
    "USERJOINEDROOM": ("USERJOINEDROOM", "addedByUserId", "memberAddedUserId"),
    "USERLEFTROOM": ("USERLEFTROOM", "removedByUserId", "memberLeftUserId"),
    "ROOMMEMBERPROMOTEDTOOWNER": ("ROOMMEMBERPROMOTEDTOOWNER", "promotedByUserId", "promotedUserId"),
    "ROOMMEMBERDEMOTEDFROMOWNER": ("ROOMMEMBERDEMOTEDFROMOWNER", "demotedByUserId", "demotedUserId"),
    "CONNECTIONREQUEST": ("CONNECTIONREQUESTED", "requestingUserId", "targetUserId"),
}
"""V2 kind: the V4 kind, who did it, and to whom."""


@dataclass(slots=True)
class Happened:
    """What a record says: ``at`` in ms, None where it is not stated; ``left``: we have no field for it."""

    type: str
    native_id: str
    at: int | None
    who: Json | None
    stream: Json
    body: Json
    left: Json = field(default_factory=dict)

    @property
    def room(self) -> str:
        """The conversation: its stream, or the two people of a request to connect; ``""`` if none."""
        if stream := same(str(self.stream.get("streamId") or "")):
            return stream
        sides = [self.who, self.body.get("toUser"), self.body.get("fromUser")]
        users = sorted({str(user["userId"]) for user in map(obj, sides) if user.get("userId")})
        return f"connection {' '.join(users)}" if self.type.startswith("CONNECTION") and users else ""

    @property
    def external(self) -> bool:
        """Say whether outsiders are in the conversation, as far as the record tells."""
        told = (self.stream.get("external"), self.stream.get("crossPod"))
        return any(told) or bool(obj(self.body.get("message")).get("externalRecipients"))


def decode(raw: bytes) -> tuple[Json | None, str]:
    """Read an object; also say what had to be mended. None where it is none."""
    try:
        value, mended = msgspec.json.decode(raw), ""
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        try:
            value, mended = (
                json.loads(raw.decode("utf-8", "replace"), strict=False),
                "unreadable bytes replaced",
            )
        except (ValueError, RecursionError):
            return None, ""
    return (value, mended) if isinstance(value, dict) else (None, "")


def happened(record: Json) -> Happened | None:
    """Read a record; None where it has none of the known shapes."""
    if isinstance(record.get("payload"), dict) and (record.get("type") or record["payload"]):
        return _event(record)
    if record.get("v2messageType") or (record.get("streamId") and record.get("fromUserId")):
        return _v2(record)
    if record.get("messageId") and any(key in record for key in ("message", "stream", "user")):
        return _message(record, {})
    return None


def obj(value: object) -> Json:
    """Give an object; an empty one where it is something else."""
    return value if isinstance(value, dict) else {}


def objs(value: object) -> list[Json]:
    """Give the objects of a list; none where it is something else."""
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []


def text(value: object) -> str:
    """Give a text or number as text, ``""`` for all else."""
    if type(value) is str:  # nearly always, and three times as fast
        return value
    if type(value) is int:
        return str(value)
    return str(value) if isinstance(value, (int, float)) and not isinstance(value, bool) else ""


def filled(value: Json) -> Json:
    """Leave out what says nothing."""
    return {key: one for key, one in value.items() if one not in (None, "", [], {})}


def is_id(value: object) -> bool:
    """Tell an id from other text."""
    return _ID.fullmatch(text(value)) is not None


def time_of(value: object) -> int | None:
    """Read a time: ms since 1970, as number or digits."""
    return epoch(text(value))


def _event(record: Json) -> Happened:
    payload = record["payload"]
    name = next((key for key, one in payload.items() if isinstance(one, dict)), "")
    body = obj(payload.get(name))
    kind = (text(record.get("type")) or name).upper()
    left = {key: one for key, one in record.items() if key not in _ENVELOPE}
    left |= {key: one for key, one in payload.items() if key != name}
    left |= {key: record[key] for key in ("id", "messageId") if not is_id(record.get(key, ""))}
    left |= {"timestamp": record["timestamp"]} if time_of(record.get("timestamp", "0")) is None else {}
    left |= {key: one for key, one in obj(record.get("initiator")).items() if key != "user"}
    who = obj(obj(record.get("initiator")).get("user")) or None
    if isinstance(body.get("message"), str) and kind in {"MESSAGESENT", "SHAREDPOST"}:
        body = {"message": body}
    if isinstance(body.get("message"), dict):
        found = _message(body["message"], left)
        return Happened(
            kind,
            found.native_id,
            time_of(record.get("timestamp")) if found.at is None else found.at,
            found.who or who,
            found.stream,
            body,
            found.left,
        )
    native_id = same(text(body.get("messageId") or record.get("id") or record.get("messageId")))
    return Happened(
        kind, native_id, time_of(record.get("timestamp")), who, obj(body.get("stream")), body, left
    )


def _message(message: Json, left: Json) -> Happened:
    return Happened(
        "MESSAGESENT",
        same(text(message.get("messageId"))),
        time_of(message.get("timestamp")),
        obj(message.get("user")) or None,
        obj(message.get("stream")),
        {"message": message},
        left,
    )


def _v2(record: Json) -> Happened:
    """Put a V2 record into V4's shape: people are ids alone there."""
    kind = text(record.get("v2messageType")) or "V2Message"
    plain = kind.upper() if kind.upper() == "V2MESSAGE" else kind.upper().removesuffix("MESSAGE")
    v4, by, to = _V2.get(plain, (plain, "userId", ""))
    left = {key: one for key, one in record.items() if key not in {"id", "timestamp", "streamId", by, to}}
    left.pop("v2messageType", None)
    who = {"userId": record[by]} if record.get(by) else None
    native_id, at = same(text(record.get("id"))), time_of(record.get("timestamp"))
    stream = {"streamId": record.get("streamId")}
    if v4 == "MESSAGESENT":
        message = {"messageId": native_id, "timestamp": at, "user": who, "stream": stream}
        message |= {key: left.pop(key) for key in ("message", "attachments") if key in left}
        return Happened(v4, native_id, at, who, stream, {"message": message}, left)
    body: Json = {"stream": stream}
    if to and record.get(to):
        body["toUser" if v4.startswith("CONNECTION") else "affectedUser"] = {"userId": record[to]}
    if v4 not in {one for one, _, _ in _V2.values()}:
        left["v2messageType"] = kind
    return Happened(v4, native_id, at, who, stream, body, left)
