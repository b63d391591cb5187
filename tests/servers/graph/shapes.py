"""The shapes of what Graph takes: which properties there are, and of which type (resources of v1.0).

As OData, Graph refuses a body with a property that its model does not have, or with one of another type.
"""

from __future__ import annotations

from typing import Any

from tests.servers.graph.wire import GraphError, Json

Shape = dict[str, Any]
"""Types by name: a type, a shape, a list of one shape, or a set of words."""

ADDRESS: Shape = {"emailAddress": {"name": str, "address": str}}
BODY: Shape = {"contentType": {"text", "html"}, "content": str}
EXTENDED: Shape = {"id": str, "value": str}
FILE: Shape = {
    **dict.fromkeys(("id", "name", "contentType", "contentId", "contentLocation", "contentBytes"), str),
    "lastModifiedDateTime": str,
    "isInline": bool,
    "size": int,
}
MESSAGE: Shape = {
    **dict.fromkeys(("id", "subject", "bodyPreview", "internetMessageId", "conversationId"), str),
    **dict.fromkeys(("conversationIndex", "parentFolderId", "changeKey", "webLink"), str),
    **dict.fromkeys(("createdDateTime", "lastModifiedDateTime", "receivedDateTime", "sentDateTime"), str),
    **dict.fromkeys(("isRead", "isDraft", "hasAttachments"), bool),
    **dict.fromkeys(("isDeliveryReceiptRequested", "isReadReceiptRequested"), bool),
    **dict.fromkeys(("from", "sender"), ADDRESS),
    **{name: [ADDRESS] for name in ("toRecipients", "ccRecipients", "bccRecipients", "replyTo")},
    "body": BODY,
    "uniqueBody": BODY,
    "importance": {"low", "normal", "high"},
    "inferenceClassification": {"focused", "other"},
    "flag": {"flagStatus": {"notFlagged", "complete", "flagged"}},
    "categories": [str],
    "internetMessageHeaders": [{"name": str, "value": str}],
    "attachments": [FILE],
    "singleValueExtendedProperties": [EXTENDED],
    "multiValueExtendedProperties": [{"id": str, "value": [str]}],
}
FOLDER: Shape = {"displayName": str, "isHidden": bool, "singleValueExtendedProperties": [EXTENDED]}
SESSION: Shape = {
    "AttachmentItem": {
        **dict.fromkeys(("name", "contentType", "contentId"), str),
        "attachmentType": {"file", "item", "reference"},
        "size": int,
        "isInline": bool,
    }
}


def check(given: Json, shape: Shape, kind: str) -> None:
    """Hold a body to a shape.

    Raises:
        GraphError: 400.
    """
    known = {name.lower(): wanted for name, wanted in shape.items()}
    for name, value in given.items():
        if "@odata." in name:
            continue
        if name.lower() not in known:
            text = f"The property '{name}' does not exist on type 'microsoft.graph.{kind}'."
            raise GraphError(400, "RequestBodyRead", text)
        _check(value, known[name.lower()], name)


def _check(value: Any, wanted: Any, name: str) -> None:
    if value is None:
        return
    match wanted:
        case dict() if isinstance(value, dict):
            check(value, wanted, name)
        case [inner] if isinstance(value, list):
            for one in value:
                _check(one, inner, name)
        case set() if isinstance(value, str) and value in wanted:
            pass
        case type() if type(value) is wanted:
            pass
        case _:
            text = f"Cannot convert the value of '{name}' to the expected type."
            raise GraphError(400, "RequestBodyRead", text)
