"""What a message says beyond what is read of it: unknown fields, and known ones of an unknown kind."""

from __future__ import annotations

from collections.abc import Callable

from include.commsarchive.sources.symphony.records import Json, is_id, obj, objs, text, time_of


def _is_object(value: object) -> bool:
    return isinstance(value, dict)


def _are_objects(value: object) -> bool:
    return isinstance(value, list) and len(objs(value)) == len(value)


def _is_text(value: object) -> bool:
    return bool(text(value))


def _is_time(value: object) -> bool:
    return time_of(value) is not None


def _is_anything(_: object) -> bool:
    return True


_MESSAGE: dict[str, Callable[[object], bool]] = {
    **dict.fromkeys(("timestamp", "initialTimestamp"), _is_time),
    **dict.fromkeys(("message", "disclaimer"), _is_text),
    **dict.fromkeys(("messageId", "replacing", "replacedBy", "initialMessageId", "parentMessageId"), is_id),
    **dict.fromkeys(("user", "stream", "sharedMessage"), _is_object),
    "attachments": _are_objects,
    "silent": _is_anything,
    **dict.fromkeys(("sid", "originalFormat", "diagnostic", "userAgent", "externalRecipients"), _is_anything),
}
"""What is read of a message, or is about the wire and not about it."""
USER = frozenset({"userId", "id", "email", "displayName", "firstName", "lastName", "username", "company"})
STREAM = frozenset(
    {"streamId", "streamType", "roomName", "members", "external", "crossPod", "recipientTenantIds"}
)
_FILE = frozenset({"id", "name", "size", "images"})


def odd_fields(message: Json) -> Json:
    """Give the fields of a message, its user, stream and files that nothing else shows."""
    odd = {key: value for key, value in message.items() if key not in _MESSAGE or not _MESSAGE[key](value)}
    odd |= _others("user", obj(message.get("user")), USER)
    odd |= _others("stream", obj(message.get("stream")), STREAM)
    for file in objs(message.get("attachments")):
        odd |= _others(f"file {text(file.get('name'))}", file, _FILE)
    return odd


def _others(whose: str, value: Json, known: frozenset[str]) -> Json:
    return {f"{whose} {key}": one for key, one in value.items() if key not in known}
