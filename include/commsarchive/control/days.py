"""What became of each business day of a connector."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from zoneinfo import ZoneInfo

from include.commsarchive.connector import Schedule
from include.commsarchive.control.feed import Feed
from include.commsarchive.control.habit import found_by_day, is_small, usual
from include.commsarchive.ledger.views import Closed


class DayState(StrEnum):
    """What became of a day; the value is what people see."""

    ARCHIVED = "archived"
    QUARANTINE = "closed with quarantine"
    SMALL = "unusually small"
    RUNNING = "running"
    WAITING = "waiting"
    LATE = "late"
    FAILED = "failed"
    MISSING = "missing"
    NOT_DUE = "not due"


BAD = (DayState.MISSING, DayState.FAILED, DayState.LATE, DayState.QUARANTINE, DayState.SMALL)
"""States that somebody must look at, worst first."""


@dataclass(frozen=True, slots=True)
class Day:
    """A business day: its state and why, items found and archived, things of it still set aside.

    ``record`` is the number of its last import record, 0 for none; ``run_id`` the scheduler's run where the
    day is being archived or where that failed.
    """

    day: dt.date
    state: DayState
    why: str = ""
    found: int = 0
    archived: int = 0
    set_aside: int = 0
    record: int = 0
    run_id: str = ""


@dataclass(frozen=True, slots=True)
class Books:
    """What the ledger and the scheduler know of one connector.

    ``closed`` reaches `habit.HABIT` further back than the days asked for; ``set_aside`` counts what could not
    be read or filed and still waits, by day.
    """

    closed: Sequence[Closed]
    set_aside: Mapping[dt.date, int]
    feed: Feed


def due(schedule: Schedule, day: dt.date) -> dt.datetime:
    """Tell when the run of a business day starts: at the schedule's time on the day after it."""
    minute, hour = (int(field) for field in schedule.cron.split()[:2])
    return dt.datetime.combine(day + dt.timedelta(days=1), dt.time(hour, minute), ZoneInfo(schedule.timezone))


def days_of(
    schedule: Schedule, books: Books, first: dt.date, last: dt.date, now: dt.datetime
) -> tuple[Day, ...]:
    """Say what became of each day, both ends included."""
    closed: dict[dt.date, list[Closed]] = {}
    for record in books.closed:
        if record.kind != "replay":
            closed.setdefault(record.day, []).append(record)
    found = found_by_day(books.closed)
    return tuple(
        _closed_day(day, closed[day], books.set_aside.get(day, 0), found)
        if day in closed
        else _open_day(schedule, books.feed, day, now)
        for day in _range(first, last)
    )


def _closed_day(day: dt.date, records: Sequence[Closed], set_aside: int, found: Mapping[dt.date, int]) -> Day:
    state, why = DayState.ARCHIVED, []
    if is_small(found, day):
        state = DayState.SMALL
        why.append(f"{found[day]} items; about {usual(found, day):.0f} are usual on that weekday")
    if set_aside:
        state = DayState.QUARANTINE
        why.insert(0, f"{set_aside} could not be read or filed and are set aside")
    return Day(
        day,
        state,
        "; ".join(why),
        found=found[day],
        archived=sum(record.archived for record in records),
        set_aside=set_aside,
        record=records[-1].seq,
    )


def _open_day(schedule: Schedule, feed: Feed, day: dt.date, now: dt.datetime) -> Day:
    run = next((one for one in feed.active if one.day == day), None)
    scheduled = bool(schedule.cron) and schedule.start <= day <= (schedule.end or dt.date.max)
    starts = due(schedule, day) if scheduled else now
    late = scheduled and now > starts + dt.timedelta(hours=schedule.deadline_hours)
    if run:
        state = DayState.LATE if late else DayState.RUNNING
        return Day(day, state, f"{run.state} since {run.since:%Y-%m-%d %H:%M} UTC", run_id=run.run_id)
    if day in feed.failed:
        return Day(day, DayState.FAILED, "its run failed", run_id=feed.failed[day])
    if late and schedule.catchup and not feed.paused and feed.next_run and starts >= feed.next_run:
        return Day(day, DayState.LATE, "waits until the days before it are archived")
    if late:
        return Day(day, DayState.MISSING, f"was due on {starts.astimezone(dt.UTC):%Y-%m-%d %H:%M} UTC")
    if scheduled and now >= starts:
        return Day(day, DayState.WAITING, f"due since {starts.astimezone(dt.UTC):%Y-%m-%d %H:%M} UTC")
    return Day(day, DayState.NOT_DUE)


def _range(first: dt.date, last: dt.date) -> Iterator[dt.date]:
    return (dt.date.fromordinal(number) for number in range(first.toordinal(), last.toordinal() + 1))
