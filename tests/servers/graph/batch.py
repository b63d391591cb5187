"""Batches: up to twenty calls in one, four at a time.

Source: Microsoft's json-batching. A call whose forerunner failed gets 424; each call counts against the
limits.
"""

from __future__ import annotations

import asyncio
import base64
from collections.abc import Awaitable, Callable
from urllib.parse import parse_qsl, urlsplit

import msgspec

from tests.servers.graph.wire import GraphError, Json, Reply, Request, segments_of

MOST = 20
AT_ONCE = 4
Answer = Callable[[Request, int], Awaitable[Reply]]
"""Answers one call of a batch, given its place."""


def requests_of(outer: Request) -> list[Json]:
    """The calls of a batch.

    Raises:
        GraphError: it is malformed.
    """
    found = outer.json().get("requests")
    if not isinstance(found, list) or not found:
        raise GraphError(400, "BadRequest", "Invalid batch payload format.")
    if len(found) > MOST:
        text = f"Number of batch request steps exceeds the maximum value of {MOST}."
        raise GraphError(400, "BadRequest", text)
    names = [str(one.get("id", "")).lower() for one in found]
    if len(set(names)) < len(names) or not all(names):
        raise GraphError(400, "BadRequest", "Each request id in the batch must be given and unique.")
    for place, one in enumerate(found):
        if not one.get("method") or not one.get("url"):
            raise GraphError(400, "BadRequest", "Each request needs method and url.")
        if any(str(name).lower() not in names[:place] for name in one.get("dependsOn") or ()):
            raise GraphError(400, "BadRequest", "A dependsOn names no request that is there before.")
        if "body" in one and "content-type" not in map(str.lower, one.get("headers") or {}):
            raise GraphError(400, "BadRequest", "A request with a body needs a Content-Type header.")
    return found


def readable(outer: Request) -> list[Request]:
    """The calls of a batch, or nothing where it is malformed."""
    try:
        return [inner_request(outer, one) for one in requests_of(outer)]
    except GraphError:
        return []


def inner_request(outer: Request, given: Json) -> Request:
    """One call of a batch as if it had come alone."""
    url = urlsplit(given["url"])
    body = given.get("body")
    content = b"" if body is None else body.encode() if isinstance(body, str) else msgspec.json.encode(body)
    headers = {name.lower(): str(value) for name, value in (given.get("headers") or {}).items()}
    segments = segments_of(url.path)
    return Request(
        given["method"].upper(),
        segments,
        dict(parse_qsl(url.query, keep_blank_values=True)),
        {**headers, "authorization": outer.headers.get("authorization", "")},
        content,
        outer.base,
        copies=outer.copies,
    )


async def run(outer: Request, answer: Answer) -> Reply:
    """Answer a batch."""
    given = requests_of(outer)
    places = asyncio.Semaphore(AT_ONCE)
    tasks: dict[str, asyncio.Task[Reply]] = {}

    async def one(place: int) -> Reply:
        await asyncio.sleep(0)
        for name in given[place].get("dependsOn") or ():
            before = await tasks[str(name).lower()]
            if before.status >= 400:
                error = {"code": "FailedDependency", "message": "A request that this one depends on failed."}
                return Reply(424, {"error": error})
        async with places:
            return await answer(inner_request(outer, given[place]), place)

    for place, wanted in enumerate(given):
        tasks[str(wanted["id"]).lower()] = asyncio.create_task(one(place))
    replies = await asyncio.gather(*tasks.values())
    shown = [_shown(str(wanted["id"]), reply) for wanted, reply in zip(given, replies, strict=True)]
    return Reply(200, {"responses": shown})


def _shown(name: str, reply: Reply) -> Json:
    found: Json = {"id": name, "status": reply.status, "headers": dict(reply.headers)}
    if isinstance(reply.body, bytes):
        found["body"] = base64.b64encode(reply.body).decode()
    elif reply.body is not None:
        found["headers"].setdefault("Content-Type", "application/json")
        found["body"] = reply.body
    return found
