"""Exchange Online through Graph keeps the promises of every mailbox, whatever goes wrong on the way."""

from __future__ import annotations

import datetime as dt
import hashlib
import io
import json
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat
from cryptography.x509.oid import NameOID

from include.commsarchive.doors import Connection, open_mailbox
from include.commsarchive.errors import Fatal, Retriable
from include.commsarchive.mailbox.base import NOT_SENT, PURGES
from include.commsarchive.mailbox.graph import letter as writing
from include.commsarchive.mailbox.graph import uploads
from include.commsarchive.mailbox.graph.box import Box
from include.commsarchive.mailbox.graph.folders import Folders
from include.commsarchive.mailbox.graph.mailbox import GraphMailbox
from include.commsarchive.mailbox.graph.wire import Wire
from include.commsarchive.mailbox.pace import Budget, Pace
from include.commsarchive.model import Letter, MailPart, Outcome
from tests.contract.mailbox_contract import ANN, BOB, GONE, MailboxContract, Read
from tests.letters import make_letter
from tests.servers.faults import FAULTS, LIARS, Fault, Kind
from tests.servers.graph.dialect import ID_SIGNS
from tests.servers.graph.server import GraphServer
from tests.servers.graph.store import Message, State
from tests.servers.graph.tokens import CLIENT_ID, CLIENT_SECRET

FOLDER = make_letter("x").folder
HONEST = [fault for fault in FAULTS if fault.kind not in LIARS and fault.wait is None]


@pytest.fixture
def server() -> Iterator[GraphServer]:
    with GraphServer() as server:
        server.store.add_users([ANN, BOB])
        yield server


def connect(server: GraphServer, password: str = CLIENT_SECRET, **extra: object) -> GraphMailbox:
    said = {"authority": server.authority, "verify": str(server.certificate), **extra}
    opened = open_mailbox(Connection("cloud", "msgraph", server.url, None, CLIENT_ID, password, said))
    assert isinstance(opened, GraphMailbox)
    return opened


@pytest.fixture
def mailbox(server: GraphServer) -> Iterator[GraphMailbox]:
    opened = connect(server)
    yield opened
    opened.close()


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch, server: GraphServer) -> None:
    """Make sizes small, so that a few bytes take the ways of many."""
    monkeypatch.setattr(writing, "REQUEST_SIZE", 2500)
    monkeypatch.setattr(uploads, "SMALL", 300)
    monkeypatch.setattr(uploads, "RANGE", 300)
    server.limits.session_least = 300


@pytest.fixture(params=["as Graph", "as another"])
def wording(request: pytest.FixtureRequest, server: GraphServer) -> None:
    """Answer as Graph does, and as another maker's server might."""
    server.service.foreign = request.param == "as another"


def held(server: GraphServer, folder: str = FOLDER, address: str = ANN) -> list[Message]:
    path = folder if folder == PURGES else f"Inbox/{folder}".rstrip("/")
    return server.store.mailbox(address).messages(path)


def files(message: Message) -> dict[str, bytes]:
    return {file.name: file.content for file in message.attachments.values()}


def with_files(letter: Letter, *contents: bytes) -> Letter:
    parts = tuple(
        MailPart(f"file{number}.bin", "application/octet-stream", len(content), _opener(content))
        for number, content in enumerate(contents)
    )
    return replace(letter, mail=replace(letter.mail, attachments=parts))


def _opener(content: bytes) -> type[io.BytesIO]:
    return lambda: io.BytesIO(content)  # type: ignore[return-value]


def noise(size: int, seed: int = 0) -> bytes:
    return hashlib.shake_256(bytes([seed])).digest(size)


def wait(mailbox: GraphMailbox) -> None:
    """Let all the time go by that a server asked for."""
    for box in mailbox._boxes.values():
        box.pace = Pace(Budget())


