"""The ledger in SQLite keeps the promises of every ledger."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from include.commsarchive.ledger.base import Ledger
from include.commsarchive.ledger.sql import connect
from tests.contract.ledger_contract import LedgerContract


class TestSqliteLedger(LedgerContract):
    @pytest.fixture
    def ledger(self, tmp_path: Path) -> Iterator[Ledger]:
        with connect(f"sqlite:///{tmp_path}/ledger.db") as ledger:
            yield ledger
