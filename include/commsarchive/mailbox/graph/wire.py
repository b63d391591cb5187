"""HTTP to Graph: every answer a clear one, a refusal, or a doubt."""

from __future__ import annotations

import asyncio
import hashlib
import io
import ssl
import uuid
from collections.abc import Mapping
from urllib.parse import quote

import aiohttp
import msgspec
from yarl import URL

from include.commsarchive.mailbox.graph.answers import OK, TOKEN_REFUSED, Answer, Json, judged
from include.commsarchive.mailbox.graph.box import Box, Doubt, room
from include.commsarchive.mailbox.graph.settings import GraphSettings
from include.commsarchive.mailbox.graph.tokens import Tokens
from include.commsarchive.proxy import proxy_for

_PIECE = 1 << 18
_TIMEOUT = aiohttp.ClientTimeout(total=300, sock_connect=30, sock_read=150)


class Wire:
    """The connections to Graph, kept open between calls. Made and used in one event loop."""

    def __init__(self, settings: GraphSettings, tokens: Tokens) -> None:
        """Connect when first asked."""
        application = settings.application
        self._root = f"{application.graph}/v1.0"
        self._schemes = {"https", application.graph.partition(":")[0]}
        self._tokens = tokens
        trusted = ssl.create_default_context(cafile=application.verify or None)
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=settings.concurrency, ssl=trusted),
            timeout=_TIMEOUT,
            cookie_jar=aiohttp.DummyCookieJar(),
        )

    async def close(self) -> None:
        """Let the connections go."""
        await self._session.close()

    async def get(self, box: Box, path: str, query: Mapping[str, str] | None = None) -> Answer:
        """Ask for something below ``/v1.0``. A token that was refused is renewed, once.

        Raises:
            Doubt: there is no clear answer.
            Fatal: Graph refuses new tokens, too.
        """
        return await self._read(box, self._url(path, query or {}))

    async def sha256(self, box: Box, path: str) -> Answer:
        """Ask for bytes, however many: the answer's only field ``sha256`` is their hash.

        Raises:
            Doubt: there is no clear answer.
            Fatal: Graph refuses new tokens, too.
        """
        return await self._read(box, self._url(path, {}), hashed=True)

    async def pages(self, box: Box, path: str, query: Mapping[str, str]) -> Answer | list[Json]:
        """Ask for a list, all pages of it: its entries, or the answer that is a no.

        Raises:
            Doubt: there is no clear answer.
            Fatal: Graph refuses new tokens, too.
        """
        here = self._url(path, query)
        answer = await self._read(box, here)
        rows: list[Json] = []
        while answer.ok:
            rows += answer.rows()
            following = str(answer.body.get("@odata.nextLink") or "")
            if not following:
                return rows
            url = here.join(URL(following, encoded=True))  # OData lets it be relative
            if url.origin() != here.origin() or url == here:
                raise Doubt("garbled-answer", request_id=answer.request_id)
            here = url
            answer = await self._read(box, here)
        return answer

    async def send(self, box: Box, method: str, path: str, body: bytes = b"") -> Answer:
        """Change something, by JSON.

        Raises:
            Doubt: there is no clear answer, or no room for so many bytes now.
            Refusal: it can never be done.
            Fatal: Graph refuses new tokens, too.
        """
        with room(box, len(body)):
            return await self._call(box, method, self._url(path, {}), body)

    async def put(self, box: Box, address: str, body: bytes, place: str) -> Answer:
        """Put a range into an upload session. Its address is a secret; whoever opened it has made room.

        Raises:
            Doubt: there is no clear answer.
            Refusal: it can never be done.
        """
        url = URL(self._root).join(URL(address, encoded=True))
        if url.scheme not in self._schemes:
            raise Doubt("garbled-answer")
        headers = {"Content-Range": f"bytes {place}", "Content-Type": "application/octet-stream"}
        with room(box):
            return await self._exchange(box, "PUT", url, headers, body)

    async def _read(self, box: Box, url: URL, *, hashed: bool = False) -> Answer:
        with room(box):
            try:
                return await self._call(box, "GET", url, hashed=hashed)
            except Doubt as doubt:
                if doubt.slug != TOKEN_REFUSED:
                    raise
            return await self._call(box, "GET", url, hashed=hashed)

    async def _call(
        self, box: Box, method: str, url: URL, body: bytes = b"", *, hashed: bool = False
    ) -> Answer:
        token = self._tokens.held or await asyncio.to_thread(self._tokens.get)
        headers = {"Authorization": f"Bearer {token}", "Prefer": 'IdType="ImmutableId"'}
        if body:
            headers["Content-Type"] = "application/json"
        try:
            answer = await self._exchange(box, method, url, headers, body, hashed=hashed)
        except Doubt as doubt:
            if doubt.slug == TOKEN_REFUSED:
                self._tokens.refuse(token)
            raise
        self._tokens.accept(token)
        return answer

    async def _exchange(
        self, box: Box, method: str, url: URL, headers: dict[str, str], body: bytes, *, hashed: bool = False
    ) -> Answer:
        ours = headers["client-request-id"] = str(uuid.uuid4())
        try:
            async with self._session.request(
                method,
                url,
                headers=headers,
                data=io.BytesIO(body) if body else None,
                allow_redirects=False,
                proxy=proxy_for(str(url)),
            ) as response:
                wanted = hashed and response.status in OK
                raw = await (_hash_of(response) if wanted else response.read())
        except (aiohttp.ClientError, TimeoutError, OSError):
            raise Doubt("connection-lost", request_id=ours) from None
        return judged(box, response.status, response.headers, raw, response.headers.get("request-id") or ours)

    def _url(self, path: str, query: Mapping[str, str]) -> URL:
        text = "&".join(f"{name}={quote(value, safe='')}" for name, value in query.items())
        return URL(f"{self._root}{path}?{text}" if text else f"{self._root}{path}", encoded=True)


async def _hash_of(response: aiohttp.ClientResponse) -> bytes:
    content = hashlib.sha256()
    async for piece in response.content.iter_chunked(_PIECE):
        content.update(piece)
    return msgspec.json.encode({"sha256": content.hexdigest()})
