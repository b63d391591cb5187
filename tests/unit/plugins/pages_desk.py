"""The pages as people see them: real tokens of Airflow's simple auth manager, a ledger with a history."""

from __future__ import annotations

import asyncio
import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from html.parser import HTMLParser
from typing import Any

import httpx
import yaml
from airflow.api_fastapi.app import get_auth_manager, init_auth_manager
from airflow.api_fastapi.auth.managers.simple.user import SimpleAuthManagerUser
from commsarchive_airflow.web.pages.app import app

from include.commsarchive.ledger.base import (
    Failure,
    FileRecord,
    Held,
    HeldStage,
    ImportRecord,
    ItemState,
    PlannedItem,
    Run,
)
from include.commsarchive.ledger.sql import SqlLedger
from tests.unit.plugins.desk import Desk, definition

ROLES = {"vera": "viewer", "olga": "op", "ada": "admin", "cora": "viewer"}
"""Who has which of Airflow's roles; cora is the compliance officer."""

HOSTILE = """<script>alert("x")</script>'&"""


@dataclass
class Seen:
    """A page as it came."""

    status: int
    html: str
    headers: httpx.Headers

    @property
    def text(self) -> str:
        """What a person reads: without tags, blanks made one."""
        reader = _Reader()
        reader.feed(self.html)
        return " ".join(" ".join(reader.said).split())


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.said: list[str] = []

    def handle_data(self, data: str) -> None:
        self.said.append(data)


def get(path: str, who: str = "ada") -> Seen:
    """Ask for a page as somebody, ``""`` for nobody."""

    async def ask() -> httpx.Response:
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url="http://airflow.example") as client:
            return await client.get(path, headers={"Authorization": f"Bearer {_token(who)}"} if who else {})

    answer = asyncio.run(ask())
    return Seen(answer.status_code, answer.text, answer.headers)


def _token(who: str) -> str:
    init_auth_manager()
    return get_auth_manager().generate_jwt(SimpleAuthManagerUser(username=who, role=ROLES[who]))


def add_connectors(desk: Desk, names: Sequence[str], **changes: Any) -> None:
    """Write a connector file for each name, as the desk's own."""
    for name in names:
        path = desk.root / "connectors" / f"{name}.yaml"
        path.write_text(yaml.safe_dump({**definition(), "name": name, **changes}), encoding="utf-8")


def close_day(
    ledger: SqlLedger, name: str, day: dt.date, found: int = 3, quarantined: int = 0, **more: Any
) -> ImportRecord:
    """Close a run of a day with these numbers, its files and its items."""
    run = Run(f"{name}/scheduled__{day}", name, day, "scheduled", dt.datetime(2026, 11, 20, tzinfo=dt.UTC))
    ledger.open_run(run)
    ledger.record_file(run.run_id, FileRecord(f"{day}.xml.gpg", 5_000, "a" * 64, 9_000, "b" * 64, "F" * 40))
    ledger.record_items(
        run.run_id,
        [
            PlannedItem(f"item-{number}", "r" * 8, ItemState.EXCLUDED, reason="out-of-scope")
            for number in range(found - quarantined)
        ],
    )
    if quarantined:
        ledger.record_failures(
            run.run_id,
            [Failure(f"line {number}", "", "", "convert", "truncated") for number in range(quarantined)],
        )
        ledger.hold([held(name, day, number) for number in range(quarantined)])
    numbers = {
        "archived": found - quarantined,
        "duplicate": 0,
        "excluded": 0,
        "unmapped": 0,
        "unmapped_people": 0,
        "partial": 0,
        **dict.fromkeys(
            (f"deliveries_{what}" for what in ("planned", "made", "partial", "duplicate", "failed")), 0
        ),
    }
    body = {
        "run_id": run.run_id,
        "connector": name,
        "day": day.isoformat(),
        "kind": "scheduled",
        "found": found,
    }
    root = ledger.totals(run.run_id).delivery_root
    evidence = {
        "quarantined": quarantined,
        "delivery_root": root,
        "files": 1,
        "mapping_version": "m" * 64,
        "versions": {},
    }
    return ledger.close_run(run.run_id, {**body, **numbers, **evidence, **more})


def held(name: str, day: dt.date, number: int = 0, **changes: Any) -> Held:
    """Make something that was set aside."""
    given = {
        "held_id": f"{abs(hash((name, day, number))):032x}",
        "run_id": f"{name}/scheduled__{day}",
        "connector": name,
        "day": day,
        "stage": HeldStage.CONVERT,
        "reason": "truncated",
        "detail": "ends in the middle of a record",
        "place": f"chat.xml, record {number}",
        "path": "somewhere",
        "sha256": "c" * 64,
    }
    return Held(**{**given, **changes})
