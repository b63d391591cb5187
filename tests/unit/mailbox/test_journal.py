"""A journal address: what archives read, and what becomes of a mail at each moment of SMTP."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from include.commsarchive.doors import Connection, open_mailbox
from include.commsarchive.errors import Fatal, Retriable
from include.commsarchive.mailbox.base import Mailbox
from include.commsarchive.mailbox.journal.line import _stuffed
from include.commsarchive.message.mime import encode
from include.commsarchive.model import Address, Letter, MailPart
from tests.letters import make_letter
from tests.servers.cutting import DOWN, UP, Wire, cut_wire
from tests.servers.journal import CLOSE, JournalServer
from tests.servers.programs import HOST

ADDRESS = "journal@archive.example"
ANN = "ann@firm.example"


@pytest.fixture
def server() -> Iterator[JournalServer]:
    with JournalServer() as server:
        yield server


@contextmanager
def mailbox_on(port: int, login: str = "", **extra: Any) -> Iterator[Mailbox]:
    extra = {"address": ADDRESS, "security": "none", **extra}
    with closing(
        open_mailbox(Connection("archive", "smtp", HOST, port, login, "secret" if login else "", extra))
    ) as mailbox:
        yield mailbox


def large(name: str, size: int) -> Letter:
    letter = make_letter(name)
    part = MailPart("a.bin", "application/octet-stream", size, lambda: io.BytesIO(b"x" * size))
    return replace(letter, mail=replace(letter.mail, attachments=(part,)))


def parsed(content: bytes) -> EmailMessage:
    return message_from_bytes(content, EmailMessage, policy=policy.default)


def lines_of(report: EmailMessage) -> list[str]:
    [text, _] = report.iter_parts()
    assert isinstance(text, EmailMessage)
    return str(text.get_content()).splitlines()


def test_an_archive_reads_who_it_was_between_and_gets_the_mail_as_it_is(server: JournalServer) -> None:
    letter = make_letter("x", "keeper@firm.example")
    mail = replace(
        letter.mail,
        subject="Übergabe\r\nBcc:\0nobody\x1b 日報",
        to=(Address("Ann", ANN), Address("Out", "out@client.example")),
        cc=(Address("", "Ann@firm.example"), Address("", "cc@firm.example")),
        bcc=(Address("", "bcc@firm.example"),),
    )
    letter = replace(letter, mail=mail)
    with mailbox_on(server.port, sender="archivist@firm.example") as mailbox:
        [outcome] = mailbox.append([letter])
    [arrived] = server.mails
    assert (arrived.sender, arrived.recipient) == ("archivist@firm.example", ADDRESS)
    report = parsed(arrived.content)
    assert "X-MS-Journal-Report" in report
    assert report["Message-ID"] == f"<{outcome.server_id}>"
    assert report["Subject"] == "Übergabe Bcc: nobody 日報"
    assert report["Bcc"] is None
    assert lines_of(report) == [
        "Sender: ann@firm.example",
        "Subject: Übergabe Bcc: nobody 日報",
        f"Message-ID: <{mail.message_id}>",
        f"To: {ANN}",
        "To: out@client.example",
        "Cc: cc@firm.example",
        "Bcc: bcc@firm.example",
        "Recipient: keeper@firm.example",
    ]
    assert b"Content-Type: message/rfc822\r\n\r\n" + b"".join(encode(mail)) + b"\r\n--" in arrived.content
    assert outcome.request_id == "2.0.0 Ok: queued as 000001"


def test_whose_copy_it_is_is_said_once(server: JournalServer) -> None:
    with mailbox_on(server.port) as mailbox:
        mailbox.append([make_letter("x", "Ann@Firm.example")])
    said = [line for line in lines_of(parsed(server.mails[0].content)) if "@firm.example" in line.lower()]
    assert said == ["Sender: ann@firm.example", "To: ann@firm.example"]


def test_there_is_one_mail_for_each_copy_and_each_is_the_same_when_it_is_sent_again(
    server: JournalServer,
) -> None:
    letters = [make_letter(str(number), who) for number in range(10) for who in (ANN, "bob@firm.example")]
    with mailbox_on(server.port) as mailbox:
        first = mailbox.append(letters)
        assert mailbox.append(letters[:1])[0].content_hash == first[0].content_hash
    assert [one.delivery_key for one in first] == [letter.delivery_key for letter in letters]
    assert len({one.server_id for one in first}) == 20
    contents = [one.content for one in server.mails]
    assert (len(contents), len(set(contents))) == (21, 20)


def test_lines_that_start_with_a_dot_arrive_as_they_are(server: JournalServer) -> None:
    letter = make_letter("x")
    letter = replace(letter, mail=replace(letter.mail, text=".\n..two\n.\nend\n"))
    with mailbox_on(server.port) as mailbox:
        mailbox.append([letter])
    assert b"".join(encode(letter.mail)) in server.mails[0].content


@given(st.lists(st.text(".a\r\n", max_size=4)))
def test_a_dot_at_the_start_of_a_line_is_doubled_wherever_the_pieces_are_cut(texts: list[str]) -> None:
    pieces = [text.encode() for text in texts]
    whole = re.sub(rb"(\A|\n)\.", rb"\1..", b"".join(pieces))
    assert b"".join(_stuffed(pieces)) == whole


def test_it_is_not_asked_what_it_cannot_tell(server: JournalServer) -> None:
    with mailbox_on(server.port) as mailbox:
        [outcome] = mailbox.append([make_letter("x")])
        assert not mailbox.readable
        assert not mailbox.keyed
        assert mailbox.find(ANN, "", [outcome.delivery_key]) == {}
        assert mailbox.inspect(ANN, "", [outcome.server_id]) == {}
        assert mailbox.missing([ANN, "gone@firm.example"]) == {}


@pytest.mark.parametrize(
    ("step", "answer", "reason", "doubt"),
    [
        ("MAIL", "451 4.3.0 Try later", "", "server-busy"),
        ("RCPT", "450 4.2.0 Greylisted", "", "server-busy"),
        ("DATA", "451 4.3.0 Try later", "", "server-busy"),
        ("END", "451 4.3.0 Try later", "", "server-busy"),
        ("MAIL", "552 5.3.4 Too big", "message-too-large", ""),
        ("END", "552 5.3.4 Too big", "message-too-large", ""),
        ("END", "552 5.2.2 Over quota", "mailbox-quota-full", ""),
        ("END", "554 5.6.0 I do not like it", "refused-by-server", ""),
        ("DATA", "554 No", "refused-by-server", ""),
        ("MAIL", CLOSE, "", "connection-lost"),
        ("RCPT", CLOSE, "", "connection-lost"),
        ("DATA", CLOSE, "", "connection-lost"),
        ("END", CLOSE, "", "unanswered"),
        ("END", "what?", "", "unanswered"),
        ("GREETING", "421 Too many connections", "", "connection-lost"),
    ],
)
def test_a_no_a_not_now_and_an_i_do_not_know_are_told_apart(
    server: JournalServer, step: str, answer: str, reason: str, doubt: str
) -> None:
    server.answers[step] = answer
    with mailbox_on(server.port) as mailbox:
        outcomes = mailbox.append([make_letter(str(number)) for number in range(6)])
        assert {(one.reason, one.doubt, one.server_id) for one in outcomes} == {(reason, doubt, "")}
        server.answers.clear()
        assert all(one.server_id for one in mailbox.append([make_letter(str(number)) for number in range(6)]))


@pytest.mark.parametrize("step", ["MAIL", "RCPT"])
def test_a_server_that_takes_no_mail_for_the_archive_stops_the_run(server: JournalServer, step: str) -> None:
    server.answers[step] = "550 5.7.1 Relaying denied to journal@archive.example"
    with mailbox_on(server.port) as mailbox:
        for ask in (lambda: mailbox.append([make_letter("x")]), lambda: mailbox.missing([ANN])):
            with pytest.raises(Fatal, match="takes no mail for the archive from us") as caught:
                ask()
            assert "Relaying" not in str(caught.value)


def test_a_mail_beyond_the_servers_size_is_not_even_sent(server: JournalServer) -> None:
    letters = [large("x", 6_000_000), make_letter("y")]
    with mailbox_on(server.port) as mailbox:
        outcomes = mailbox.append(letters)
    assert [one.reason for one in outcomes] == ["message-too-large", ""]
    assert len(server.mails) == 1


def test_a_wire_that_is_cut_says_whether_the_archive_can_have_the_mail(server: JournalServer) -> None:
    def send(wire: Wire) -> str:
        with mailbox_on(wire.port) as mailbox:
            [outcome] = mailbox.append([large("x", 3_000_000)])
        return outcome.doubt

    with cut_wire(server.port) as wire:
        wire.cut_when = lambda way, data: way == UP and b"message/rfc822" in data
        assert (send(wire), len(server.mails)) == ("connection-lost", 0)
        wire.cut_when = lambda way, data: way == DOWN and b"queued as" in data
        assert (send(wire), len(server.mails)) == ("unanswered", 1)
        wire.cut_when = lambda way, data: False
        assert (send(wire), len(server.mails)) == ("", 2)
    assert server.mails[0].content == server.mails[1].content


def test_one_mail_that_the_server_cannot_stand_does_not_hold_up_the_others(server: JournalServer) -> None:
    with cut_wire(server.port) as wire:
        wire.cut_when = lambda way, data: way == UP and b"poison" in data
        letters: list[Letter] = [make_letter(name) for name in ("poison", *"abcdefghi")]
        with mailbox_on(wire.port) as mailbox:
            outcomes = mailbox.append(letters)
    assert outcomes[0].doubt in {"connection-lost", "unanswered"}
    assert all(one.server_id for one in outcomes[1:])


def test_a_connection_that_the_server_has_ended_is_made_anew(
    server: JournalServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("include.commsarchive.mailbox.journal.mailbox.STALE", 0.0)
    with mailbox_on(server.port) as mailbox:
        mailbox.append([make_letter("x")])
        server.answers["NOOP"] = CLOSE
        assert mailbox.append([make_letter("y")])[0].server_id
    assert sum(command.startswith("ehlo") for command in server.commands) == 2


def test_the_way_is_encrypted_and_the_certificate_must_be_trusted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with JournalServer(certificate=tmp_path / "server.pem") as server:
        with mailbox_on(server.port, security="starttls") as mailbox, pytest.raises(Retriable):
            mailbox.missing([ANN])
        monkeypatch.setenv("SSL_CERT_FILE", str(server.certificate))
        with mailbox_on(server.port, login="archivist", security="starttls") as mailbox:
            assert mailbox.append([make_letter("x")])[0].server_id
        names = [command.split()[0].upper() for command in server.commands]
        assert names.index("STARTTLS") < names.index("AUTH") < names.index("MAIL")


def test_without_starttls_nothing_is_sent(server: JournalServer) -> None:
    with mailbox_on(server.port, security="starttls") as mailbox, pytest.raises(Fatal, match="no STARTTLS"):
        mailbox.append([make_letter("x")])


def test_a_refused_login_stops_the_run(server: JournalServer) -> None:
    server.answers["AUTH"] = "535 5.7.8 No"
    with (
        mailbox_on(server.port, login="archivist") as mailbox,
        pytest.raises(Fatal, match="refuses the login"),
    ):
        mailbox.append([make_letter("x")])


@pytest.mark.parametrize(
    ("host", "extra", "said"),
    [
        ("", {}, "host is not set"),
        ("mail.example.com", {"address": "journal"}, "extra `address` must be the journal address"),
        ("mail.example.com", {"sender": "me"}, "extra `sender` an address or empty"),
        ("mail.example.com", {"security": "tls"}, "must be one of: ssl, starttls, none"),
        ("mail.example.com", {}, "Use ssl or starttls for anything but loopback"),
    ],
)
def test_what_a_connection_lacks_is_named(host: str, extra: dict[str, str], said: str) -> None:
    given = {"address": ADDRESS, "security": "none", **extra}
    with pytest.raises(Fatal) as caught:
        open_mailbox(Connection("archive", "smtp", host, 25, extra=given))
    assert said in str(caught.value)
