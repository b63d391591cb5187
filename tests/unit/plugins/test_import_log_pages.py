from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest
from commsarchive_airflow import auth
from commsarchive_airflow.links import ImportLogLink
from commsarchive_airflow.web.app import app
from fastapi.routing import APIRoute

from include.commsarchive.ledger.base import Failure, Run
from include.commsarchive.ledger.sql import connect
from include.commsarchive.stages.ingest import IngestReceipt
from include.commsarchive.stages.reconcile import reconcile
from include.commsarchive.stages.run import MapReceipt
from tests.unit.plugins.desk import DAY, Desk, make_desk

RUN = "scheduled__2024-03-12T05:00:00+00:00"
Get = Callable[[str], httpx.Response]


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Desk:
    """A desk with one closed run, which failed to serve one mailbox."""
    desk = make_desk(tmp_path, monkeypatch)
    run = Run(f"desk_chat/{RUN}", "desk_chat", DAY, "scheduled", desk.context()["dag_run"].run_after)
    with connect(desk.ledger) as ledger:
        ledger.open_run(run)
        ledger.record_failures(run.run_id, [Failure("item", "uuid:7", "=cmd@firm.example", "ingest", "full")])
        reconcile(run, ledger, [], MapReceipt([], 0, 0, 0, 0, 0, 0, 0, "v"), [IngestReceipt()])
    return desk


@pytest.fixture
def get(desk: Desk, airflow_database: None) -> Get:
    async def ask(path: str) -> httpx.Response:
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url="http://airflow") as client:
            return await client.get(path)

    return lambda path: asyncio.run(ask(path))


@pytest.fixture
def signed_in() -> Iterator[None]:
    """Somebody whom Airflow lets read the logs."""
    app.dependency_overrides = {auth.signed_in: lambda: "auditor", auth.may_read_logs: lambda: None}
    yield
    app.dependency_overrides = {}


@pytest.mark.parametrize("route", [route for route in app.routes if isinstance(route, APIRoute)], ids=str)
def test_every_route_refuses_a_caller_who_is_not_signed_in(get: Get, route: APIRoute) -> None:
    assert get(route.path.format(dag_id="desk_chat", run_id=RUN)).status_code == 401


def test_the_app_has_no_other_way_in() -> None:
    assert all(isinstance(route, APIRoute) for route in app.routes)


def test_the_button_leads_to_the_log_as_csv(get: Get, signed_in: None) -> None:
    key = type("Key", (), {"dag_id": "desk_chat", "run_id": RUN})
    link = ImportLogLink().get_link(None, ti_key=key)
    answer = get(link.removeprefix("/commsarchive"))
    assert answer.status_code == 200
    assert answer.headers["content-disposition"] == 'attachment; filename="desk_chat-2024-03-11-1.csv"'
    assert "'=cmd@firm.example" in answer.text


def test_the_log_is_there_as_json(get: Get, signed_in: None) -> None:
    content = get(f"/import-log/desk_chat/{RUN}.json").json()
    assert content["record"]["found"] == 0
    assert len(content["failures"]) == 1


def test_a_run_that_has_not_closed_has_no_log(get: Get, signed_in: None) -> None:
    assert get("/import-log/desk_chat/manual__1.csv").status_code == 404
