"""A vendor's API, embedded, on loopback: messages of a window, two a page, for who has a token.

``POST /token`` gives a token for a client's id and secret (RFC 6749, 4.4); ``GET /v1/messages?since=&until=``
gives messages, and ``meta/cursor`` for the next page.
"""

from __future__ import annotations

import base64
import hmac
import http
import http.server
import json
import secrets
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

HOST = "127.0.0.1"
CLIENT = "commsarchive"
PAGE = 2


@contextmanager
def serving_api(records: Path, secret: str) -> Iterator[int]:
    """Serve the messages in a folder's ``*.json`` while the block runs; give the port."""
    messages = [one for path in sorted(records.rglob("*.json")) for one in json.loads(path.read_bytes())]
    answer = partial(_Answer, messages, f"{CLIENT}:{secret}", secrets.token_urlsafe())
    with http.server.ThreadingHTTPServer((HOST, 0), answer) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        try:
            yield server.server_address[1]
        finally:
            server.shutdown()
            thread.join()


class _Answer(http.server.BaseHTTPRequestHandler):
    """Answers one connection."""

    protocol_version = "HTTP/1.1"
    timeout = 30

    def __init__(self, messages: list[dict[str, Any]], client: str, token: str, *connection: Any) -> None:
        self._messages, self._token = messages, token
        self._client = base64.b64encode(client.encode()).decode()
        super().__init__(*connection)

    def do_POST(self) -> None:
        """Give a token."""
        self.rfile.read(int(self.headers["Content-Length"] or 0))
        if self._proves(f"Basic {self._client}"):
            self._say({"access_token": self._token, "token_type": "Bearer", "expires_in": 3600})
        else:
            self._say({"error": "invalid_client"}, http.HTTPStatus.UNAUTHORIZED)

    def do_GET(self) -> None:
        """Give a page."""
        asked = dict(parse_qsl(urlsplit(self.path).query))
        if not self._proves(f"Bearer {self._token}"):
            self._say({"error": "invalid_token"}, http.HTTPStatus.UNAUTHORIZED)
            return
        since, until, start = asked.get("since", ""), asked.get("until", ""), int(asked.get("cursor") or 0)
        found = [one for one in self._messages if since <= one["sent"] < until]
        end = start + PAGE
        cursor = str(end) if end < len(found) else ""
        self._say({"data": {"rows": found[start:end]}, "meta": {"cursor": cursor}})

    def _proves(self, proof: str) -> bool:
        return hmac.compare_digest(self.headers.get("Authorization", "").encode(), proof.encode())

    def _say(self, told: dict[str, Any], status: http.HTTPStatus = http.HTTPStatus.OK) -> None:
        body = json.dumps(told, ensure_ascii=False).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - its name in the base class
        """Keep quiet: the connector's log says what was asked."""
