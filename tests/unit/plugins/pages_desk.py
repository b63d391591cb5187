"""The pages as people see them: real tokens of Airflow's simple auth manager, a ledger with a history."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from html.parser import HTMLParser
from typing import Any

import httpx
import yaml
from airflow.api_fastapi.app import get_auth_manager, init_auth_manager
from airflow.api_fastapi.auth.managers.simple.user import SimpleAuthManagerUser
from commsarchive_airflow.web.pages.app import app

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
