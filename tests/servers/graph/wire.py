"""A call to Graph and its answer, apart from HTTP: a batch carries them too."""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote, unquote, urlencode

import msgspec

Json = dict[str, Any]
MB = 1_000_000
MIB = 1 << 20


def iso(seconds: float) -> str:
    """Time as Graph writes it: UTC, whole seconds."""
    return dt.datetime.fromtimestamp(seconds, dt.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


class GraphError(Exception):
    """An answer that is a refusal; ``wait`` is what ``Retry-After`` says, in seconds."""

    def __init__(self, status: int, code: str, message: str, wait: float | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
        self.wait = wait

    def headers(self) -> dict[str, str]:
        """The headers that go with it."""
        found = {} if self.wait is None else {"Retry-After": f"{self.wait:g}"}
        if self.status == 401:
            found["WWW-Authenticate"] = 'Bearer realm="", authorization_uri="", client_id=""'
        return found


@dataclass(slots=True)
class Request:
    """One call below ``/v1.0``. ``copies`` is how many times its change is stored: a fault may say 0 or 2.

    Collections in ``segments`` are in lower case, as Graph does not tell cases apart; ids are as sent.
    """

    method: str
    segments: list[str]
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes
    base: str
    app: str = ""
    copies: int = 1
    id: str = field(default_factory=lambda: str(uuid.uuid4()))

    @property
    def what(self) -> str:
        """The call's name in the log of faults, such as ``POST messages`` or ``GET message``."""
        last = self.segments[-1] if self.segments else ""
        named_by_id = len(self.segments) % 2 == 0 and last not in ACTIONS
        return f"{self.method} {self.segments[-2][:-1] if named_by_id else NAMES.get(last, last)}"

    @property
    def mailbox(self) -> str:
        """Whose mailbox it is about, as the caller calls them; empty where it is not about one."""
        return self.segments[1].lower() if len(self.segments) > 1 and self.segments[0] == "users" else ""

    def json(self) -> Json:
        """The body, which must be a JSON object, and say so."""
        if not self.headers.get("content-type", "").startswith("application/json"):
            text = "A supported MIME type could not be found that matches the content type of the response."
            raise GraphError(415, "UnsupportedMediaType", text)
        try:
            found = msgspec.json.decode(self.body)
        except msgspec.DecodeError as error:
            raise GraphError(400, "BadRequest", "Unable to read JSON request payload.") from error
        if not isinstance(found, dict):
            raise GraphError(400, "BadRequest", "Unable to read JSON request payload.")
        return found

    def top(self, usual: int, most: int) -> int:
        """How many entries of a list the caller asks for."""
        text = self.query.get("$top", str(usual))
        if not text.isdigit() or not 1 <= int(text) <= most:
            raise GraphError(400, "BadRequest", f"Invalid value '{text}' for $top query option found.")
        return int(text)

    def skip(self) -> int:
        """Where in a list the caller wants to go on."""
        text = self.query.get("$skip") or self.query.get("$skiptoken") or "0"
        if not text.isdigit():
            raise GraphError(400, "BadRequest", "Invalid value for the skip token.")
        return int(text)

    def link(self, place: int) -> str:
        """The address at which a list goes on: the same call, from another place."""
        name = "$skip" if self.segments[0] == "users" and len(self.segments) > 1 else "$skiptoken"
        options = {**self.query, name: str(place)}
        path = "/".join(quote(one, safe="") for one in self.segments)
        return f"{self.base}/v1.0/{path}?{urlencode(options, quote_via=quote)}"


@dataclass(slots=True)
class Reply:
    """An answer; ``body`` is JSON, or bytes as they are, or nothing."""

    status: int
    body: Json | bytes | None = None
    headers: dict[str, str] = field(default_factory=dict)

    def content(self) -> bytes:
        """The body's bytes."""
        if self.body is None or isinstance(self.body, bytes):
            return self.body or b""
        return msgspec.json.encode(self.body)


ACTIONS = frozenset({"$value", "createuploadsession", "mailboxsettings", "permanentdelete", "token"})
NAMES = {
    "mailfolders": "mailFolders",
    "childfolders": "childFolders",
    "createuploadsession": "createUploadSession",
    "mailboxsettings": "mailboxSettings",
    "permanentdelete": "permanentDelete",
    "transitivemembers": "transitiveMembers",
}


def segments_of(path: str) -> list[str]:
    """The parts of a path: collections in lower case, keys as in ``users('a@b')`` as parts of their own."""
    parts: list[str] = []
    for raw in path.strip("/").split("/"):
        name, bracket, key = unquote(raw).partition("('")
        parts += [name, key.removesuffix("')")] if bracket and key.endswith("')") else [unquote(raw)]
    return [
        one.lower() if place % 2 == 0 or one.lower() in ACTIONS else one for place, one in enumerate(parts)
    ]


def refusal(error: GraphError, request_id: str, client_request_id: str, now: float) -> Reply:
    """An error as Graph renders it."""
    inner = {"date": iso(now)[:-1], "request-id": request_id, "client-request-id": client_request_id}
    body = {"error": {"code": error.code, "message": error.message, "innerError": inner}}
    return Reply(error.status, body, error.headers())
