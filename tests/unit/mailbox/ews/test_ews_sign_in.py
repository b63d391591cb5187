"""Passwords, secrets and tokens that Exchange refuses, or refuses for a while."""

from __future__ import annotations

from typing import Any

import pytest

from include.commsarchive.errors import Fatal
from tests.servers.ews.server import EwsServer
from tests.servers.faults import Fault
from tests.unit.mailbox.ews.ews_setup import (
    ANN,
    BOB,
    LETTERS,
    application_on,
    copies,
    files,
    in_the_end,
    mailbox_on,
)


def test_a_wrong_password_is_tried_once(server: EwsServer) -> None:
    logins = count_logins(server)
    with (
        mailbox_on(server, password="wrong") as mailbox,
        pytest.raises(Fatal, match="refuses the login"),
    ):
        mailbox.missing([ANN, BOB] * 10)
    assert len(logins) == 1


def count_logins(server: EwsServer) -> list[object]:
    seen: list[object] = []
    identify = server.login.identify

    def counted(request: Any) -> Any:
        seen.append(request)
        return identify(request)

    server.login.identify = counted  # type: ignore[method-assign]
    return seen


def test_a_token_that_ends_in_the_middle_is_renewed(server: EwsServer) -> None:
    with application_on(server) as mailbox:
        [first] = mailbox.append(LETTERS[:1])
        server.login.expire_tokens()
        [doubtful] = mailbox.append(LETTERS[1:2])
        assert (bool(first.server_id), doubtful.doubt) == (True, "login-refused")
        assert in_the_end(mailbox, LETTERS[1:])
    assert set(copies(server).values()) == {1}


def test_requests_that_meet_the_same_expired_token_count_as_one_refusal(server: EwsServer) -> None:
    with application_on(server) as mailbox:
        mailbox.missing([ANN])
        login = mailbox._line._login
        mailbox._line._renew(login)
        mailbox._line._renew(login)
        assert mailbox.missing([ANN]) == {}


def test_a_login_that_is_refused_twice_in_a_row_ends_it(server: EwsServer) -> None:
    with application_on(server) as mailbox:
        mailbox.append(LETTERS[:1])
        server.faults.every(Fault.status(401), files)
        assert mailbox.append(LETTERS[1:2])[0].doubt == "login-refused"
        with pytest.raises(Fatal, match="refuses the login"):
            mailbox.append(LETTERS[1:2])


def test_a_secret_that_is_refused_is_fatal_and_not_told(server: EwsServer) -> None:
    with application_on(server, "wrong secret") as mailbox:
        with pytest.raises(Fatal, match=r"invalid_client \(AADSTS7000215\)") as caught:
            mailbox.missing([ANN])
        assert "wrong secret" not in str(caught.value)


@pytest.mark.parametrize(
    ("fault", "wait"),
    [(Fault.status(429, wait=7), 7), (Fault.status(503, wait=7), 7), (Fault.status(500), 0)],
)
def test_a_sign_in_that_is_down_is_waited_for(server: EwsServer, fault: Fault, wait: float) -> None:
    server.faults.at(1, fault, lambda call: call.what == "token")
    with application_on(server) as mailbox:
        [outcome] = mailbox.append(LETTERS[:1])
        assert (bool(outcome.doubt), outcome.retry_after) == (True, wait)


@pytest.mark.parametrize("status", [403, 404])
def test_a_server_that_has_nothing_for_us_is_fatal(server: EwsServer, status: int) -> None:
    server.faults.every(Fault.status(status))
    with mailbox_on(server) as mailbox, pytest.raises(Fatal, match=f"HTTP {status}"):
        mailbox.missing([ANN])
