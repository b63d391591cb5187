"""The ledger in memory keeps the promises of every ledger."""

from __future__ import annotations

import pytest

from include.commsarchive.ledger.base import Ledger
from include.commsarchive.ledger.memory import MemoryLedger
from tests.contract.ledger_contract import LedgerContract


class TestMemoryLedger(LedgerContract):
    @pytest.fixture
    def ledger(self) -> Ledger:
        return MemoryLedger()
