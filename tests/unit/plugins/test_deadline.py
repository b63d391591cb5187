from __future__ import annotations

import asyncio
from typing import Any

import pytest
from commsarchive_airflow.deadline import not_archived_in_time
from structlog.testing import capture_logs


def alerts(**run: str) -> list[Any]:
    with capture_logs() as lines:
        asyncio.run(not_archived_in_time("desk_chat", 8.0, {"dag_run": {"dag_run_id": "a", **run}}))
    return lines


def test_a_late_day_is_one_error_line_that_names_connector_run_and_deadline() -> None:
    (line,) = alerts(run_type="scheduled", state="running")
    assert line["log_level"] == "error"
    assert (line["connector"], line["run"], line["deadline_hours"]) == ("desk_chat", "a", 8.0)


@pytest.mark.parametrize(
    "run", [{"run_type": "backfill", "state": "queued"}, {"run_type": "manual", "state": "failed"}]
)
def test_backfilled_days_and_failed_runs_raise_no_second_alarm(run: dict[str, str]) -> None:
    assert alerts(**run) == []