def settle(mailbox: GraphMailbox, letter: Letter, tries: int = 6) -> Outcome:
    """File a letter as ingest does: look up what is in doubt, and send it again only if it is not there."""
    for _ in range(tries):
        [outcome] = mailbox.append([letter])
        if not outcome.doubt:
            return outcome
        for _ in range(tries):
            wait(mailbox)
            try:
                found = mailbox.find(letter.mailbox, letter.folder, [letter.delivery_key])
            except Retriable:
                continue
            break
        if server_id := found.get(letter.delivery_key):
            return replace(outcome, server_id=server_id, doubt="")
    raise AssertionError(outcome)


@pytest.fixture
def read(server: GraphServer) -> Read:
    return lambda address, folder: [
        str(message.fields["subject"]) for message in held(server, folder, address)
    ]


class TestGraphMailbox(MailboxContract):
    pass


class TestGraphOfAnotherMaker(MailboxContract):
    """The same from a server that answers by the protocols, but not as Graph words it."""

    @pytest.fixture(autouse=True)
    def _foreign(self, server: GraphServer) -> None:
        server.service.foreign, server.service.permanent_delete = True, False
        server.limits.page = 7


@pytest.mark.usefixtures("small")
def test_a_server_of_another_maker_gets_large_files_and_gives_up_what_is_there_twice(
    mailbox: GraphMailbox, server: GraphServer
) -> None:
    server.service.foreign, server.service.permanent_delete = True, False
    server.store.id_signs, server.limits.page = ID_SIGNS, 1
    contents = [noise(900), noise(50, 1)]
    letter = with_files(make_letter("x"), *contents)
    [outcome] = mailbox.append([letter])
    assert list(files(held(server)[0]).values()) == contents
    kept = mailbox.inspect(ANN, FOLDER, [outcome.server_id])[outcome.server_id]
    assert (kept.attachments, kept.received) == (2, letter.mail.at)
    [again] = mailbox.append([letter])
    assert mailbox.prune(ANN, FOLDER, [letter.delivery_key]) == 1
    assert [message.id for message in held(server)] == [min(outcome.server_id, again.server_id)]


def test_a_small_letter_takes_one_request_once_its_mailbox_and_folder_are_known(
    mailbox: GraphMailbox, server: GraphServer
) -> None:
    mailbox.append([make_letter("first")])
    before = server.faults.calls
    mailbox.append([with_files(make_letter("x"), noise(1000)), make_letter("y")])
    assert [entry.call.what for entry in server.faults.log[before:]] == ["POST messages"] * 2


def test_what_was_sent_is_hashed_and_the_requests_name_is_kept(
    mailbox: GraphMailbox, server: GraphServer
) -> None:
    first, other = mailbox.append([make_letter("x"), make_letter("x", BOB)])
    assert len(first.content_hash) == 64
    assert first.content_hash != other.content_hash
    assert first.request_id
    assert first.request_id != other.request_id


def test_the_headers_and_the_thread_of_a_mail_are_kept_with_it(
    mailbox: GraphMailbox, server: GraphServer
) -> None:
    letter = make_letter("x")
    mail = replace(letter.mail, headers=(("X-Commsarchive-Source", "test"),), references=("a@b.c", "d@e.f"))
    mailbox.append([replace(letter, mail=mail)])
    [message] = held(server)
    assert "X-Commsarchive-Source: test\r\n" in (message.property("String 0x007D") or "")
    assert message.property("String 0x1042") == "<d@e.f>"
    assert message.property("String 0x1039") == "<a@b.c> <d@e.f>"


@pytest.mark.usefixtures("small")
@pytest.mark.parametrize("sizes", [(), (450, 299)], ids=["in one request", "in steps"])
def test_no_fault_of_the_server_loses_or_doubles_a_copy(
    mailbox: GraphMailbox, server: GraphServer, sizes: Sequence[int]
) -> None:
    """Each fault once at each call, until there are no calls left."""
    contents = [noise(size, seed) for seed, size in enumerate(sizes)]
    mailbox.append([make_letter("sign in first")])
    for fault in HONEST:
        for number in range(1, 40):
            address = f"{len(server.store.users)}@firm.example"
            server.store.add_user(address)
            server.faults.clear()
            server.faults.at(number, fault)
            met = len(server.faults.met)
            outcome = settle(mailbox, with_files(make_letter("x", address), *contents))
            there = held(server, address=address)
            what = f"{fault} at call {number}: {outcome}"
            if outcome.reason:
                assert fault.kind in {Kind.QUOTA_EXCEEDED, Kind.TOO_LARGE}, what
                assert there == [], what
            else:
                assert [message.id for message in there] == [outcome.server_id], what
                assert list(files(there[0]).values()) == contents, what
            if len(server.faults.met) == met:
                break
        else:
            raise AssertionError("the calls never ended")


