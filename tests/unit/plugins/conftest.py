"""A desk with one connector, its ledger, and the REST API before it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from include.commsarchive.ledger.sql import SqlLedger, connect

if TYPE_CHECKING:
    from tests.unit.plugins.api_desk import Api
    from tests.unit.plugins.desk import Desk


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Desk:
    from tests.unit.plugins.desk import make_desk  # noqa: PLC0415 - loads Airflow, too early above

    return make_desk(tmp_path, monkeypatch)


@pytest.fixture
def api(desk: Desk, monkeypatch: pytest.MonkeyPatch, airflow_database: None) -> Api:
    from tests.unit.plugins.api_desk import make_api  # noqa: PLC0415 - the same

    return make_api(desk, monkeypatch)


@pytest.fixture
def ledger(desk: Desk) -> Iterator[SqlLedger]:
    with connect(desk.ledger) as opened:
        yield opened
