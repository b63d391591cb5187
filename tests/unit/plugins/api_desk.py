"""The REST API as its callers see it: real tokens of Airflow's simple auth manager, a desk behind it."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import httpx
import pytest
from airflow.api_fastapi.app import get_auth_manager, init_auth_manager
from airflow.api_fastapi.auth.managers.base_auth_manager import COOKIE_NAME_JWT_TOKEN
from airflow.api_fastapi.auth.managers.simple.user import SimpleAuthManagerUser
from airflow.dag_processing.dagbag import DagBag, sync_bag_to_db
from airflow.models.dagbundle import DagBundleModel
from airflow.utils.session import create_session
from commsarchive_airflow.catalogue import PROJECT
from commsarchive_airflow.web.api.app import api

from tests.unit.plugins.desk import Desk

ROLES = {"vera": "viewer", "otto": "user", "olga": "op", "ada": "admin", "cora": "viewer"}
"""Who has which of Airflow's roles; cora is the compliance officer."""


@dataclass
class Api:
    """Requests by somebody, ``""`` for nobody."""

    desk: Desk
    tokens: dict[str, str] = field(default_factory=dict)

    def __call__(
        self, who: str, method: str, path: str, headers: Mapping[str, str] | None = None, **content: Any
    ) -> httpx.Response:
        bearer = {"Authorization": f"Bearer {self.token(who)}"} if who else {}
        return self.plain(method, path, headers={**bearer, **(headers or {})}, **content)

    def with_cookie(self, who: str, method: str, path: str, headers: Mapping[str, str]) -> httpx.Response:
        cookie = {"Cookie": f"{COOKIE_NAME_JWT_TOKEN}={self.token(who)}"}
        return self.plain(method, path, headers={**cookie, **headers})

    def plain(self, method: str, path: str, **content: Any) -> httpx.Response:
        async def ask() -> httpx.Response:
            transport = httpx.ASGITransport(api)
            async with httpx.AsyncClient(transport=transport, base_url="http://airflow.example") as client:
                return await client.request(method, path, **content)

        return asyncio.run(ask())

    def token(self, who: str) -> str:
        if who not in self.tokens:
            user = SimpleAuthManagerUser(username=who, role=ROLES[who])
            self.tokens[who] = get_auth_manager().generate_jwt(user)
        return self.tokens[who]


def make_api(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> Api:
    """Let Airflow's auth manager know its users, and commsarchive its compliance officer."""
    monkeypatch.setenv("COMMSARCHIVE_COMPLIANCE", "cora")
    init_auth_manager()
    return Api(desk)


def load_dags() -> None:
    """Let Airflow's database know the DAGs of this project and of the desk's connectors."""
    with create_session() as session:
        session.merge(DagBundleModel(name="dags"))
    bag = DagBag(PROJECT / "dags", bundle_name="dags")
    assert bag.import_errors == {}
    sync_bag_to_db(bag, "dags", None)
