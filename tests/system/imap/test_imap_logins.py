"""Logins to a real Dovecot: what one that is refused says of mailboxes, and what it does not."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager

import pytest

from include.commsarchive.errors import Fatal, Retriable
from include.commsarchive.mailbox.imap.client import Client, Refused
from include.commsarchive.mailbox.imap.mailbox import ImapMailbox
from include.commsarchive.mailbox.imap.settings import ImapSettings, settings_from
from include.commsarchive.message.mime import encode
from tests.letters import FOLDER, make_letter
from tests.servers.dovecot import USER_PASSWORD, Dovecot
from tests.servers.programs import HOST
from tests.system.imap.imap_setup import ANN, BOB, mailbox_on

pytestmark = pytest.mark.system


@contextmanager
def as_themselves(port: int) -> Iterator[ImapMailbox]:
    """Log in with each mailbox's own name: who does not exist is refused like a wrong password."""
    extra = {"security": "none", "login_format": "{mailbox}"}
    with closing(ImapMailbox(settings_from("archive", HOST, port, "", USER_PASSWORD, extra), encode)) as one:
        yield one


@pytest.mark.parametrize("security", ["ssl", "starttls"])
def test_the_servers_certificate_must_be_trusted(
    dovecot: Dovecot, monkeypatch: pytest.MonkeyPatch, security: str
) -> None:
    port = dovecot.ssl_port if security == "ssl" else dovecot.port
    with mailbox_on(port, security) as mailbox, pytest.raises(Retriable, match="SSLCertVerificationError"):
        mailbox.missing([ANN])
    monkeypatch.setenv("SSL_CERT_FILE", str(dovecot.certificate))
    with mailbox_on(port, security) as mailbox:
        assert mailbox.append([make_letter("x")])[0].server_id


def test_a_wrong_password_is_not_taken_for_mailboxes_that_are_missing(dovecot: Dovecot) -> None:
    with mailbox_on(dovecot.port, password="wrong") as mailbox:
        for ask in (lambda: mailbox.missing([ANN, BOB]), lambda: mailbox.append([make_letter("x")])):
            with pytest.raises(Fatal, match="lets us into no mailbox"):
                ask()


def test_who_is_refused_while_others_are_let_in_does_not_exist(dovecot: Dovecot) -> None:
    with as_themselves(dovecot.port) as mailbox:
        with pytest.raises(Fatal, match="lets us into no mailbox"):
            mailbox.missing(["gone@firm.example"])
        assert mailbox.missing(["gone@firm.example", ANN]) == {"gone@firm.example": "no-such-mailbox"}
        assert mailbox.find("gone@firm.example", "", ["0" * 32]) == {}


def test_a_mailbox_that_is_refused_before_any_other_was_let_in_does_not_speak_for_the_others(
    dovecot: Dovecot,
) -> None:
    letter = make_letter("x")
    with mailbox_on(dovecot.port) as mailbox:
        [filed] = mailbox.append([letter])
    with as_themselves(dovecot.port) as fresh:
        for ask in (fresh.find, fresh.inspect):
            with pytest.raises(Retriable, match="does not let us into a mailbox"):
                ask("gone@firm.example", FOLDER, [letter.delivery_key])
        assert fresh.find(ANN, FOLDER, [letter.delivery_key]) == {letter.delivery_key: filed.server_id}


def refuse_logins(patch: pytest.MonkeyPatch) -> None:
    def refuse(_settings: ImapSettings, _mailbox: str) -> Client:
        raise Refused("AUTHENTICATIONFAILED")

    patch.setattr("include.commsarchive.mailbox.imap.mailbox.log_in", refuse)


def test_a_login_that_is_refused_says_nothing_of_what_is_there(dovecot: Dovecot) -> None:
    letter = make_letter("x")
    with mailbox_on(dovecot.port) as mailbox:
        [filed] = mailbox.append([letter])
        mailbox.close()
        with pytest.MonkeyPatch.context() as patch:
            refuse_logins(patch)
            for ask, wanted in (
                (mailbox.find, letter.delivery_key),
                (mailbox.inspect, filed.server_id),
                (mailbox.prune, letter.delivery_key),
            ):
                with pytest.raises(Retriable, match="does not let us into a mailbox"):
                    ask(ANN, FOLDER, [wanted])
        assert mailbox.find(ANN, FOLDER, [letter.delivery_key]) == {letter.delivery_key: filed.server_id}


def test_a_mailbox_that_was_refused_as_missing_holds_nothing_and_is_not_filed_into_by_the_same_task(
    dovecot: Dovecot,
) -> None:
    letter = make_letter("x")
    with mailbox_on(dovecot.port) as mailbox:
        assert mailbox.append([make_letter("x", BOB)])[0].server_id
        with pytest.MonkeyPatch.context() as patch:
            refuse_logins(patch)
            assert mailbox.append([letter])[0].reason == "no-such-mailbox"
        assert mailbox.find(ANN, FOLDER, [letter.delivery_key]) == {}
        assert mailbox.append([letter])[0].reason == "no-such-mailbox"
    with mailbox_on(dovecot.port) as later:
        assert later.append([letter])[0].server_id
