"""Registers commsarchive with Airflow. Every component imports this file, so it imports little."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, MutableMapping
from importlib import import_module
from typing import Any

from airflow.plugins_manager import AirflowPlugin
from commsarchive_airflow.links import API, PAGES, PREFIX, ImportLogLink, home
from commsarchive_airflow.timetable import FeedTimetable

Message = MutableMapping[str, Any]


async def web(
    scope: Message, receive: Callable[[], Awaitable[Message]], send: Callable[[Message], Awaitable[None]]
) -> None:
    """Serve downloads; loaded at the first request, because workers never get one."""
    await import_module("commsarchive_airflow.web.app").app(scope, receive, send)


async def rest(
    scope: Message, receive: Callable[[], Awaitable[Message]], send: Callable[[Message], Awaitable[None]]
) -> None:
    """Serve the REST API, in the same way."""
    await import_module("commsarchive_airflow.web.api.app").api(scope, receive, send)


async def pages(
    scope: Message, receive: Callable[[], Awaitable[Message]], send: Callable[[Message], Awaitable[None]]
) -> None:
    """Serve what people look at, in the same way."""
    await import_module("commsarchive_airflow.web.pages.app").app(scope, receive, send)


class CommsArchivePlugin(AirflowPlugin):
    """Adds pages to Airflow's navigation, the REST API, and the import log's downloads with their button."""

    name = "commsarchive"
    fastapi_apps = [
        {"app": web, "url_prefix": PREFIX, "name": "commsarchive"},
        {"app": pages, "url_prefix": PAGES, "name": "commsarchive pages"},
        {"app": rest, "url_prefix": f"{API}/v1", "name": "commsarchive API, version 1"},
        {"app": rest, "url_prefix": API, "name": "commsarchive API, latest version"},
    ]
    external_views = [
        {
            "name": "Connectors",
            "href": f"{home()}{PAGES}/connectors",
            "destination": "nav",
            "url_route": "connectors",
            "nav_top_level": True,
        }
    ]
    timetables = [FeedTimetable]
    operator_extra_links = [ImportLogLink()]
