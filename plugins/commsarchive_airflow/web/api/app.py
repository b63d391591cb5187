"""The REST API as an application of its own. Nothing is served to a caller who is not signed in.

Mounted at ``/api/compliance/v1``, and at ``/api/compliance`` for the latest version.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from fastapi import Depends, FastAPI, Request, Response

from commsarchive_airflow import auth
from commsarchive_airflow.web.api import (
    choices,
    connectors,
    content,
    evidence,
    history,
    keys,
    people,
    quarantine,
    runs,
    trial,
    verification,
)
from commsarchive_airflow.web.api.refusal import PROBLEMS, add_handlers
from include.commsarchive import VERSION

API_VERSION = "1"

api = FastAPI(
    title="commsarchive",
    version=API_VERSION,
    summary="Connectors, their import history and what was set aside.",
    servers=[{"url": "/api/compliance/v1"}],
    dependencies=[Depends(auth.signed_in)],
    docs_url=None,
    redoc_url=None,
    openapi_url=None,
    redirect_slashes=False,
    root_path_in_servers=False,
)
add_handlers(api)
for part in (
    choices,
    connectors,
    runs,
    history,
    people,
    keys,
    quarantine,
    content,
    evidence,
    verification,
    trial,
):
    api.include_router(part.router)


@api.middleware("http")
async def say_what_it_is(request: Request, go_on: Callable[[Request], Awaitable[Response]]) -> Response:
    """Tell the version, and keep answers out of caches."""
    answer = await go_on(request)
    answer.headers["API-Version"] = API_VERSION
    answer.headers["Software-Version"] = VERSION
    answer.headers.setdefault("Cache-Control", "no-store")
    answer.headers["X-Content-Type-Options"] = "nosniff"
    return answer


@api.get("/openapi.json", tags=["about"], responses=PROBLEMS)
def describe() -> dict[str, Any]:
    """Give the OpenAPI document."""
    return api.openapi()
