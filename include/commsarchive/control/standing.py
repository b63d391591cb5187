"""How a connector stands: its status, why, and what to do."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from zoneinfo import ZoneInfo

from include.commsarchive.connector import Connector
from include.commsarchive.control.days import BAD, Books, Day, DayState, days_of
from include.commsarchive.control.feed import Feed
from include.commsarchive.control.habit import JUDGED
from include.commsarchive.ledger.views import Closed

PICTURE_DAYS = JUDGED.days
"""Business days that an overview shows, the last one that is over included."""


class Status(StrEnum):
    """The value is what people see."""

    ACTIVE = "active"
    PAUSED = "paused"
    WAITING = "waiting to start"
    RUNNING = "running"
    ATTENTION = "needs attention"
    BROKEN = "configuration error"
    RETIRED = "retired"


@dataclass(frozen=True, slots=True)
class Remark:
    """Something to know, and what to do about it."""

    why: str
    remedy: str = ""


@dataclass(frozen=True, slots=True)
class Standing:
    """One row of an overview. ``remarks`` say why the status is what it is, the weightiest first.

    Items are those archived, in the last run and over ``days``; ``set_aside`` counts what could not be read
    or filed and still waits; ``unmapped_people`` are those of the last run.
    """

    status: Status
    remarks: tuple[Remark, ...]
    last_import: dt.datetime | None = None
    last_day: dt.date | None = None
    items_last: int = 0
    items_30: int = 0
    set_aside: int = 0
    unmapped_people: int = 0
    next_run: dt.datetime | None = None
    days: tuple[Day, ...] = ()


_REMEDIES = {
    DayState.MISSING: "trigger a run for each, before the vendor deletes them",
    DayState.FAILED: "read the last line of the failed task, mend what it names, then clear it",
    DayState.LATE: "see in the log of the run under way what it waits for",
    DayState.QUARANTINE: "read the reasons in the quarantine, mend them, then replay",
    DayState.SMALL: "ask the vendor whether the export is whole",
}


def broken(fault: str) -> Standing:
    """Give the standing of a connector whose definition is wrong; the fault names the remedy."""
    return Standing(Status.BROKEN, (Remark(fault, "mend the definition"),))


def retired(who: str, at: dt.datetime, last: Closed | None, set_aside: int) -> Standing:
    """Give the standing of a connector that somebody took out of use. ``last`` is its last import record."""
    gone = Remark(f"{who} retired it on {at:%Y-%m-%d %H:%M} UTC", "its history stays; it can be brought back")
    return Standing(
        Status.RETIRED,
        (gone,),
        last_import=last.closed_at if last else None,
        last_day=last.day if last else None,
        items_last=last.archived if last else 0,
        set_aside=set_aside,
        unmapped_people=last.unmapped_people if last else 0,
    )


def standing(connector: Connector, books: Books, last: Closed | None, now: dt.datetime) -> Standing:
    """Judge a connector. ``last`` is its last import record, however old."""
    end = last_day(connector, now)
    days = days_of(connector.schedule, books, end - dt.timedelta(days=PICTURE_DAYS - 1), end, now)
    shown = {day.day for day in days}
    bad = list(_bad(days))
    status, remarks = _status(connector, books, last, days, bad)
    feed = books.feed
    return Standing(
        status=status,
        remarks=remarks,
        last_import=last.closed_at if last else None,
        last_day=last.day if last else None,
        items_last=last.archived if last else 0,
        items_30=sum(record.archived for record in books.closed if record.day in shown),
        set_aside=sum(books.set_aside.values()),
        unmapped_people=last.unmapped_people if last else 0,
        next_run=None if feed.paused else feed.next_run,
        days=days,
    )


def last_day(connector: Connector, now: dt.datetime) -> dt.date:
    """Give the last business day that is over, where the connector's clock hangs."""
    return now.astimezone(ZoneInfo(connector.schedule.timezone)).date() - dt.timedelta(days=1)


def _status(
    connector: Connector, books: Books, last: Closed | None, days: Sequence[Day], bad: list[Remark]
) -> tuple[Status, tuple[Remark, ...]]:
    feed = books.feed
    scheduled = bool(connector.schedule.cron)
    if scheduled and not feed.known and last:
        bad.insert(0, Remark("Airflow does not know its DAG", "look at Airflow's import errors"))
    if feed.paused:
        resume = Remark("its DAG is paused: no day is archived", "unpause it; missed days are caught up")
        return Status.PAUSED, (resume, *bad)
    if bad:
        return Status.ATTENTION, tuple(bad)
    if feed.active:
        run = feed.active[0]
        return Status.RUNNING, (Remark(f"{run.day} is {run.state} since {run.since:%Y-%m-%d %H:%M} UTC"),)
    if last is None:
        return Status.WAITING, (_first_run(feed, scheduled=scheduled),)
    waiting = [day for day in days if day.state is DayState.WAITING]
    said = f"{waiting[-1].day}: {waiting[-1].why}" if waiting else f"archived up to {last.day}"
    return Status.ACTIVE, (Remark(said),)


def _first_run(feed: Feed, *, scheduled: bool) -> Remark:
    if scheduled and not feed.known:
        return Remark("Airflow has not read it yet; that takes some minutes")
    if feed.next_run:
        return Remark(f"its first run is due on {feed.next_run:%Y-%m-%d %H:%M} UTC")
    return Remark("no run yet", "trigger one")


def _bad(days: Sequence[Day]) -> Iterator[Remark]:
    """Say once for each state which days are in it."""
    for state in BAD:
        if found := [day for day in days if day.state is state]:
            latest = found[-1]
            more = f" and {len(found) - 1} more days" if len(found) > 1 else ""
            reason = f" ({latest.why})" if latest.why else ""
            yield Remark(f"{latest.day}{more}: {state}{reason}", _REMEDIES[state])
