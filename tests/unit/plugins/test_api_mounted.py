"""The REST API where Airflow's web server mounts it."""

from __future__ import annotations

import asyncio

import httpx
import pytest
from airflow.api_fastapi.app import create_app, purge_cached_app
from fastapi import FastAPI

from tests.unit.plugins.api_desk import Api


@pytest.fixture(scope="module")
def server(airflow_database: None) -> FastAPI:
    purge_cached_app()
    return create_app("core")


def ask(server: FastAPI, path: str, token: str) -> httpx.Response:
    async def answer() -> httpx.Response:
        transport = httpx.ASGITransport(server)
        async with httpx.AsyncClient(transport=transport, base_url="http://airflow.example") as client:
            return await client.get(path, headers={"Authorization": f"Bearer {token}"} if token else {})

    return asyncio.run(answer())


@pytest.mark.parametrize("prefix", ["/api/compliance", "/api/compliance/v1"])
def test_it_is_there_for_who_is_signed_in_alone(api: Api, server: FastAPI, prefix: str) -> None:
    answer = ask(server, f"{prefix}/connectors", api.token("vera"))
    assert [row["name"] for row in answer.json()["items"]] == ["desk_chat"]
    assert answer.headers["API-Version"] == "1"
    assert ask(server, f"{prefix}/connectors", "").status_code == 401


def test_airflows_own_api_is_where_it_was(api: Api, server: FastAPI) -> None:
    assert ask(server, "/api/v2/dags", api.token("vera")).status_code == 200
