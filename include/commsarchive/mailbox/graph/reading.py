"""Copies looked up by their keys, and read back as Exchange keeps them."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from urllib.parse import quote

from include.commsarchive.errors import Fatal
from include.commsarchive.mailbox.graph.answers import Answer, Json, No
from include.commsarchive.mailbox.graph.box import Box, Doubt
from include.commsarchive.mailbox.graph.letter import BODY_ATTACHED, DELIVERY_KEY, MESSAGE_CLASS, PROPERTIES
from include.commsarchive.mailbox.graph.wire import Wire
from include.commsarchive.model import Kept

KEYS_AT_ONCE = 15
"""Keys of one query; how many conditions Exchange joins is not documented, the directory takes 15."""

_FIELDS = (
    *("internetMessageId", "subject", "from", "toRecipients", "ccRecipients", "bccRecipients"),
    *("sentDateTime", "receivedDateTime", "isRead", "isDraft", "hasAttachments"),
)


@dataclass(frozen=True, slots=True)
class Match:
    """A message that bears a key."""

    key: str
    server_id: str
    created: str


async def matches(wire: Wire, box: Box, folder: str, name: str, keys: Sequence[str]) -> list[Match]:
    """Find the messages of a folder (a path) whose property is one of these keys, oldest first.

    Each is given once: pages overlap when a folder grows.

    Raises:
        No: the folder does not say.
        Doubt: there is no clear answer.
        Fatal: it finds messages, but not their keys.
    """
    wanted = " or ".join(
        f"{PROPERTIES}/any(ep: ep/id eq '{name}' and ep/value eq '{key}')" for key in sorted(keys)
    )
    query = {
        "$filter": wanted,
        "$select": "id,createdDateTime",
        "$expand": f"{PROPERTIES}($filter=id eq '{name}')",
        "$top": "100",
    }
    rows = await wire.pages(box, f"{folder}/messages", query)
    if isinstance(rows, Answer):
        if rows.status != HTTPStatus.BAD_REQUEST or len(keys) == 1 or rows.code.startswith("ErrorInvalidId"):
            raise No(rows)
        half = len(keys) // 2  # perhaps the server joins fewer conditions
        parts = [await matches(wire, box, folder, name, some) for some in (keys[:half], keys[half:])]
        return sorted({match for part in parts for match in part}, key=_age)
    if not all(row.get(PROPERTIES) for row in rows):
        raise Fatal(
            "Graph finds copies, but does not say by which keys, without which nothing is filed exactly once"
        )
    found = {
        Match(value, str(row.get("id") or ""), str(row.get("createdDateTime") or ""))
        for row in rows
        for value in _values(row)
        if value in keys
    }
    return sorted(found, key=_age)


def _age(match: Match) -> tuple[str, str]:
    return match.created, match.server_id


def in_queries(keys: Collection[str]) -> Iterator[list[str]]:
    """Cut keys into as many as one query takes."""
    ordered = sorted(keys)
    for start in range(0, len(ordered), KEYS_AT_ONCE):
        yield ordered[start : start + KEYS_AT_ONCE]


async def attachment_names(wire: Wire, box: Box, message: str) -> list[str]:
    """Name the files of a message (a path).

    Raises:
        No: the message does not say.
        Doubt: there is no clear answer.
    """
    rows = await wire.pages(box, f"{message}/attachments", {"$select": "name"})
    if isinstance(rows, Answer):
        raise No(rows)
    return [str(one.get("name") or "") for one in rows]


async def kept(wire: Wire, box: Box, folder: str, server_id: str) -> Kept | None:
    """Read one copy back; None when the folder (a path) does not have it.

    Raises:
        Doubt: there is no clear answer.
    """
    message = f"{folder}/messages/{quote(server_id, safe='')}"
    names = " or ".join(f"id eq '{name}'" for name in (DELIVERY_KEY, MESSAGE_CLASS, BODY_ATTACHED))
    query = {"$select": ",".join(_FIELDS), "$expand": f"{PROPERTIES}($filter={names})"}
    answer = await wire.get(box, message, query)
    if not answer.ok:
        if answer.status in {400, 404}:
            return None
        raise Doubt("server-error", request_id=answer.request_id)
    try:
        files = await attachment_names(wire, box, message) if answer.body.get("hasAttachments", True) else []
    except No as no:
        raise Doubt("server-error", request_id=no.answer.request_id) from None
    content = await wire.sha256(box, f"{message}/$value")
    if not content.ok:
        raise Doubt("server-error", request_id=content.request_id)
    return _kept(answer.body, len(files), content.text("sha256"))


def _kept(fields: Json, files: int, stored_hash: str) -> Kept:
    people = [
        *_addresses(fields.get("toRecipients")),
        *_addresses(fields.get("ccRecipients")),
        *_addresses(fields.get("bccRecipients")),
    ]
    values = dict(_properties(fields))
    return Kept(
        delivery_key=values.get(_folded(DELIVERY_KEY), ""),
        message_id=str(fields.get("internetMessageId") or "").strip(" <>"),
        subject=str(fields.get("subject") or ""),
        sender="".join(_addresses([fields.get("from")])),
        recipients=frozenset(people),
        attachments=files - (_folded(BODY_ATTACHED) in values),
        sent=_milliseconds(fields.get("sentDateTime")),
        received=_milliseconds(fields.get("receivedDateTime")),
        read=_flag(fields.get("isRead")),
        draft=_flag(fields.get("isDraft")),
        message_class=values.get(_folded(MESSAGE_CLASS)),
        stored_hash=stored_hash,
    )


def _properties(fields: Json) -> Iterator[tuple[str, str]]:
    for one in fields.get(PROPERTIES) or []:
        yield _folded(str(one.get("id") or "")), str(one.get("value") or "")


def _values(fields: Json) -> set[str]:
    return {value for _, value in _properties(fields)}


def _folded(name: str) -> str:
    """A property's id without what Graph writes in ways of its own: case, and zeros before a number."""
    kind, _, rest = name.casefold().partition(" ")
    return f"{kind} {int(rest, 16):#x}" if rest.startswith("0x") else f"{kind} {rest}"


def _addresses(people: object) -> list[str]:
    rows = people if isinstance(people, list) else []
    found = [one.get("emailAddress") for one in rows if isinstance(one, dict)]
    return [str(one.get("address") or "").casefold() for one in found if isinstance(one, dict)]


def _milliseconds(text: object) -> int | None:
    try:
        return int(dt.datetime.fromisoformat(str(text)).timestamp()) * 1000
    except ValueError:
        return None


def _flag(value: object) -> bool | None:
    return value if isinstance(value, bool) else None
