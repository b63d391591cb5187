"""Our EWS server refuses, throttles and fails as Exchange does, and as a test tells it to."""

from __future__ import annotations

import http.client
import json
import threading
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator

import pytest

from tests.servers.ews.behaviour import Budget
from tests.servers.ews.raw_client import INBOX, RawClient, keyed, mime
from tests.servers.ews.server import APP, SERVICE, Account, App, Behaviour, EwsServer
from tests.servers.faults import FAULTS, Call, Fault, Faults, Kind

ANN, BOB = "ann@example.com", "bob@example.com"


@pytest.fixture
def server() -> Iterator[EwsServer]:
    with EwsServer([ANN, BOB]) as running:
        yield running
    assert running.invalid == []


@pytest.fixture
def ann(server: EwsServer) -> RawClient:
    return RawClient(server)


def subjects(server: EwsServer, mailbox: str = ANN) -> list[str]:
    return [item.subject for item in server.store.mailbox(mailbox).items]


# Who may


def test_nobody_is_told_how_to_log_in(server: EwsServer) -> None:
    for method in ("GET", "POST"):
        with pytest.raises(urllib.error.HTTPError) as caught:
            urllib.request.urlopen(urllib.request.Request(server.url, method=method))  # noqa: S310 - loopback
        offers = caught.value.headers.get_all("WWW-Authenticate")
        caught.value.close()
        assert (caught.value.code, offers) == (401, ["NTLM", 'Basic realm="127.0.0.1"', "Bearer"])


def mailbox_of(address: str) -> str:
    mailbox = f"<t:Mailbox><t:EmailAddress>{address}</t:EmailAddress></t:Mailbox>"
    return f'<t:DistinguishedFolderId Id="inbox">{mailbox}</t:DistinguishedFolderId>'


def test_others_mailboxes_are_closed_but_to_delegates(server: EwsServer, ann: RawClient) -> None:
    (inbox,) = RawClient(server, BOB).folder(INBOX).ids("FolderId")
    (theirs,) = RawClient(server, BOB).create(mime("a")).ids()
    by_id = f'<t:FolderId Id="{inbox}"/>'
    assert ann.folder(mailbox_of(BOB), by_id, INBOX).codes == [
        "ErrorAccessDenied",
        "ErrorAccessDenied",
        "NoError",
    ]
    assert ann.get(theirs).codes == ["ErrorAccessDenied"]
    server.login.accounts[ANN] = Account(ANN, ann.password, opens=frozenset({BOB}))
    assert ann.folder(mailbox_of(BOB), by_id).codes == ["NoError", "NoError"]
    assert [entry.mailbox for entry in server.seen[-4:]] == [BOB, BOB, BOB, BOB]


@pytest.mark.parametrize(
    ("acts_as", "code"),
    [("nobody@example.com", "ErrorNonExistentMailbox"), ("off@example.com", "ErrorAccountDisabled")],
)
def test_who_has_no_mailbox_cannot_be_acted_as(server: EwsServer, acts_as: str, code: str) -> None:
    server.store.add("off@example.com", refuses="ErrorAccountDisabled")
    answer = RawClient(server, SERVICE.name, acts_as=acts_as).folder(INBOX)
    assert (answer.status, answer.codes) == (500, [code])


def test_a_mailbox_named_in_a_folder_that_is_not_there_fails_that_part_alone(server: EwsServer) -> None:
    service = RawClient(server, SERVICE.name, acts_as=ANN)
    assert service.folder(mailbox_of("nobody@example.com"), INBOX).codes == [
        "ErrorNonExistentMailbox",
        "NoError",
    ]


# Tokens


def token(server: EwsServer, **form: str) -> tuple[int, dict[str, object]]:
    given = {
        "grant_type": "client_credentials",
        "client_id": APP.client_id,
        "client_secret": APP.secret,
        "scope": "https://outlook.office365.com/.default",
        **form,
    }
    request = urllib.request.Request(server.token_url, urllib.parse.urlencode(given).encode())  # noqa: S310
    try:
        with urllib.request.urlopen(request) as answer:  # noqa: S310 - loopback
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as error:
        with error:
            return error.code, json.load(error)