def test_letters_of_a_batch_that_fail_do_not_hold_up_the_others(
    mailbox: GraphMailbox, server: GraphServer
) -> None:
    server.faults.every(Fault.status(503, wait=30), lambda call: call.mailbox == BOB)
    letters = [make_letter(str(number), (ANN, BOB)[number % 2]) for number in range(12)]
    outcomes = mailbox.append(letters)
    assert all(outcome.server_id for outcome in outcomes[::2])
    for outcome in outcomes[1::2]:
        assert outcome.doubt in {"server-error", "throttled", NOT_SENT}
        assert 25 < outcome.retry_after <= 30
    to_bob = [entry for entry in server.faults.log if entry.call.mailbox == BOB]
    assert len(to_bob) <= 4
    with pytest.raises(Retriable) as refused:
        mailbox.find(BOB, FOLDER, ["0" * 32])
    assert refused.value.retry_after is not None
    assert 25 < refused.value.retry_after <= 30


def test_a_token_that_runs_out_is_renewed_in_mid_batch(mailbox: GraphMailbox, server: GraphServer) -> None:
    mailbox.append([make_letter("first")])
    server.tokens.expire()
    outcomes = [settle(mailbox, make_letter(str(number))) for number in range(3)]
    assert all(outcome.server_id for outcome in outcomes)
    assert len(held(server)) == 4
    assert server.tokens.issued == 2


def test_a_refusal_of_new_tokens_stops_the_run(mailbox: GraphMailbox, server: GraphServer) -> None:
    server.faults.every(Fault.status(401), lambda call: call.what == "GET users")
    with pytest.raises(Fatal, match=r"connection cloud: Graph refuses new tokens, too \(401\)\. Check"):
        mailbox.find(ANN, FOLDER, ["x"])


def test_a_wrong_secret_is_fatal_and_never_shown(server: GraphServer) -> None:
    server.tokens.apps[CLIENT_ID].secret = "another"
    mailbox = connect(server)
    with pytest.raises(Fatal, match="AADSTS7000215") as refused:
        mailbox.append([make_letter("x")])
    mailbox.close()
    assert CLIENT_SECRET not in str(refused.value)


def test_a_certificate_will_do_instead_of_a_secret(server: GraphServer) -> None:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "commsarchive")])
    now = dt.datetime.now(dt.UTC)
    builder = x509.CertificateBuilder(name, name, key.public_key(), 1, now, now + dt.timedelta(days=1))
    public = builder.sign(key, hashes.SHA256()).public_bytes(Encoding.PEM)
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    app = server.tokens.apps[CLIENT_ID]
    app.secret = ""
    app.public_key = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
    mailbox = connect(server, password="", certificate_data=(private + public).decode())
    assert mailbox.append([make_letter("x")])[0].server_id
    mailbox.close()


def test_the_budget_of_a_mailbox_is_kept_and_what_does_not_fit_waits(
    mailbox: GraphMailbox, server: GraphServer
) -> None:
    first, *_ = mailbox.append([make_letter("first")])
    size = len(writing.create_body(make_letter("x").mail, ("x" * 60, "0" * 32), (), mailbox._filing._wording))
    mailbox._boxes[ANN].pace = Pace(Budget(upload=5 * size + 300))
    outcomes = mailbox.append([make_letter(str(number)) for number in range(8)])
    filed = [outcome for outcome in outcomes if outcome.server_id]
    late = [outcome for outcome in outcomes if not outcome.server_id]
    assert len(filed) in {4, 5}
    assert {outcome.doubt for outcome in late} == {NOT_SENT}
    assert all(290 < outcome.retry_after <= 300 for outcome in late)
    assert first.server_id


