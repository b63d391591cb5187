"""An API of messages on loopback, which pages in every way at once and fails as it is told to."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, parse_qsl, urlsplit

from tests.servers.answering import Said, answering
from tests.servers.graph.certificate import write_certificate
from tests.servers.programs import HOST

CLIENT, SECRET = "commsarchive", "s3cret: 50%"
Record = dict[str, Any]


@dataclass
class PagedApi:
    """``GET /v1/messages?since=&until=`` gives ``records`` whose ``sent`` is in the window, ``size`` a page.

    The next page goes by ``cursor`` or ``page``; ``meta/cursor``, ``meta/next`` and the header ``Link`` state
    it. ``said`` replaces answers, by number of the request. A token is good for ``uses`` requests.
    """

    port: int = 0
    scheme: str = "http"
    records: list[Record] = field(default_factory=list)
    size: int = 2
    said: dict[int, Said] = field(default_factory=dict)
    uses: int = 1_000_000
    expires_in: int = 3600
    asked: list[str] = field(default_factory=list)
    pages: list[bytes] = field(default_factory=list)
    token_form: dict[str, str] = field(default_factory=dict)
    tokens: int = 0
    numbers_matter: bool = True
    make: Callable[[list[Record]], bytes] | None = None
    files: dict[str, Said] = field(default_factory=dict)
    """Answers of ``GET``, by path; those below ``/open/`` to anybody."""
    headers: list[dict[str, str]] = field(default_factory=list)
    """Those of each request but for tokens, names in lower case."""
    bodies: list[Record] = field(default_factory=list)
    wants: dict[str, str] = field(default_factory=dict)
    """Headers that prove as much as a token."""
    _left: int = 0

    @property
    def url(self) -> str:
        return f"{self.scheme}://{HOST}:{self.port}"

    def new_token(self, form: dict[str, str], proof: str) -> Said:
        basic = base64.b64encode(f"{CLIENT}:{SECRET}".encode()).decode()
        by_form = (form.get("client_id"), form.get("client_secret")) == (CLIENT, SECRET)
        if proof != f"Basic {basic}" and not by_form:
            return Said(401, b'{"error": "invalid_client"}')
        self.token_form = form
        self.tokens += 1
        self._left = self.uses
        told = {"access_token": f"token-{self.tokens}", "expires_in": self.expires_in}
        return Said(200, json.dumps(told).encode())

    def get(self, target: str, headers: dict[str, str], body: Record | None = None) -> Said:
        proof = headers.get("authorization", "")
        self.headers.append(headers)
        self.bodies += [] if body is None else [body]
        self.asked.append(target)
        if said := self.said.get(len(self.asked)):
            return said
        if target.startswith("/open/"):
            return self.files[target]
        if self.wants and self.wants.items() <= headers.items():
            pass
        elif proof == f"Bearer token-{self.tokens}" and self._left > 0:
            self._left -= 1
        elif proof not in {"Bearer good", f"Basic {base64.b64encode(b'me:good').decode()}"}:
            return Said(401, b"no")
        if target.startswith("/v1/files"):
            return self.files.get(target, Said(404, b"gone"))
        answer = self._page(target, body)
        self.pages.append(answer.body)
        return answer

    def _page(self, target: str, body: Record | None) -> Said:
        query = {name: values[0] for name, values in parse_qs(urlsplit(target).query).items()}
        query |= {name: str(value) for name, value in (body or {}).get("search", {}).items()}
        start = int(query.get("cursor") or 0)
        if self.numbers_matter and "page" in query:
            start = (int(query["page"]) - 1) * self.size
        found = [one for one in self.records if query["since"] <= one["sent"] < query["until"]]
        part, end = found[start : start + self.size], start + self.size
        more = end < len(found)
        base = f"/v1/messages?since={query['since']}&until={query['until']}&cursor={end}"
        meta = {"cursor": str(end) if more else "", "next": base if more else None}
        made = (
            self.make(part)
            if self.make
            else json.dumps({"data": {"rows": part}, "meta": meta}, indent=1).encode()
        )
        return Said(200, made, {"Link": f'<{self.url}{base}>; rel="next"'} if more else {})


@contextmanager
def running_api(certificate: Path | None = None) -> Iterator[PagedApi]:
    """Run it until the block ends; by TLS with a file for its certificate."""
    api = PagedApi(scheme="https" if certificate else "http")

    def answer(target: str, headers: dict[str, str], body: bytes | None) -> Said:
        if body is None:
            return api.get(target, headers)
        if target.startswith("/v1/"):
            return api.get(target, headers, json.loads(body))
        return api.new_token(dict(parse_qsl(body.decode())), headers.get("authorization", ""))

    if certificate:
        write_certificate(certificate)
    with answering(answer, certificate) as api.port:
        yield api
