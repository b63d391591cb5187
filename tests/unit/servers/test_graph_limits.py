"""The Graph emulator's limits, batches and upload sessions are as Microsoft documents them."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import requests

from tests.servers.graph.server import GraphServer
from tests.servers.graph.throttle import Limits
from tests.unit.servers.graph_client import ANN, BOB, EP, Caller, code, letter, posted, text_of, with_key

MB = 1_000_000


class Clock:
    """Time that passes when a test says so."""

    now = 1_800_000_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def strict(clock: Clock) -> Iterator[Caller]:
    """A caller of a server with small limits."""
    limits = Limits(requests=3, requests_window=10, upload=5000, upload_window=20)
    with GraphServer(limits=limits, clock=clock) as server:
        server.store.add_users([ANN, BOB])
        caller = Caller(server)
        caller.sign_in()
        with caller.http:
            yield caller


def test_too_many_requests_must_wait_and_those_refused_count(strict: Caller, clock: Clock) -> None:
    path = f"/users/{ANN}/mailFolders/inbox"
    for _ in range(3):
        assert strict.call("GET", path).ok
        clock.now += 1
    refused = strict.call("GET", path)
    assert code(refused) == (429, "ApplicationThrottled")
    assert refused.headers["Retry-After"] == "7"
    assert strict.call("GET", f"/users/{BOB}/mailFolders/inbox").ok
    clock.now += 7
    assert strict.call("GET", path).status_code == 429
    clock.now += 10
    assert strict.call("GET", path).ok


def test_bytes_uploaded_are_limited_and_what_is_refused_is_not_stored(strict: Caller, clock: Clock) -> None:
    big = letter(subject="x" * 3000)
    assert strict.create(big).status_code == 201
    clock.now += 5
    refused = strict.create(big)
    assert (code(refused), refused.headers["Retry-After"]) == ((429, "ApplicationThrottled"), "15")
    clock.now += 15
    assert strict.create(big).status_code == 201
    assert strict.server.store.count() == 2


def test_a_mailbox_serves_four_requests_at_once() -> None:
    with GraphServer(work=0.3) as server:
        server.store.add_users([ANN, BOB])
        callers = [Caller(server) for _ in range(6)]
        for caller in callers:
            caller.sign_in()
        with ThreadPoolExecutor(6) as pool:
            mailboxes = [ANN] * 5 + [BOB]
            answers = list(
                pool.map(lambda pair: pair[0].create(letter(), pair[1]), zip(callers, mailboxes, strict=True))
            )
        for caller in callers:
            caller.http.close()
    assert sorted(one.status_code for one in answers) == [201] * 5 + [429]
    refused = next(one for one in answers if one.status_code == 429)
    assert "MailboxConcurrency" in refused.json()["error"]["message"]
    assert "Retry-After" in refused.headers
    assert server.throttle.most_running == 4


def test_requests_and_answers_have_ids(caller: Caller) -> None:
    answer = caller.http.get(f"{caller.server.url}/v1.0/users/{ANN}", headers={"client-request-id": "mine"})
    assert answer.headers["client-request-id"] == "mine"
    assert len(answer.headers["request-id"]) == 36


def test_calls_of_a_batch_fail_alone_and_those_that_depend_on_them_too(
    caller: Caller, graph: GraphServer
) -> None:
    bad = {**letter("bad"), EP: [{"id": "nonsense", "value": "x"}]}
    answers = caller.batch(
        posted("1", "a"),
        posted("2", "bad", body=bad),
        posted("3", "c", dependsOn=["2"]),
        posted("4", "d", dependsOn=["1"]),
        {"id": "5", "method": "GET", "url": f"/users/{ANN}/messages?$filter={with_key('zzz')}"},
    )
    assert {name: one["status"] for name, one in answers.items()} == {
        "1": 201,
        "2": 400,
        "3": 424,
        "4": 201,
        "5": 200,
    }
    assert answers["2"]["body"]["error"]["code"] == "ErrorInvalidExtendedProperty"
    assert {one.property(EP_KEY) for one in graph.store.mailbox(ANN).messages()} == {"a", "d"}


EP_KEY = letter()[EP][3]["id"]


@pytest.mark.parametrize(
    "calls",
    [
        [],
        [posted(str(number), "k") for number in range(21)],
        [posted("a", "k"), posted("A", "k")],
        [posted("1", "k", dependsOn=["2"]), posted("2", "k")],
        [posted("1", "k", headers={})],
        [{"id": "1", "method": "GET"}],
    ],
)
def test_a_malformed_batch_is_refused_whole(
    caller: Caller, graph: GraphServer, calls: list[dict[str, Any]]
) -> None:
    assert code(caller.call("POST", "/$batch", {"requests": calls})) == (400, "BadRequest")
    assert graph.store.count() == 0


def test_calls_of_a_batch_are_throttled_one_by_one(strict: Caller) -> None:
    answers = strict.batch(
        *({"id": str(n), "method": "GET", "url": f"/users/{ANN}/mailFolders"} for n in range(5))
    )
    assert sorted(one["status"] for one in answers.values()) == [200, 200, 200, 429, 429]
    assert all("Retry-After" in one["headers"] for one in answers.values() if one["status"] == 429)


def put(url: str, data: bytes, first: int, total: int, **headers: str) -> requests.Response:
    place = f"bytes {first}-{first + len(data) - 1}/{total}"
    return requests.put(url, data=data, headers={"Content-Range": place, **headers}, timeout=10)


@pytest.fixture
def message(caller: Caller) -> str:
    """The path of a message."""
    return f"/users/{ANN}/messages/{caller.create(letter()).json()['id']}"


def session(caller: Caller, message: str, size: int) -> requests.Response:
    item = {"attachmentType": "file", "name": "big.bin", "size": size}
    return caller.call("POST", f"{message}/attachments/createUploadSession", {"AttachmentItem": item})


def test_a_large_file_is_uploaded_in_order_without_a_token(caller: Caller, message: str) -> None:
    data = bytes(range(256)) * 20000
    made = session(caller, message, len(data))
    url, half = made.json()["uploadUrl"], 3 * MB
    assert (made.status_code, made.json()["nextExpectedRanges"]) == (201, ["0-"])
    assert put(url, data[half:], half, len(data)).status_code == 416
    assert put(url, data[:half], 0, len(data), Authorization="Bearer x").status_code == 401
    assert put(url, data[:half], 0, len(data) + 1).status_code == 400
    assert put(url, data, 0, len(data)).status_code == 413
    assert put(url, data[:half], 0, len(data)).json()["nextExpectedRanges"] == [str(half)]
    assert caller.call("GET", f"{message}/attachments").json()["value"] == []
    assert requests.get(url, timeout=10).json()["nextExpectedRanges"] == [str(half)]
    done = put(url, data[half:], half, len(data))
    assert (done.status_code, done.content) == (201, b"")
    identifier = done.headers["Location"].split("Attachments('")[1].removesuffix("')")
    assert caller.call("GET", f"{message}/attachments/{identifier}/$value").content == data


def test_upload_sessions_have_bounds_and_an_end(message: str, caller: Caller, graph: GraphServer) -> None:
    assert code(session(caller, message, 2 * MB)) == (
        400,
        "ErrorAttachmentSizeShouldNotBeLessThanMinimumSize",
    )
    assert code(session(caller, message, 40 * MB)) == (413, "ErrorMessageSizeExceeded")
    graph.limits.message = 150 * MB
    assert code(session(caller, message, 150 * MB + 1)) == (413, "ErrorAttachmentSizeLimitExceeded")
    assert session(caller, message, 150 * MB).status_code == 201
    graph.limits.session_life = -1
    url = session(caller, message, 4 * MB).json()["uploadUrl"]
    assert put(url, b"x" * MB, 0, 4 * MB).status_code == 404


def test_a_file_of_three_mb_does_not_fit_into_one_request(message: str, caller: Caller) -> None:
    def file(size: int) -> dict[str, Any]:
        content = base64.b64encode(b"x" * size).decode()
        return {"@odata.type": "#microsoft.graph.fileAttachment", "name": "f", "contentBytes": content}

    assert caller.call("POST", f"{message}/attachments", file(2_900_000)).status_code == 201
    assert code(caller.call("POST", f"{message}/attachments", file(3_200_000))) == (413, "BadRequest")
    assert "contentBytes" not in text_of(
        caller.call("GET", f"{message}/attachments", select="id,name").json()
    )
