"""Microsoft Graph keeps the promises of every directory, through pages, sign-in and faults."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from include.commsarchive.directory.base import Directory
from include.commsarchive.directory.graph import GraphDirectory
from include.commsarchive.doors import Connection, open_directory
from include.commsarchive.errors import Fatal, Retriable
from tests.contract.directory_contract import ANN, BOB, CID, DirectoryContract
from tests.servers.faults import Call, Fault, Kind
from tests.servers.graph import directory as emulator
from tests.servers.graph.server import GraphServer
from tests.servers.graph.store import Group
from tests.servers.graph.tokens import CLIENT_ID, CLIENT_SECRET
from tests.servers.graph.wire import Json, Reply, Request


@pytest.fixture
def server() -> Iterator[GraphServer]:
    with GraphServer() as server:
        ann = server.store.add_user(ANN.mailbox, aliases=ANN.aliases)
        bob = server.store.add_user(BOB.mailbox, enabled=False)
        server.store.add_user(CID.mailbox, licensed=False)
        desk = Group("11111111-0000-4000-8000-000000000001", "Desk", "desk@firm.example", [ann])
        floor = Group("11111111-0000-4000-8000-000000000002", "Floor", "", [desk, bob])
        server.store.groups = {desk.id: desk, floor.id: floor}
        yield server


def lists_users(call: Call) -> bool:
    return call.what == "GET users"


def connection(server: GraphServer, secret: str = CLIENT_SECRET) -> Connection:
    extra = {"authority": server.authority, "verify": str(server.certificate)}
    return Connection("cloud", "msgraph", host=server.url, login=CLIENT_ID, password=secret, extra=extra)


class TestGraphDirectory(DirectoryContract):
    @pytest.fixture
    def directory(self, server: GraphServer) -> Directory:
        return open_directory(connection(server))

    def test_holds_are_not_known(self, directory: Directory) -> None:
        assert {user.on_hold for user in directory.users([])} == {None}

    def test_a_list_of_many_pages_is_read_to_its_end(self, directory: Directory, server: GraphServer) -> None:
        for number in range(7):
            server.store.add_user(f"more{number}@firm.example")
        server.limits.page = 2
        assert len(directory.users(["Floor"])) == 10
        assert sum(lists_users(entry.call) for entry in server.faults.log) == 5

    def test_a_group_may_be_named_by_id_or_address(self, directory: Directory) -> None:
        names = ["11111111-0000-4000-8000-000000000002", "desk@firm.example"]
        users = {user.mailbox: user.groups for user in directory.users(names)}
        assert users == {ANN.mailbox: tuple(names), BOB.mailbox: tuple(names[:1]), CID.mailbox: ()}

    def test_two_groups_of_one_name_are_not_told_apart_by_a_guess(
        self, directory: Directory, server: GraphServer
    ) -> None:
        other = Group("11111111-0000-4000-8000-000000000003", "Desk", "", [])
        server.store.groups[other.id] = other
        with pytest.raises(Fatal, match="2 groups are called Desk"):
            directory.users(["Desk"])

    def test_what_passes_is_waited_for_and_what_lasts_is_told(
        self, directory: Directory, server: GraphServer
    ) -> None:
        server.faults.at(1, Fault.status(503, wait=0), where=lists_users)
        server.faults.at(2, Fault.status(429, wait=0), where=lists_users)
        assert len(directory.users([])) == 3
        server.faults.every(Fault.status(503, wait=0), where=lists_users)
        with pytest.raises(Retriable, match="503"):
            directory.users([])

    def test_a_wait_that_is_too_long_for_a_task_is_handed_on(
        self, directory: Directory, server: GraphServer
    ) -> None:
        server.faults.at(1, Fault.status(429, wait=3600), where=lists_users)
        with pytest.raises(Retriable) as caught:
            directory.users([])
        assert caught.value.retry_after == 3600

    def test_our_token_is_sent_to_graph_alone(
        self, directory: Directory, server: GraphServer, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        server.limits.page = 2
        monkeypatch.setattr(Request, "link", lambda _request, _place: "https://127.0.0.1:1/v1.0/users")
        with pytest.raises(Fatal, match="sends us elsewhere"):
            directory.users([])

    @pytest.mark.parametrize("kind", [Kind.DROP, Kind.GARBLE, Kind.TRUNCATE])
    def test_an_answer_that_cannot_be_read_is_asked_for_again(
        self, directory: Directory, server: GraphServer, kind: Kind, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("include.commsarchive.directory.graph.WAIT", 0.0)
        server.faults.at(1, Fault(kind), where=lists_users)
        assert len(directory.users([])) == 3

    def test_a_missing_permission_is_named(self, directory: Directory, server: GraphServer) -> None:
        server.tokens.apps[CLIENT_ID].roles = frozenset({"Mail.ReadWrite"})
        with pytest.raises(Fatal, match=r"User\.Read\.All"):
            directory.users([])


class TestGraphDirectoryOfAnotherMaker(TestGraphDirectory):
    """The same from a server that answers by the protocols, but not as Graph words it."""

    @pytest.fixture(autouse=True)
    def _foreign(self, server: GraphServer) -> None:
        server.service.foreign = True


def test_a_refused_sign_in_says_why_without_the_secret(server: GraphServer) -> None:
    with pytest.raises(Fatal, match="AADSTS7000215") as caught:
        open_directory(connection(server, "wrong secret")).users([])
    assert "wrong secret" not in str(caught.value)


def test_a_sign_in_out_of_reach_is_tried_later(server: GraphServer) -> None:
    found = Connection(
        "cloud", "msgraph", login="id", password="x", extra={"authority": "https://127.0.0.1:1/tenant"}
    )
    with pytest.raises(Retriable, match="sign-in cannot be reached"):
        open_directory(found).users([])


def test_what_a_connection_lacks_is_named() -> None:
    with pytest.raises(Fatal, match=r"connection cloud: login .* and extra `tenant_id` and password"):
        open_directory(Connection("cloud", "msgraph"))


def test_guests_and_accounts_without_an_address_have_no_mailbox(
    server: GraphServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain = emulator._user
    guests: dict[str, dict[str, str | None]] = {
        ANN.mailbox: {"userType": "Guest"},
        BOB.mailbox: {"mail": None},
    }
    monkeypatch.setattr(emulator, "_user", lambda user: {**plain(user), **guests.get(user.mail or "", {})})
    directory = open_directory(connection(server))
    assert isinstance(directory, GraphDirectory)
    assert [user.mailbox for user in directory.users([])] == [CID.mailbox]


@pytest.mark.parametrize(
    "spoilt", [{"value": None}, {"value": [{"mail": "x@firm.example"}]}, {"value": ["x"]}]
)
def test_a_list_that_is_none_is_asked_for_again_and_then_told(
    server: GraphServer, monkeypatch: pytest.MonkeyPatch, spoilt: dict[str, object]
) -> None:
    monkeypatch.setattr("include.commsarchive.directory.graph.WAIT", 0.0)
    plain = emulator.Directory._page
    left = [spoilt]

    def page(self: emulator.Directory, request: Request, found: list[Json]) -> Reply:
        reply = plain(self, request, found)
        return replace(reply, body=left.pop()) if left else reply

    monkeypatch.setattr(emulator.Directory, "_page", page)
    directory = open_directory(connection(server))
    assert len(directory.users([])) == 3
    left += [spoilt] * 3
    with pytest.raises(Retriable, match="its answer is no list of people or groups"):
        directory.users([])


def test_certificates_to_trust_that_are_none_are_named(server: GraphServer, tmp_path: Path) -> None:
    file = tmp_path / "ca.pem"
    file.write_text("no certificate")
    found = connection(server)
    with pytest.raises(Fatal, match=r"connection cloud: extra `verify`.*PEM"):
        open_directory(replace(found, extra=dict(found.extra) | {"verify": str(file)}))
