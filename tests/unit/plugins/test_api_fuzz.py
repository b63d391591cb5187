"""The REST API against its own OpenAPI document: whatever is sent, the answer is one that it promises."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

import pytest
from commsarchive_airflow.web.api.app import api as app
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator  # type: ignore[import-untyped]

from include.commsarchive.ledger.base import Failure, Run
from include.commsarchive.ledger.sql import connect
from include.commsarchive.model import Outcome
from include.commsarchive.stages.ingest import IngestReceipt
from include.commsarchive.stages.reconcile import reconcile
from include.commsarchive.stages.run import ConvertReceipt, MapReceipt
from tests.letters import make_delivery, make_held, make_item
from tests.unit.plugins.api_desk import Api, load_dags, make_api
from tests.unit.plugins.desk import DAY, DUE, definition, make_desk
from tests.unit.plugins.openapi_requests import Operation, operations

DOCUMENT = app.openapi()
OPERATIONS = list(operations(DOCUMENT))
HELD = make_held("one", connector="desk_chat", day=DAY)
KNOWN: dict[str, list[Any]] = {
    "name": ["desk_chat", "made_chat", "nothing"],
    "seq": [1],
    "held_id": [HELD.held_id],
    "If-Match": ['"1"', '"none"', "x"],
}
MADE = definition() | {
    "name": "made_chat",
    "mapping": {"custom": "uploaded", "third_party_mailbox": "catch-all@firm.example"},
}
HEAD = "External User ID,Microsoft 365 User Mailbox"
UPLOADS = [f"{HEAD}\n7,ann@firm.example\n", f"{HEAD}\n7,ann\n", "", HEAD]
BODIES: dict[str, list[Any]] = {
    "POST /connectors": [MADE, MADE | {"title": "x"}, MADE | {"name": "more_chat"}, definition()],
    "PUT /connectors/{name}": [MADE, MADE | {"title": "x"}, definition()],
    "POST /connectors/{name}/quarantine/settlement": [{"only": [HELD.held_id], "reason": "lost"}],
    "POST /mapping/preview": UPLOADS,
    "POST /connectors/{name}/mapping": UPLOADS,
    "POST /connectors/{name}/mapping/preview": UPLOADS,
}
OFTEN = settings(
    max_examples=25,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


@pytest.fixture
def api(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, airflow_database: None) -> Api:
    """Somebody who may do everything, and one of each thing to do it to."""
    desk = make_desk(tmp_path, monkeypatch)
    made = make_api(desk, monkeypatch)
    monkeypatch.setenv("COMMSARCHIVE_COMPLIANCE", "ada")
    load_dags()
    run = Run("desk_chat/run", "desk_chat", DAY, "scheduled", DUE)
    with connect(desk.ledger) as ledger:
        ledger.open_run(run)
        ledger.hold([HELD])
        ledger.record_items(run.run_id, [make_item("a")])
        ledger.record_failures(run.run_id, [Failure("a", "", "", "ingest", "full")])
        ledger.intend(run.run_id, [make_delivery("a")])
        ledger.settle(run.run_id, [Outcome(make_delivery("a").delivery_key, "id", "c" * 64)])
        found = ConvertReceipt("bundle", items=1)
        mapped = MapReceipt([], 1, 1, 0, 0, 0, 0, 1, "v")
        reconcile(run, ledger, [found], mapped, [IngestReceipt(planned=1, made=1)])
        ledger.put_connector("made_chat", json.dumps(MADE), 0, "ada")
    return made


def checked(operation: Operation, answer: Any) -> None:
    """Hold an answer to the document: its status is promised, and its body is of the promised shape."""
    assert answer.headers["API-Version"] == "1"
    promised = operation.said["responses"]
    assert str(answer.status_code) in promised, answer.text
    content = promised[str(answer.status_code)].get("content", {}).get("application/json")
    if content and content["schema"]:
        schema = {**content["schema"], "components": DOCUMENT["components"]}
        Draft202012Validator(schema).validate(answer.json())


@pytest.mark.parametrize("operation", OPERATIONS, ids=str)
def test_every_answer_is_one_that_the_document_promises(api: Api, operation: Operation) -> None:
    @OFTEN
    @given(st.data())
    def ask(data: st.DataObject) -> None:
        odd = data.draw(st.booleans(), "odd")
        path = data.draw(operation.values("path", KNOWN, odd=odd), "path")
        query = data.draw(operation.values("query", KNOWN, odd=odd), "query")
        headers = data.draw(operation.values("header", KNOWN, odd=odd), "headers")
        body = data.draw(operation.body(BODIES.get(str(operation), []), odd=odd), "body")
        where = operation.path.format(
            **{name: quote(str(value), safe="") or "-" for name, value in path.items()}
        )
        plain = {name: quote(str(value), safe=' "/=') for name, value in headers.items()}
        content = {"content": body.encode()} if isinstance(body, str) else {"json": body}
        answer = api("ada", operation.method.upper(), f"{where}?{urlencode(query)}", plain, **content)
        if answer.status_code not in (404, 405) or answer.json()["message"] != "Not Found":
            checked(operation, answer)

    ask()


@pytest.mark.parametrize("operation", OPERATIONS, ids=str)
def test_every_operation_is_described(operation: Operation) -> None:
    assert operation.said["description"]
    assert {"401", "403", "422", "503"} <= operation.said["responses"].keys()
