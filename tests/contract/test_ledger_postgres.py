"""The ledger in PostgreSQL keeps the promises of every ledger."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from include.commsarchive.ledger.base import Ledger
from include.commsarchive.ledger.sql import connect
from tests.contract.ledger_contract import LedgerContract
from tests.servers.postgres import Postgres, running_postgres


@pytest.fixture(scope="module")
def postgres() -> Iterator[Postgres]:
    with running_postgres() as server:
        yield server


@pytest.mark.system
class TestPostgresLedger(LedgerContract):
    @pytest.fixture
    def ledger(self, postgres: Postgres) -> Iterator[Ledger]:
        with connect(postgres.new_database()) as ledger:
            yield ledger
