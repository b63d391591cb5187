"""IMAP on a real Dovecot: what people see, what a server cannot do, and wires that are cut at any moment."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace

import pytest

from include.commsarchive.errors import Fatal, Retriable
from include.commsarchive.mailbox.imap.client import Answer, Client
from include.commsarchive.message.mime import encode
from include.commsarchive.model import Letter, MailPart
from tests.letters import FOLDER, make_letter
from tests.servers.cutting import DOWN, UP, Wire, cut_wire
from tests.servers.dovecot import Dovecot, running_dovecot
from tests.system.imap.imap_setup import ANN, BOB, mailbox_on

pytestmark = pytest.mark.system
PLACE = f'"INBOX.{FOLDER}"'


@pytest.fixture
def wire(dovecot: Dovecot) -> Iterator[Wire]:
    with cut_wire(dovecot.port) as wire:
        yield wire


@pytest.fixture
def other(request: pytest.FixtureRequest) -> Iterator[Dovecot]:
    """A server with settings of its own."""
    options: Mapping[str, str] = request.param
    with running_dovecot([ANN, BOB], options) as server:
        yield server


def raw_mails(server: Dovecot, mailbox: str = ANN, place: str = PLACE) -> list[bytes]:
    with server.as_a_person(mailbox) as client:
        status, _ = client.select(place, readonly=True)
        _, rows = client.fetch("1:*", "(BODY.PEEK[])") if status == "OK" else ("", [])
    return [row[1] for row in rows if isinstance(row, tuple)]


def large(letter: Letter, size: int) -> Letter:
    part = MailPart("a.bin", "application/octet-stream", size, lambda: io.BytesIO(b"x" * size))
    return replace(letter, mail=replace(letter.mail, attachments=(part,)))


def test_a_copy_is_ours_to_the_byte_behind_one_header_and_looks_as_if_it_had_always_been_there(
    dovecot: Dovecot,
) -> None:
    letter = make_letter("x")
    with mailbox_on(dovecot.port) as mailbox:
        mailbox.append([letter])
    header = f"X-Commsarchive-Delivery-Key: {letter.delivery_key}\r\n".encode()
    assert raw_mails(dovecot) == [header + b"".join(encode(letter.mail))]
    with dovecot.as_a_person(ANN) as client:
        assert "INBOX.InstantBloomberg" in str(client.lsub())
        client.select(PLACE, readonly=True)
        said = str(client.fetch("1", "(FLAGS INTERNALDATE)"))
    assert "Seen" in said
    assert '"02-Mar-2026 00:02:00 +0000"' in said


def test_folders_have_the_names_that_people_know(dovecot: Dovecot) -> None:
    with mailbox_on(dovecot.port) as mailbox:
        [outcome] = mailbox.append([make_letter("x", folder="Chat/Käse & 日報")])
        found = mailbox.find(
            ANN, "Chat/Käse & 日報", [make_letter("x", folder="Chat/Käse & 日報").delivery_key]
        )
    assert list(found.values()) == [outcome.server_id]
    assert len(raw_mails(dovecot, place='"INBOX.Chat.K&AOQ-se &- &ZeVYMQ-"')) == 1


def test_a_server_that_is_away_is_a_doubt_and_no_loss(dovecot: Dovecot) -> None:
    with cut_wire(dovecot.port) as wire:
        pass
    with mailbox_on(wire.port) as mailbox:
        assert [one.doubt for one in mailbox.append([make_letter("x")])] == ["connection-lost"]
        with pytest.raises(Retriable, match="ConnectionRefusedError"):
            mailbox.find(ANN, "", ["0" * 32])


def test_thousands_of_letters_are_few_commands(wire: Wire, dovecot: Dovecot) -> None:
    commands: list[bytes] = []

    def count(way: str, data: bytes) -> bool:
        commands.extend(line for line in data.split(b"\r\n") if way == UP and b" APPEND " in line)
        return False

    wire.cut_when = count
    letters = [make_letter(str(number)) for number in range(250)]
    with mailbox_on(wire.port) as mailbox:
        outcomes = mailbox.append(letters)
    assert len({one.server_id for one in outcomes}) == len(raw_mails(dovecot)) == 250
    assert len(commands) == 1 + 3  # the first is asked to make the folder


@pytest.mark.parametrize(
    "other",
    [{"imap_capability": "IMAP4rev1 UIDPLUS"}, {"imap_capability": "IMAP4rev1 LITERAL+"}],
    indirect=True,
)
def test_a_server_that_can_do_less_is_served_as_well(other: Dovecot) -> None:
    letters = [make_letter(str(number)) for number in range(5)]
    with mailbox_on(other.port) as mailbox:
        outcomes = mailbox.append([*letters, large(make_letter("large"), 3_000_000)])
        found = mailbox.find(ANN, FOLDER, [letter.delivery_key for letter in letters])
    assert found == {one.delivery_key: one.server_id for one in outcomes[:5]}
    assert len(raw_mails(other)) == 6


QUOTA = {
    "mail_plugins": "quota",
    "plugin/quota": "count:User quota",
    "plugin/quota_vsizes": "yes",
    "plugin/quota_rule": "*:storage=200K",
    "plugin/quota_grace": "0",
}


@pytest.mark.parametrize("other", [QUOTA], indirect=True)
def test_a_full_mailbox_is_named_and_the_letters_that_fit_are_filed(other: Dovecot) -> None:
    letters = [make_letter("a"), large(make_letter("b"), 500_000), make_letter("c"), make_letter("d", BOB)]
    with mailbox_on(other.port) as mailbox:
        outcomes = mailbox.append(letters)
    assert [one.reason for one in outcomes] == ["", "mailbox-quota-full", "", ""]
    assert (len(raw_mails(other)), len(raw_mails(other, BOB))) == (2, 1)


Cut = Callable[[str, bytes], bool]
CUTS: dict[str, Cut] = {
    "at the login": lambda way, data: way == UP and b"AUTHENTICATE" in data,
    "after the login": lambda way, data: way == DOWN and b"Logged in" in data,
    "before the append is heard": lambda way, data: way == UP and b" APPEND " in data,
    "in the middle of a mail": lambda way, data: way == UP and b"eHh4" in data,
    "after the append is done": lambda way, data: way == DOWN and b"APPENDUID" in data,
    "when the folder is made": lambda way, data: way == DOWN and b"Create completed" in data,
}


@pytest.mark.parametrize("where", CUTS)
def test_wherever_the_wire_is_cut_nothing_is_lost_or_filed_twice(
    wire: Wire, dovecot: Dovecot, where: str
) -> None:
    letters = [*(make_letter(str(number)) for number in range(5)), large(make_letter("large"), 200_000)]
    with mailbox_on(wire.port) as mailbox:
        wire.cut_when = CUTS[where]
        first = mailbox.append(letters)
        assert wire.cuts > 0
        assert {one.doubt for one in first if not one.server_id} == {"connection-lost"}
        assert not any(one.reason for one in first)
        wire.cut_when = lambda _way, _data: False
        found = mailbox.find(ANN, FOLDER, [letter.delivery_key for letter in letters])
        assert {one.delivery_key for one in first if one.server_id} <= found.keys()
        mailbox.append([letter for letter in letters if letter.delivery_key not in found])
    assert len(raw_mails(dovecot)) == len(letters)


def test_one_letter_that_the_server_cannot_stand_does_not_hold_up_the_others(
    wire: Wire, dovecot: Dovecot
) -> None:
    letters = [make_letter(name) for name in ("a", "poison", "b", "c")]
    wire.cut_when = lambda way, data: way == UP and b"poison" in data
    with mailbox_on(wire.port) as mailbox:
        mailbox.append(letters)
        outcomes = mailbox.append(letters)
    assert [one.doubt for one in outcomes] == ["", "connection-lost", "", ""]


@pytest.mark.parametrize("code", ["INUSE", "UNAVAILABLE", "SERVERBUG"])
def test_a_server_that_is_busy_is_waited_for(
    dovecot: Dovecot, monkeypatch: pytest.MonkeyPatch, code: str
) -> None:
    letters = [make_letter("x"), make_letter("y"), make_letter("x", BOB)]
    with mailbox_on(dovecot.port) as mailbox:
        mailbox.append([make_letter("first")])
        with monkeypatch.context() as patch:
            patch.setattr(Client, "append_all", lambda *_: Answer("NO", code, ""))
            assert [one.doubt for one in mailbox.append(letters)] == ["server-busy"] * 3
        assert all(one.server_id for one in mailbox.append(letters))


def test_a_server_without_folders_is_named(dovecot: Dovecot, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = ("OK", [b"(\\NoInferiors) NIL INBOX"])
    monkeypatch.setattr(Client, "list", lambda *_: rows)
    with mailbox_on(dovecot.port) as mailbox:
        assert mailbox.append([make_letter("x", folder="")])[0].server_id
        with pytest.raises(Fatal, match="no folders below the Inbox"):
            mailbox.append([make_letter("x")])


def test_a_folder_that_cannot_be_opened_is_not_taken_for_an_empty_one(
    dovecot: Dovecot, monkeypatch: pytest.MonkeyPatch
) -> None:
    with mailbox_on(dovecot.port) as mailbox:
        mailbox.append([make_letter("x")])
        monkeypatch.setattr(Client, "select", lambda *_: ("NO", [b"[SERVERBUG] Internal error"]))
        with pytest.raises(Retriable, match="mailbox-unavailable"):
            mailbox.find(ANN, FOLDER, [make_letter("x").delivery_key])


def test_a_login_that_the_server_has_ended_is_made_anew(
    wire: Wire, dovecot: Dovecot, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("include.commsarchive.mailbox.imap.mailbox.STALE", 0.0)
    with mailbox_on(wire.port) as mailbox:
        mailbox.append([make_letter("x")])
        wire.cut_when = lambda way, data: b" NOOP" in data
        assert mailbox.append([make_letter("y")])[0].server_id
    assert wire.cuts == 1


def test_what_is_there_twice_is_removed_but_for_the_oldest(dovecot: Dovecot) -> None:
    letters = [make_letter("x"), make_letter("y")]
    keys = [letter.delivery_key for letter in letters]
    with mailbox_on(dovecot.port) as mailbox:
        first = mailbox.append(letters)
        mailbox.append(letters[:1])
        mailbox.append(letters[:1])
        assert len(raw_mails(dovecot)) == 4
        assert mailbox.prune(ANN, FOLDER, keys) == 2
        assert mailbox.prune(ANN, FOLDER, keys) == 0
        assert mailbox.find(ANN, FOLDER, keys) == {one.delivery_key: one.server_id for one in first}
    assert len(raw_mails(dovecot)) == 2


def test_two_who_make_a_folder_at_once_both_have_it(dovecot: Dovecot) -> None:
    with mailbox_on(dovecot.port) as mailbox, mailbox._box(ANN) as one, mailbox._box(ANN) as other:
        assert one._make("New/Chat").ok
        assert other._make("New/Chat").ok
        assert other._make("New/Other chat").ok


def test_a_server_that_gives_no_ids_is_asked_for_them(dovecot: Dovecot) -> None:
    letters = [make_letter("x"), make_letter("y")]
    with mailbox_on(dovecot.port) as mailbox:
        outcomes = mailbox.append(letters)
        with mailbox._box(ANN) as box:
            found = box.ids_of(Answer("OK", "", ""), FOLDER, [one.delivery_key for one in letters])
    assert found == {one.delivery_key: one.server_id for one in outcomes}


def test_ids_of_another_mailbox_or_of_nothing_are_not_read_back(dovecot: Dovecot) -> None:
    with mailbox_on(dovecot.port) as mailbox:
        [outcome] = mailbox.append([make_letter("x")])
        validity, _, uid = outcome.server_id.partition(".")
        others = [f"1.{uid}", f"{validity}.99", f"{validity}.", "x.y", f"{validity}.1:*"]
        assert list(mailbox.inspect(ANN, FOLDER, [*others, outcome.server_id])) == [outcome.server_id]
