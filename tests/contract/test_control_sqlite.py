"""Control store and views in SQLite keep their promises."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from include.commsarchive.ledger.sql import connect
from tests.contract.control_contract import Book, ControlContract


class TestSqliteControl(ControlContract):
    @pytest.fixture
    def ledger(self, tmp_path: Path) -> Iterator[Book]:
        with connect(f"sqlite:///{tmp_path}/ledger.db") as ledger:
            yield ledger
