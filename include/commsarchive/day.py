"""Which business day does a run archive? One answer for every task. Ground floor.

Airflow 3 gives a scheduled, a manual and a backfilled run of one day different intervals, and some
runs none at all; so the vendor's date is never taken from ``ds``.
"""

from __future__ import annotations

import datetime as dt
from zoneinfo import ZoneInfo

from include.commsarchive.errors import Fatal


def business_day(
    asked: str | None,
    partition_key: str | None,
    interval_start: dt.datetime | None,
    run_after: dt.datetime,
    timezone: str,
) -> dt.date:
    """Decide, first answer first: the day asked for, the partition, the interval, the time of the run.

    The interval counts by the day on which it starts. A run that has only a time archives the day
    before it: the last one that was over. Days are those of ``timezone`` (IANA).

    Raises:
        Fatal: the day asked for, or the partition key, is no ISO day.
    """
    if asked:
        return _day(asked, "parameter `day`")
    if partition_key:
        return _day(partition_key, "partition key")
    zone = ZoneInfo(timezone)
    if interval_start:
        return interval_start.astimezone(zone).date()
    return run_after.astimezone(zone).date() - dt.timedelta(days=1)


def _day(text: str, what: str) -> dt.date:
    try:
        return dt.date.fromisoformat(text)
    except ValueError as error:
        raise Fatal(f"{what}: {text!r} is no day. Write it as 2026-01-31") from error