def test_no_more_than_four_requests_run_at_once_for_a_mailbox(
    mailbox: GraphMailbox, server: GraphServer
) -> None:
    mailbox.append([make_letter("first")])
    server.http._work = 0.01
    outcomes = mailbox.append([make_letter(str(number)) for number in range(40)])
    assert all(outcome.server_id for outcome in outcomes)
    assert server.throttle.most_running == 4


@pytest.mark.usefixtures("wording")
def test_why_a_mailbox_takes_nothing_is_told(mailbox: GraphMailbox, server: GraphServer) -> None:
    states: dict[str, tuple[State, dict[str, Any]]] = {
        "none": (State.NONE, {}),
        "denied": (State.DENIED, {}),
        "disabled": (State.INACTIVE, {"enabled": False}),
        "unlicensed": (State.FINE, {"licensed": False}),
        "shared": (State.FINE, {"enabled": False, "licensed": False, "purpose": "shared"}),
    }
    for name, (state, more) in states.items():
        server.store.add_user(f"{name}@firm.example", **more)
        server.store.mailbox(f"{name}@firm.example").state = state
    reasons = mailbox.missing([f"{name}@firm.example" for name in states])
    assert reasons == {
        "none@firm.example": "no-such-mailbox",
        "denied@firm.example": "access-denied-to-mailbox",
        "disabled@firm.example": "mailbox-disabled",
        "unlicensed@firm.example": "mailbox-not-licensed",
    }
    outcomes = mailbox.append([make_letter("x", address) for address in reasons])
    assert {one: outcome.reason for one, outcome in zip(reasons, outcomes, strict=True)} == reasons


@pytest.mark.usefixtures("wording")
def test_an_application_without_permissions_stops_the_run(mailbox: GraphMailbox, server: GraphServer) -> None:
    app = server.tokens.apps[CLIENT_ID]
    app.roles = frozenset({"User.Read.All"})
    with pytest.raises(Fatal, match=r"permission Mail\.ReadWrite"):
        mailbox.missing([ANN, BOB])
    app.roles = frozenset({"Mail.ReadWrite"})
    other = connect(server)
    with pytest.raises(Fatal, match=r"permission User\.Read\.All"):
        other.missing([ANN])
    other.close()


def test_mailboxes_that_we_may_not_open_do_not_stop_a_run_that_could_open_others(
    mailbox: GraphMailbox, server: GraphServer
) -> None:
    assert mailbox.missing([ANN]) == {}
    for address in ("one@firm.example", "two@firm.example"):
        server.store.add_user(address)
        server.store.mailbox(address).state = State.DENIED
    denied = mailbox.missing(["one@firm.example", "two@firm.example"])
    assert set(denied.values()) == {"access-denied-to-mailbox"}


def test_a_mailbox_is_found_by_its_address_whatever_its_owner_signs_in_with(
    mailbox: GraphMailbox, server: GraphServer
) -> None:
    server.store.add_user(
        "o'neil@firm.example", principal_name="p123@firm.example", aliases=["on@firm.example"]
    )
    letters = [make_letter("x", "o'neil@firm.example"), make_letter("y", "on@firm.example")]
    assert all(outcome.server_id for outcome in mailbox.append(letters))
    assert len(held(server, address="o'neil@firm.example")) == 2


