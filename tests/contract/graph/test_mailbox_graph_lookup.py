"""Copies are found by their keys and pruned to one, however Graph answers a search."""

from __future__ import annotations

from typing import Any

import pytest

from include.commsarchive.errors import Fatal, Retriable
from include.commsarchive.mailbox.graph.mailbox import GraphMailbox
from include.commsarchive.mailbox.graph.wire import Wire
from tests.contract.graph.graph_setup import held
from tests.contract.mailbox_contract import ANN
from tests.letters import FOLDER, make_letter
from tests.servers.faults import Fault, Kind
from tests.servers.graph.server import GraphServer


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
