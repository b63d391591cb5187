"""A caller of the Graph emulator that knows nothing but HTTP."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import requests

from tests.servers.graph.server import GraphServer
from tests.servers.graph.tokens import CLIENT_ID, CLIENT_SECRET

ANN, BOB = "ann@example.com", "bob@example.com"
EP = "singleValueExtendedProperties"
KEY = "String {3f1c9a60-1111-4222-8333-5d5d5d5d5d5d} Name DeliveryKey"
SCOPE = "https://graph.microsoft.com/.default"


def letter(key: str = "k1", **more: Any) -> dict[str, Any]:
    """The JSON of a message that is as if it had been there all along."""
    return {
        "subject": "Lunch",
        "internetMessageId": f"<{key}@archive.example>",
        "from": {"emailAddress": {"address": "zoe@example.org", "name": "Zoe"}},
        "toRecipients": [{"emailAddress": {"address": ANN}}],
        "body": {"contentType": "html", "content": "<p>At noon?</p>"},
        EP: [
            {"id": "Integer 0x0E07", "value": "1"},
            {"id": "SystemTime 0x0E06", "value": "2020-01-02T03:04:05Z"},
            {"id": "SystemTime 0x0039", "value": "2020-01-02T03:04:00Z"},
            {"id": KEY, "value": key},
        ],
        **more,
    }


def with_key(*keys: str) -> str:
    """A filter for messages by our key."""
    return " or ".join(f"{EP}/any(ep: ep/id eq '{KEY}' and ep/value eq '{key}')" for key in keys)


@dataclass
class Caller:
    """Calls with a token that is fetched once."""

    server: GraphServer
    http: requests.Session = field(default_factory=requests.Session)

    def sign_in(self, **more: str) -> requests.Response:
        form = {"grant_type": "client_credentials", "client_id": CLIENT_ID, "scope": SCOPE}
        answer = self.http.post(
            self.server.token_endpoint, data={**form, "client_secret": CLIENT_SECRET, **more}
        )
        if answer.ok:
            self.http.headers["Authorization"] = f"Bearer {answer.json()['access_token']}"
        return answer

    def call(self, method: str, path: str, body: Any = None, **query: str) -> requests.Response:
        options = {f"${name}": value for name, value in query.items()}
        url = path if path.startswith("http") else f"{self.server.url}/v1.0{path}"
        return self.http.request(method, url, json=body, params=options, timeout=10)

    def create(self, body: Mapping[str, Any], mailbox: str = ANN, folder: str = "inbox") -> requests.Response:
        return self.call("POST", f"/users/{mailbox}/mailFolders/{folder}/messages", body)

    def batch(self, *calls: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
        answer = self.call("POST", "/$batch", {"requests": list(calls)})
        assert answer.status_code == 200, answer.text
        return {one["id"]: one for one in answer.json()["responses"]}


def code(answer: requests.Response) -> tuple[int, str]:
    """Status and code of a refusal, which must have the form of Graph's."""
    error = answer.json()["error"]
    assert set(error) == {"code", "message", "innerError"}
    assert error["innerError"]["request-id"] == answer.headers["request-id"]
    return answer.status_code, error["code"]


def posted(name: str, key: str, **more: Any) -> dict[str, Any]:
    """One create of a batch."""
    headers = {"Content-Type": "application/json"}
    url = f"/users/{ANN}/mailFolders/inbox/messages"
    return {"id": name, "method": "POST", "url": url, "headers": headers, "body": letter(key), **more}


def text_of(value: object) -> str:
    """JSON as text, for looking whether something is in it."""
    return json.dumps(value)
