"""What Graph answers: a clear yes or no, a refusal for ever, or a doubt."""

from __future__ import annotations

from codecs import BOM_UTF8
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import msgspec

from include.commsarchive.mailbox.graph.box import Box, Doubt
from include.commsarchive.retry_after import retry_after

Json = dict[str, Any]

_REFUSALS = {
    "ErrorAttachmentSizeLimitExceeded": "message-too-large",
    "ErrorMessageSizeExceeded": "message-too-large",
    "ErrorInvalidRecipients": "address-refused",
    "ErrorQuotaExceeded": "mailbox-quota-full",
}
_DOUBTS = {
    "ErrorMailboxMoveInProgress": "mailbox-moving",
    "ErrorMailboxStoreUnavailable": "mailbox-unavailable",
    "ErrorServerBusy": "server-busy",
}
OK = range(200, 300)
_CLEAR = range(400, 500)
_UNAUTHORIZED, _TOO_LARGE, _TOO_MANY = 401, 413, 429
_UNNAMED_WAIT = 10.0  # seconds that a server is left alone that is asked too much and does not say how long
TOKEN_REFUSED = "token-refused"  # noqa: S105 - a doubt, no secret


class Refusal(Exception):
    """What was asked for can never be done; `Outcome.reason` says so."""

    retry_after = 0.0

    def __init__(self, slug: str, request_id: str = "") -> None:
        """Keep the server's name for the request."""
        super().__init__(slug)
        self.slug = slug
        self.request_id = request_id


@dataclass(frozen=True, slots=True)
class Answer:
    """A clear answer: yes, or no with Graph's code. ``body`` is JSON, {} where there is none."""

    status: int
    body: Json
    code: str
    request_id: str

    @property
    def ok(self) -> bool:
        """Whether it is a yes."""
        return self.status in OK

    def text(self, name: str) -> str:
        """A field of a yes that must be there.

        Raises:
            Doubt: it is not.
        """
        value = self.body.get(name)
        if not isinstance(value, str) or not value:
            raise Doubt("garbled-answer", request_id=self.request_id)
        return value

    def rows(self) -> list[Json]:
        """The entries of a list.

        Raises:
            Doubt: it is none.
        """
        rows = self.body.get("value")
        if not isinstance(rows, list) or not all(isinstance(one, dict) for one in rows):
            raise Doubt("garbled-answer", request_id=self.request_id)
        return rows


class No(Exception):
    """A clear no, for somebody above to explain."""

    def __init__(self, answer: Answer) -> None:
        """Keep the answer."""
        super().__init__(answer.code)
        self.answer = answer


def judged(box: Box, status: int, headers: Mapping[str, str], raw: bytes, request_id: str) -> Answer:
    """Tell a clear answer from a doubt; a wait that is asked for holds the mailbox back."""
    body = _json(raw)
    if status in OK:
        if raw and body is None:
            raise Doubt("garbled-answer", request_id=request_id)
        return Answer(status, body or {}, "", request_id)
    error = (body or {}).get("error")
    code = str(error.get("code") or "") if isinstance(error, dict) else ""
    if reason := _REFUSALS.get(code) or ("message-too-large" if status == _TOO_LARGE else ""):
        raise Refusal(reason, request_id)
    wait = retry_after(headers) or 0.0
    if status == _TOO_MANY:
        wait = wait or _UNNAMED_WAIT
    if wait:
        box.pace.hold(wait)
    if status == _UNAUTHORIZED:
        raise Doubt(TOKEN_REFUSED, request_id=request_id)
    if status == _TOO_MANY or status not in _CLEAR:
        usual = "throttled" if status == _TOO_MANY else "server-error"
        raise Doubt(_DOUBTS.get(code, usual), wait, request_id)
    return Answer(status, {}, code, request_id)


def _json(raw: bytes) -> Json | None:
    try:
        found = msgspec.json.decode(raw.removeprefix(BOM_UTF8)) if raw else {}
    except msgspec.DecodeError:
        return None
    return found if isinstance(found, dict) else None
