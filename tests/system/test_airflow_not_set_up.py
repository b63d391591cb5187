"""What a person is told whose Airflow is not set up yet, or is another one than they think."""

from __future__ import annotations

from pathlib import Path

import pytest

from include.commsarchive.cli.airflow_connections import find_connection
from include.commsarchive.errors import Fatal

pytestmark = pytest.mark.system


def test_a_database_that_was_never_set_up_is_not_taken_for_a_missing_connection(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AIRFLOW_HOME", str(tmp_path))
    monkeypatch.delenv("AIRFLOW__DATABASE__SQL_ALCHEMY_CONN", raising=False)
    told = f"connection archive: Airflow's database in {tmp_path} is not set up: airflow db migrate, or set"
    with pytest.raises(Fatal, match=told):
        find_connection("archive")
