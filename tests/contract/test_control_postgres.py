"""Control store and views in PostgreSQL keep their promises."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from include.commsarchive.ledger.sql import connect
from tests.contract.control_contract import Book, ControlContract
from tests.servers.postgres import Postgres, running_postgres


@pytest.fixture(scope="module")
def postgres() -> Iterator[Postgres]:
    with running_postgres() as server:
        yield server


@pytest.mark.system
class TestPostgresControl(ControlContract):
    @pytest.fixture
    def ledger(self, postgres: Postgres) -> Iterator[Book]:
        with connect(postgres.new_database()) as ledger:
            yield ledger
