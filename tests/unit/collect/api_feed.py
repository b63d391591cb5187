"""A feed on a server of pages, and its collectors."""

from __future__ import annotations

import datetime as dt
import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from include.commsarchive.collect.api import ApiCollector
from include.commsarchive.collect.api_rules import Api
from include.commsarchive.collect.api_settings import settings_from
from include.commsarchive.collect.drawn import Draft
from include.commsarchive.collect.pages import unfold
from include.commsarchive.collect.window import window_of
from tests.servers.paged_api import CLIENT, SECRET, PagedApi

WINDOW = window_of(dt.date(2024, 3, 13), "UTC")
TOKEN = "good"
CURSOR = {"kind": "cursor", "field": "meta/cursor", "parameter": "cursor"}
KEYED: dict[str, Any] = {"secret_headers": ["X-Api-Key"]}


@dataclass
class Feed:
    """An API with five messages, and what it takes to collect them. ``waits`` are the pauses made."""

    server: PagedApi
    folder: Path
    waits: list[float] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.server.records = [{"id": number, "sent": f"2024-03-13T0{number}:30"} for number in range(5)]

    def collector(
        self,
        paging: dict[str, Any] | None = None,
        login: str = "",
        password: str = TOKEN,
        rules: dict[str, Any] | None = None,
        **extra: Any,
    ) -> ApiCollector:
        asked = {
            "path": "/v1/messages",
            "query": {"since": "{from}", "until": "{to}"},
            "items": "data/rows",
            "paging": paging or CURSOR,
        }
        api = Api.model_validate(asked | (rules or {}))

        async def wait(seconds: float) -> None:
            self.waits.append(seconds)

        settings = settings_from("vendor", (self.server.url, None, ""), login, password, extra)
        return ApiCollector(settings, api, Draft("feed", WINDOW), wait)

    def signing_in(self, **extra: Any) -> ApiCollector:
        return self.collector(login=CLIENT, password=SECRET, token_url=f"{self.server.url}/token", **extra)

    async def fetch(self, collector: ApiCollector) -> list[int]:
        async with collector as place:
            (file,) = await place.listing(".")
            await place.fetch(file, self.folder / "raw")
        return self.ids()

    def ids(self) -> list[int]:
        unfold(self.folder / "raw", self.folder / "clear", "data/rows")
        return [json.loads(line)["id"] for line in (self.folder / "clear").read_bytes().splitlines()]

    def left(self) -> list[str]:
        return [path.name for path in self.folder.iterdir()]
