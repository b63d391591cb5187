"""When a connector's days are archived: a cron schedule that has a first and a last day."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from typing import Any, Self
from zoneinfo import ZoneInfo

import pendulum
from airflow.timetables.base import DagRunInfo, DataInterval, TimeRestriction
from airflow.timetables.interval import CronDataIntervalTimetable


class FeedTimetable(CronDataIntervalTimetable):
    """Data intervals by cron, from the day ``start`` to the day ``end``, both included.

    The days bound the schedule only. Airflow's own ``start_date`` and ``end_date`` bound manual runs,
    too, and in a way that nobody would expect: such a run has no tasks and succeeds (3.3.2).
    """

    def __init__(self, cron: str, timezone: str, start: dt.date, end: dt.date | None = None) -> None:
        """Take the schedule as a connector states it."""
        super().__init__(cron, timezone=timezone)
        self.zone = zone = ZoneInfo(timezone)
        self._days = start, end
        self._first = pendulum.instance(dt.datetime.combine(start, dt.time.min, zone))
        self._last = pendulum.instance(dt.datetime.combine(end, dt.time.max, zone)) if end else None

    def serialize(self) -> dict[str, Any]:
        """Give what `deserialize` takes."""
        start, end = self._days
        days = {"start": start.isoformat(), "end": end.isoformat() if end else ""}
        return {"cron": self._expression, "timezone": str(self._timezone.name), **days}

    @classmethod
    def deserialize(cls, data: dict[str, Any]) -> Self:
        """Take what `serialize` gave."""
        end = dt.date.fromisoformat(data["end"]) if data["end"] else None
        return cls(data["cron"], data["timezone"], dt.date.fromisoformat(data["start"]), end)

    def next_dagrun_info(
        self, *, last_automated_data_interval: DataInterval | None, restriction: TimeRestriction
    ) -> DagRunInfo | None:
        """Give the next interval that starts on one of our days."""
        ours = TimeRestriction(
            max(filter(None, (restriction.earliest, self._first))),
            min(filter(None, (restriction.latest, self._last)), default=None),
            restriction.catchup,
        )
        return super().next_dagrun_info(
            last_automated_data_interval=last_automated_data_interval, restriction=ours
        )

    def intervals(self, first: dt.datetime, last: dt.datetime) -> Iterator[tuple[dt.datetime, dt.datetime]]:
        """List the intervals that start within these times, both included."""
        bounds = TimeRestriction(pendulum.instance(first), pendulum.instance(last), catchup=True)
        info = self.next_dagrun_info(last_automated_data_interval=None, restriction=bounds)
        while info is not None and info.data_interval is not None:
            yield info.data_interval.start, info.data_interval.end
            info = self.next_dagrun_info(last_automated_data_interval=info.data_interval, restriction=bounds)
