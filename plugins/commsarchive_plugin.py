"""Registers commsarchive with Airflow. Every component imports this file, so it imports little."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, MutableMapping
from importlib import import_module
from typing import Any

from airflow.plugins_manager import AirflowPlugin
from commsarchive_airflow.links import API, PREFIX, ImportLogLink
from commsarchive_airflow.timetable import FeedTimetable

Message = MutableMapping[str, Any]


async def web(
    scope: Message, receive: Callable[[], Awaitable[Message]], send: Callable[[Message], Awaitable[None]]
) -> None:
    """Serve our pages; loaded at the first request, because workers never get one."""
    await import_module("commsarchive_airflow.web.app").app(scope, receive, send)


async def rest(
    scope: Message, receive: Callable[[], Awaitable[Message]], send: Callable[[Message], Awaitable[None]]
) -> None:
    """Serve the REST API, in the same way."""
    await import_module("commsarchive_airflow.web.api.app").api(scope, receive, send)


class CommsArchivePlugin(AirflowPlugin):
    """Adds the REST API, the import log's downloads and the button that leads to them."""

    name = "commsarchive"
    fastapi_apps = [
        {"app": web, "url_prefix": PREFIX, "name": "commsarchive"},
        {"app": rest, "url_prefix": f"{API}/v1", "name": "commsarchive API, version 1"},
        {"app": rest, "url_prefix": API, "name": "commsarchive API, latest version"},
    ]
    timetables = [FeedTimetable]
    operator_extra_links = [ImportLogLink()]