def test_nobody_gets_what_is_for_somebody_else_though_a_server_shows_everybody(
    mailbox: GraphMailbox, server: GraphServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tests.servers.graph.query.matcher", lambda _wanted: bool)
    assert mailbox.missing([ANN, GONE]) == {GONE: "no-such-mailbox"}


def test_a_full_mailbox_and_a_letter_beyond_all_limits_are_refused(
    mailbox: GraphMailbox, server: GraphServer
) -> None:
    server.store.mailbox(BOB).quota = 10
    server.limits.message = 1
    server.limits.attachment = 10
    outcomes = mailbox.append([make_letter("x", BOB), with_files(make_letter("x"), noise(100))])
    assert [outcome.reason for outcome in outcomes] == ["mailbox-quota-full", "message-too-large"]
    assert held(server) == []


def test_a_letter_that_exchange_takes_for_wrong_is_refused_alone(
    mailbox: GraphMailbox, server: GraphServer
) -> None:
    server.faults.at(1, Fault.status(400), lambda call: call.what == "POST messages" and call.mailbox == BOB)
    outcomes = mailbox.append([make_letter("x"), make_letter("y", BOB), make_letter("z")])
    assert [one.reason for one in outcomes] == ["", "refused-by-server", ""]
    assert outcomes[1].request_id
    assert held(server, address=BOB) == []


@pytest.mark.usefixtures("wording")
def test_two_workers_that_make_a_folder_at_once_make_one(
    mailbox: GraphMailbox, server: GraphServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The other worker makes it between our look and our making."""
    ann = server.store.mailbox(ANN)
    inbox = ann.known["inbox"]
    look = Folders._named

    async def look_too_early(self: Folders, box: Box, children: str, name: str) -> str:
        found = await look(self, box, children, name)
        if not found:
            server.store.add_folder(ann, inbox, FOLDER)
        return found

    monkeypatch.setattr(Folders, "_named", look_too_early)
    [outcome] = mailbox.append([make_letter("x")])
    assert outcome.server_id
    assert [folder.name for folder in inbox.children.values()] == [FOLDER]


@pytest.mark.usefixtures("wording")
def test_a_folder_that_was_deleted_is_made_again(mailbox: GraphMailbox, server: GraphServer) -> None:
    mailbox.append([make_letter("x")])
    ann = server.store.mailbox(ANN)
    folder = ann.known["inbox"].children.pop(FOLDER.lower())
    del ann.folders[folder.id]
    assert mailbox.find(ANN, FOLDER, [make_letter("x").delivery_key]) == {}
    assert mailbox.append([make_letter("y")])[0].server_id
    assert [message.fields["subject"] for message in held(server)] == ["y"]


@pytest.mark.usefixtures("wording")
def test_purges_take_copies_where_the_tenant_lets_us(mailbox: GraphMailbox, server: GraphServer) -> None:
    letter = replace(make_letter("x"), folder=PURGES)
    [outcome] = mailbox.append([letter])
    assert mailbox.find(ANN, PURGES, [letter.delivery_key]) == {letter.delivery_key: outcome.server_id}
    assert [message.id for message in held(server, PURGES)] == [outcome.server_id]
    server.service.purges = False
    with pytest.raises(
        Fatal, match=r"does not let messages into Recoverable Items/Purges.*`deliver\.folder`"
    ):
        mailbox.append([replace(make_letter("y"), folder=PURGES)])


def test_short_pages_are_read_to_their_end(mailbox: GraphMailbox, server: GraphServer) -> None:
    letters = [make_letter(str(number)) for number in range(20)]
    mailbox.append(letters)
    server.limits.page = 3
    assert len(mailbox.find(ANN, FOLDER, [letter.delivery_key for letter in letters])) == 20


def test_a_page_that_leads_elsewhere_gets_no_token(
    mailbox: GraphMailbox, server: GraphServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    letters = [make_letter(str(number)) for number in range(5)]
    mailbox.append(letters)
    server.limits.page = 2
    monkeypatch.setattr(
        "tests.servers.graph.wire.Request.link", lambda *_: "https://elsewhere.example/v1.0/x"
    )
    with pytest.raises(Retriable, match="garbled-answer"):
        mailbox.find(ANN, FOLDER, [letter.delivery_key for letter in letters])


def test_fewer_keys_are_asked_for_where_the_server_joins_no_more(
    mailbox: GraphMailbox, server: GraphServer
) -> None:
    server.limits.clauses = 4
    letters = [make_letter(str(number)) for number in range(20)]
    filed = {one.delivery_key: one.server_id for one in mailbox.append(letters)}
    assert mailbox.find(ANN, FOLDER, list(filed)) == filed


def test_copies_that_are_found_without_their_keys_stop_the_run_before_anything_is_filed_twice(
    mailbox: GraphMailbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    mailbox.append([make_letter("x")])
    monkeypatch.setattr("tests.servers.graph.query.expanded", lambda _text: ([], False))
    with pytest.raises(Fatal, match="by which keys"):
        mailbox.find(ANN, FOLDER, [make_letter("x").delivery_key])


def test_what_a_server_stored_twice_is_pruned_to_the_oldest(
    mailbox: GraphMailbox, server: GraphServer
) -> None:
    letters = [make_letter(name) for name in "xyz"]
    mailbox.append(letters[:1])
    server.faults.every(Fault(Kind.STORED_TWICE), lambda call: call.what == "POST messages")
    mailbox.append(letters[1:])
    keys = [letter.delivery_key for letter in letters]
    found = mailbox.find(ANN, FOLDER, keys)
    assert len(held(server)) == 5
    assert mailbox.prune(ANN, FOLDER, keys) == 2
    assert mailbox.find(ANN, FOLDER, keys) == found
    assert len(held(server)) == 3
    assert mailbox.prune(ANN, FOLDER, keys) == 0


def test_the_only_copy_is_not_removed_where_pages_show_it_twice(
    mailbox: GraphMailbox, server: GraphServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    letter = make_letter("x")
    mailbox.append([letter])
    really = Wire.pages

    async def pages(*asked: Any) -> Any:
        rows: Any = await really(*asked)
        return [*rows, *rows]

    monkeypatch.setattr(Wire, "pages", pages)
    assert mailbox.prune(ANN, FOLDER, [letter.delivery_key]) == 0
    assert len(held(server)) == 1


@pytest.mark.usefixtures("small")
@pytest.mark.parametrize("kind", sorted(LIARS))
def test_files_that_a_server_only_says_to_have_stored_or_stores_twice_do_not_count(
    mailbox: GraphMailbox, server: GraphServer, kind: Kind
) -> None:
    contents = [noise(900), noise(50, 1), noise(400, 2)]
    mailbox.append([make_letter("first", BOB)])
    for number in range(1, 16):
        address = f"{number}@firm.example"
        server.store.add_user(address)
        server.faults.clear()
        server.faults.at(number, Fault(kind), lambda call: call.what != "PATCH message")
        outcome = settle(mailbox, with_files(make_letter("x", address), *contents))
        [message] = held(server, address=address)
        assert message.id == outcome.server_id
        assert list(files(message).values()) == contents


@pytest.mark.usefixtures("small")
def test_a_copy_is_not_found_before_all_its_files_are_there(
    mailbox: GraphMailbox, server: GraphServer
) -> None:
    letter = with_files(make_letter("x"), noise(900), noise(901, 1))
    server.faults.at(2, Fault(Kind.DROP), lambda call: call.what == "POST createUploadSession")
    [outcome] = mailbox.append([letter])
    assert outcome.doubt == "connection-lost"
    assert mailbox.find(ANN, FOLDER, [letter.delivery_key]) == {}
    [half] = held(server)
    assert len(half.attachments) == 1
    before = server.faults.calls
    assert mailbox.append([letter])[0].server_id == half.id
    sessions = [e for e in server.faults.log[before:] if e.call.what == "POST createUploadSession"]
    assert len(sessions) == 1
    assert mailbox.find(ANN, FOLDER, [letter.delivery_key]) == {letter.delivery_key: half.id}


@pytest.mark.usefixtures("small")
def test_ranges_go_in_order_without_a_token(mailbox: GraphMailbox, server: GraphServer) -> None:
    content = noise(1001)
    assert mailbox.append([with_files(make_letter("x"), content, noise(2000))])[0].server_id
    assert files(held(server)[0])["file0.bin"] == content
    puts = [entry.call for entry in server.faults.log if entry.call.what == "PUT upload"]
    assert len(puts) == 4 + 7


def test_a_letter_larger_than_a_message_is_spread_over_several_and_nothing_is_lost(
    server: GraphServer,
) -> None:
    server.limits.message = 1 << 20
    mailbox = connect(server, message_mib=1)
    contents = [noise(100_000), noise(1_500_000, 1), noise(700_000, 2)]
    letter = with_files(make_letter("x"), *contents)
    [outcome] = mailbox.append([letter])
    stored = {message.id: files(message) for message in held(server)}
    kept = mailbox.inspect(ANN, FOLDER, [outcome.server_id])[outcome.server_id]
    again = mailbox.append([make_letter("y")])
    mailbox.close()
    main = stored.pop(outcome.server_id)
    assert kept.attachments == 3
    assert main["file0.bin"] == contents[0]
    rest: dict[str, bytes] = {}
    for more in stored.values():
        rest |= more
    parts = sorted(name for name in rest if name.startswith("file1.bin."))
    assert b"".join(rest[name] for name in parts) == contents[1]
    assert rest["file2.bin"] == contents[2]
    note = main["file1.bin.where.txt"].decode()
    assert hashlib.sha256(contents[1]).hexdigest() in note
    assert [name in note for name in parts] == [True] * len(parts)
    assert again[0].server_id


def test_what_was_begun_of_a_letter_that_is_refused_is_removed(server: GraphServer) -> None:
    server.limits.message = 1_000_000
    mailbox = connect(server, message_mib=4)
    letter = with_files(make_letter("x"), noise(900_000), noise(2_500_000, 1), noise(2_700_000, 2))
    [outcome] = mailbox.append([letter])
    mailbox.close()
    assert outcome.reason == "message-too-large"
    assert held(server) == []


def test_a_letter_that_is_there_in_spite_of_a_refusal_keeps_all_its_files(server: GraphServer) -> None:
    mailbox = connect(server, message_mib=4)
    letter = with_files(make_letter("x"), noise(900_000), noise(2_500_000, 1), noise(2_700_000, 2))
    full = Fault(Kind.QUOTA_EXCEEDED, after=True)
    server.faults.at(3, full, lambda call: call.what == "POST messages")
    [outcome] = mailbox.append([letter])
    found = mailbox.find(ANN, FOLDER, [letter.delivery_key])
    mailbox.close()
    assert (outcome.reason, len(found), len(held(server))) == ("mailbox-quota-full", 1, 3)


def test_a_body_that_is_too_large_for_a_request_is_attached_whole(
    mailbox: GraphMailbox, server: GraphServer
) -> None:
    letter = make_letter("x")
    html = "<p>Zeile „&amp;“</p>\n" * 250_000
    [outcome] = mailbox.append([replace(letter, mail=replace(letter.mail, html=html))])
    [message] = held(server)
    assert files(message) == {"commsarchive-conversation.html": html.encode()}
    kept = mailbox.inspect(ANN, FOLDER, [outcome.server_id])[outcome.server_id]
    assert kept.attachments == 0


def test_an_attachment_that_cannot_be_read_says_what_to_do(
    mailbox: GraphMailbox, server: GraphServer
) -> None:
    letter = make_letter("x")
    part = MailPart("a.bin", "application/octet-stream", 10, lambda: io.BytesIO(b"short"))
    with pytest.raises(
        Retriable, match=r"staging: it is shorter than it was\. Run the connector's `convert`"
    ):
        mailbox.append([replace(letter, mail=replace(letter.mail, attachments=(part,)))])


def test_a_server_that_does_not_honour_dates_and_flags_is_seen_through(
    mailbox: GraphMailbox, server: GraphServer
) -> None:
    server.service.honours = set()
    letter = make_letter("x")
    [outcome] = mailbox.append([letter])
    kept = mailbox.inspect(ANN, FOLDER, [outcome.server_id])[outcome.server_id]
    assert kept.draft is True
    assert kept.sent != letter.mail.at


def test_errors_name_no_people_tokens_or_places_of_uploads(
    mailbox: GraphMailbox, server: GraphServer, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG")
    texts = [repr(mailbox), repr(mailbox.__dict__.get("_settings"))]
    texts += [json.dumps(mailbox.missing([GONE, ANN])[GONE])]
    server.faults.every(Fault.status(500), lambda call: call.what == "GET messages")
    mailbox.append([make_letter("x")])
    with pytest.raises(Retriable) as refused:
        mailbox.find(ANN, FOLDER, ["x"])
    texts += [str(refused.value), caplog.text]
    for secret in ("ann@", "gone@", CLIENT_SECRET, "Bearer", "eyJ0"):
        assert not any(secret in text for text in texts), secret