def bearer(server: EwsServer, acts_as: str = ANN) -> RawClient:
    value = token(server)[1]["access_token"]
    return RawClient(server, acts_as=acts_as, headers={"Authorization": f"Bearer {value}"})


def test_an_application_must_impersonate_and_within_its_scope() -> None:
    with EwsServer([ANN, BOB], apps=[App(APP.client_id, APP.secret, frozenset({ANN}))]) as server:
        client = bearer(server)
        assert client.folder(INBOX).codes == ["NoError"]
        client.acts_as = BOB
        assert client.folder(INBOX).codes == ["ErrorImpersonateUserDenied"]
        client.acts_as = ""
        assert client.folder(INBOX).codes == ["ErrorImpersonationFailed"]


@pytest.mark.parametrize(
    ("form", "status", "error"),
    [
        ({"client_secret": "wrong"}, 401, "invalid_client"),
        ({"client_id": "other"}, 400, "unauthorized_client"),
        ({"grant_type": "password"}, 400, "unsupported_grant_type"),
        ({"scope": "EWS.AccessAsUser.All"}, 400, "invalid_scope"),
    ],
)
def test_tokens_are_not_for_everybody(
    server: EwsServer, form: dict[str, str], status: int, error: str
) -> None:
    code, answer = token(server, **form)
    assert (code, answer["error"]) == (status, error)


def test_tokens_end_by_age_and_by_fault(server: EwsServer) -> None:
    client = bearer(server)
    server.faults.at(1, Fault(Kind.TOKEN_EXPIRED))
    assert [client.folder(INBOX).status for _ in range(2)] == [401, 401]
    server.behaviour.token_life = 0.0
    answer = bearer(server).folder(INBOX)
    assert answer.status == 401
    assert "expired_token" in answer.headers["x-ms-diagnostics"]


# Limits


def test_a_full_mailbox_stops_the_batch(server: EwsServer, ann: RawClient) -> None:
    server.store.mailbox(ANN).quota = 200
    answer = ann.create(*(mime(name) for name in "abcd"))
    assert answer.codes == ["NoError", "NoError", "ErrorQuotaExceeded", "ErrorBatchProcessingStopped"]
    assert [part.get("ResponseClass") for part in answer.parts] == ["Success", "Success", "Error", "Warning"]
    assert subjects(server) == ["a", "b"]


def test_an_item_that_is_too_large_fails_alone(server: EwsServer, ann: RawClient) -> None:
    server.behaviour.max_message = 100
    assert ann.create(mime("a"), mime("b" * 100), mime("c")).codes == [
        "NoError",
        "ErrorMessageSizeExceeded",
        "NoError",
    ]


@pytest.mark.parametrize("status", [0, 413])
def test_a_request_beyond_the_cap_is_not_read(status: int) -> None:
    behaviour = Behaviour(max_request=5000, oversize_status=status)
    with EwsServer([ANN], behaviour=behaviour) as server:
        ann = RawClient(server)
        assert ann.create(mime("a")).codes == ["NoError"]
        if status:
            assert ann.create(keyed("x" * 5000) + mime("b")).status == status
        else:
            with pytest.raises((http.client.RemoteDisconnected, ConnectionError)):
                ann.create(mime("b" * 5000))
        assert subjects(server) == ["a"]


def test_purges_may_be_closed_to_clients(server: EwsServer, ann: RawClient) -> None:
    server.behaviour.purges_takes_items = False
    purges = '<t:DistinguishedFolderId Id="recoverableitemspurges"/>'
    assert ann.create(mime("a"), folder=purges).codes == ["ErrorAccessDenied"]


