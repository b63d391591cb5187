"""A real Dovecot."""

from __future__ import annotations

import shutil
from collections.abc import Iterator

import pytest

from tests.servers.dovecot import Dovecot, running_dovecot
from tests.system.imap.imap_setup import ANN, BOB


@pytest.fixture(scope="module")
def server() -> Iterator[Dovecot]:
    with running_dovecot([ANN, BOB]) as server:
        yield server


@pytest.fixture
def dovecot(server: Dovecot) -> Dovecot:
    for mailbox in (server.home / "mail").iterdir():
        shutil.rmtree(mailbox)
    return server
