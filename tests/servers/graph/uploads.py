"""Upload sessions: files of 3 to 150 MB, in ranges, in order, at an address that needs no token.

Source: Microsoft's outlook-large-attachments. What is answered to a range out of order, to an expired
session and to a ``GET`` of the address is not shown there: those are guesses.
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import quote

from tests.servers.graph import messages, shapes
from tests.servers.graph.service import Service, room
from tests.servers.graph.store import Attachment, Mailbox, Message
from tests.servers.graph.wire import GraphError, Json, Reply, Request, iso

_RANGE = re.compile(r"bytes (\d+)-(\d+)/(\d+)")


@dataclass
class _Session:
    mailbox: Mailbox
    message: Message
    file: Attachment
    size: int
    expires: float
    app: str
    parts: list[bytes] = field(default_factory=list)
    got: int = 0


def too_large() -> GraphError:
    """What a request of more than 4 MB gets; a file of 3 MB is one, as base64."""
    return GraphError(413, "BadRequest", "Maximum request length exceeded.")


class Uploads:
    """The sessions that are open."""

    def __init__(self, service: Service) -> None:
        self._service = service
        self._sessions: dict[str, _Session] = {}

    def session(self, token: str) -> tuple[str, str]:
        """Whose session it is: application and mailbox; empty where there is none."""
        found = self._sessions.get(token)
        return (found.app, found.mailbox.address.lower()) if found else ("", "")

    def check_message(self, message: Message, more: int) -> None:
        """Refuse what would make a message larger than the organisation allows.

        Raises:
            GraphError: it would.
        """
        held = sum(len(one.content) for one in message.attachments.values())
        if held + more > self._service.limits.message:
            text = "The message exceeds the maximum supported size."
            raise GraphError(413, "ErrorMessageSizeExceeded", text)

    def create(self, request: Request, mailbox: Mailbox, message: Message) -> Reply:
        """Open a session."""
        given = request.json()
        shapes.check(given, shapes.SESSION, "createUploadSession")
        body = {name.lower(): value for name, value in given.items()}
        item = body.get("attachmentitem")
        if not isinstance(item, dict) or item.get("attachmentType") != "file" or not item.get("name"):
            raise GraphError(400, "ErrorInvalidRequest", "The AttachmentItem is not valid.")
        size, limits = item.get("size"), self._service.limits
        if not isinstance(size, int) or size < limits.session_least:
            text = "The attachment size is below the minimum size for upload sessions."
            raise GraphError(400, "ErrorAttachmentSizeShouldNotBeLessThanMinimumSize", text)
        if size > limits.session_most:
            text = "The attachment size exceeds the maximum allowed size."
            raise GraphError(413, "ErrorAttachmentSizeLimitExceeded", text)
        self.check_message(message, size)
        kind, inline = item.get("contentType") or "application/octet-stream", bool(item.get("isInline"))
        store = self._service.store
        file = Attachment(store.new_id("file"), item["name"], kind, b"", inline, item.get("contentId"))
        token, expires = uuid.uuid4().hex, self._service.clock() + limits.session_life
        self._sessions[token] = _Session(mailbox, message, file, size, expires, request.app)
        path = f"Users('{quote(mailbox.address)}')/Messages('{message.id}')/AttachmentSessions('{file.id}')"
        body = {
            "uploadUrl": f"{request.base}/api/v2.0/{path}?authtoken={token}",
            "expirationDateTime": iso(expires),
            "nextExpectedRanges": ["0-"],
        }
        return Reply(201, body)

    def answer(self, method: str, token: str, headers: Mapping[str, str], body: bytes, copies: int) -> Reply:
        """Take a range, say what is missing, or give the session up.

        Raises:
            GraphError: a refusal.
        """
        if "authorization" in headers:
            text = "The audience claim value is invalid for current resource."
            raise GraphError(401, "InvalidAudienceForResource", text)
        session = self._sessions.get(token)
        if session is None or session.expires <= self._service.clock():
            raise GraphError(404, "ErrorItemNotFound", "The upload session was not found.")
        session.mailbox.state.check()
        if method == "DELETE":
            del self._sessions[token]
            return Reply(204)
        if method == "PUT":
            self._check_range(session, headers.get("content-range", ""), len(body))
            if not copies:
                return self._reached(session, session.got + len(body))
            session.parts.append(body)
            session.got += len(body)
            if session.got == session.size:
                del self._sessions[token]
                return self._attached(session)
        return self._reached(session, session.got)

    def _check_range(self, session: _Session, text: str, length: int) -> None:
        found = _RANGE.fullmatch(text)
        if found is None:
            raise GraphError(400, "ErrorInvalidRequest", "The Content-Range header is missing or malformed.")
        first, last, total = (int(one) for one in found.groups())
        if total != session.size or last - first + 1 != length or last >= total:
            text = "The Content-Range header length does not match the provided number of bytes."
            raise GraphError(400, "ErrorInvalidRequest", text)
        if length > self._service.limits.session_range:
            raise too_large()
        if first != session.got:
            raise GraphError(416, "InvalidRange", "The range is not the one that is expected next.")

    def _reached(self, session: _Session, place: int) -> Reply:
        body: Json = {"ExpirationDateTime": iso(session.expires), "nextExpectedRanges": [str(place)]}
        return Reply(200, body)

    def _attached(self, session: _Session) -> Reply:
        room(session.mailbox, session.size)
        session.file.content = b"".join(session.parts)
        messages.attach(self._service.store, session.message, session.file)
        path = f"Messages('{session.message.id}')/Attachments('{session.file.id}')"
        place = f"https://outlook.office.com/api/v2.0/Users('{quote(session.mailbox.address)}')/{path}"
        return Reply(201, None, {"Location": place})