def test_more_requests_at_once_than_allowed_are_refused(server: EwsServer, ann: RawClient) -> None:
    server.behaviour.max_concurrency = 1
    server.behaviour.latency = 0.3
    codes: list[str] = []
    threads = [threading.Thread(target=lambda: codes.extend(ann.folder(INBOX).codes)) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(codes) == ["ErrorExceededConnectionCount", "NoError"]


def test_a_spent_budget_says_how_long_to_stay_away(server: EwsServer, ann: RawClient) -> None:
    server.behaviour.budget = Budget(bytes_per_second=1000, burst=1000)
    assert ann.create(mime("a")).codes == ["NoError"]
    answer = ann.create(mime("b"))
    assert answer.codes == ["ErrorServerBusy"]
    assert 0 < int(answer.texts("Value")[0]) <= 1000
    assert RawClient(server, BOB).create(mime("c")).codes == ["NoError"]


# Faults

HANGS_UP = {Kind.DROP, Kind.CALL, Kind.TRUNCATE}
STATUS = {Kind.TOKEN_EXPIRED: 401, Kind.SERVER_BUSY: 500, Kind.NO_MAILBOX: 500}
CODES = {
    Kind.MAILBOX_MOVE: [
        "ErrorMailboxMoveInProgress",
        "ErrorBatchProcessingStopped",
        "ErrorBatchProcessingStopped",
    ],
    Kind.QUOTA_EXCEEDED: ["ErrorQuotaExceeded", "ErrorBatchProcessingStopped", "ErrorBatchProcessingStopped"],
    Kind.TOO_LARGE: ["ErrorMessageSizeExceeded"] * 3,
    Kind.PARTIAL: ["NoError", "ErrorInternalServerTransientError", "NoError"],
    Kind.SERVER_BUSY: ["ErrorServerBusy"],
    Kind.NO_MAILBOX: ["ErrorNonExistentMailbox"],
}
KEPT = {Kind.PARTIAL: ["a", "c"], Kind.STORED_TWICE: [*"aabbcc"], Kind.STALL: [*"abc"]}
HARMLESS = {Kind.STALL, Kind.NOT_STORED, Kind.STORED_TWICE}


@pytest.mark.parametrize("fault", [*FAULTS, Fault.call(list), Fault.call(list, after=True)], ids=str)
def test_every_fault_shows_and_keeps_what_it_says(server: EwsServer, ann: RawClient, fault: Fault) -> None:
    server.faults.at(1, fault)
    try:
        answer = ann.create(*(mime(name) for name in "abc"))
    except (http.client.HTTPException, ConnectionError):
        assert fault.kind in HANGS_UP
    else:
        assert fault.kind not in HANGS_UP
        assert answer.status == (fault.code or STATUS.get(fault.kind, 200))
        if fault.kind in HARMLESS:
            assert answer.codes == ["NoError"] * 3
        elif fault.kind in CODES and not fault.after:
            assert answer.codes == CODES[fault.kind]
        elif fault.kind is Kind.GARBLE:
            assert b"Envelope" not in answer.body
        if fault.kind is Kind.STATUS:
            assert answer.headers.get("Retry-After") == (None if fault.wait is None else "1")
    assert subjects(server) == (KEPT.get(fault.kind, [*"abc"] if fault.after else []))
    assert ann.create(mime("again")).codes == ["NoError"]


def test_refusals_of_changes_leave_searches_alone(server: EwsServer, ann: RawClient) -> None:
    server.faults.every(Fault(Kind.QUOTA_EXCEEDED))
    assert ann.find().codes == ["NoError"]
    assert ann.create(mime("a")).codes == ["ErrorQuotaExceeded"]


def test_calls_are_known_by_operation_mailbox_and_size(server: EwsServer) -> None:
    service = RawClient(server, SERVICE.name, acts_as=BOB, headers={"X-AnchorMailbox": BOB})
    service.create(mime("a"), mime("b"))
    token(server)
    calls = [entry.call for entry in server.faults.log]
    path = "/EWS/Exchange.asmx"
    assert calls[0] == Call("CreateItem", mailbox=BOB, path=path, items=2)
    assert calls[1].what == "token"
    assert [(one.operation, one.anchor) for one in server.seen] == [("CreateItem", BOB)]


def test_a_folder_that_was_not_stored_is_not_there() -> None:
    faults = Faults().at(1, Fault(Kind.NOT_STORED))
    body = (
        f"<m:CreateFolder><m:ParentFolderId>{INBOX}</m:ParentFolderId><m:Folders><t:Folder>"
        "<t:DisplayName>Chats</t:DisplayName></t:Folder></m:Folders></m:CreateFolder>"
    )
    with EwsServer([ANN], faults=faults) as server:
        ann = RawClient(server)
        codes = [ann.send(body).codes for _ in range(3)]
        assert codes == [["NoError"], ["NoError"], ["ErrorFolderExists"]]
        assert server.store.mailbox(ANN).folder("Inbox/Chats").items == []
