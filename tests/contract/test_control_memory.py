"""Control store and views in memory keep their promises."""

from __future__ import annotations

import pytest

from include.commsarchive.ledger.memory_control import MemoryControl
from tests.contract.control_contract import Book, ControlContract


class TestMemoryControl(ControlContract):
    @pytest.fixture
    def ledger(self) -> Book:
        return MemoryControl()
