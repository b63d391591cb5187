"""A connector and its books, for tests of rules."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from typing import Any

from include.commsarchive.connector import Connector
from include.commsarchive.control.days import Books
from include.commsarchive.control.feed import Feed
from include.commsarchive.ledger.views import Closed

MONDAY = dt.date(2026, 11, 16)
NOW = dt.datetime(2026, 11, 21, 8, tzinfo=dt.UTC)
RUNNING = Feed(known=True, next_run=NOW + dt.timedelta(hours=21))


def connector(**schedule: Any) -> Connector:
    return Connector.model_validate(
        {
            "name": "chat",
            "source": "instant_bloomberg",
            "collect": {"connection": "sftp"},
            "mapping": {"third_party_mailbox": "catch-all@firm.example"},
            "deliver": {"connection": "archive"},
            "schedule": {"start": "2026-01-01", "catchup": False, **schedule},
        }
    )


def closed(
    day: dt.date, found: int = 100, *, seq: int = 1, kind: str = "scheduled", archived: int | None = None
) -> Closed:
    return Closed(
        seq=seq,
        run_id=f"chat/{day}",
        connector="chat",
        day=day,
        closed_at=dt.datetime.combine(day + dt.timedelta(days=1), dt.time(5, 30), dt.UTC),
        kind=kind,
        found=found,
        archived=found if archived is None else archived,
        duplicate=0,
        excluded=0,
        quarantined=0,
        unmapped=0,
        unmapped_people=2,
        deliveries_made=found,
        deliveries_failed=0,
    )


def history(last: dt.date, days: int, found: int = 100) -> list[Closed]:
    """Every day up to the last, one record each."""
    return [
        closed(last - dt.timedelta(days=back), found, seq=days - back) for back in range(days - 1, -1, -1)
    ]


def books(
    records: list[Closed], feed: Feed = RUNNING, set_aside: Mapping[dt.date, int] | None = None
) -> Books:
    return Books(records, set_aside or {}, feed)
