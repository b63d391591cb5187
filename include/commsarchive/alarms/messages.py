"""What people are told: a message for what is news, and one each day that says how all feeds stand.

Plain text, no names of people, no content. Pure.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass

from include.commsarchive.ids import digest
from include.commsarchive.ledger.alerts import PEOPLE, Alert, News, Notice

MOST_THINGS = 10
"""Things that are listed for one alert."""


@dataclass(frozen=True, slots=True)
class FeedLine:
    """A feed in the daily message: the last day archived, and what the last 24 hours brought."""

    connector: str
    last_day: dt.date | None
    days: int = 0
    archived: int = 0
    copies: int = 0
    set_aside: int = 0


def news_notices(news: News, channels: Collection[str]) -> list[Notice]:
    """Put what is news into one message for each channel; none when nothing is."""
    if not news:
        return []
    parts = [
        ("NEW", news.opened),
        ("MORE OF", news.grown),
        ("MENDED", news.cleared),
    ]
    subject = "commsarchive: " + ", ".join(
        f"{len(alerts)} {what.lower()}" for what, alerts in parts if alerts
    )
    text = "\n".join(line for what, alerts in parts for alert in alerts for line in _lines(what, alert))
    name = digest(
        "news", text, *(f"{one.opened} {one.seen} {one.cleared}" for _, some in parts for one in some)
    )
    return [Notice(channel, f"news {name}", subject, text) for channel in channels]


def daily_notices(
    day: dt.date, feeds: Sequence[FeedLine], alerts: Sequence[Alert], proven: str, channels: Collection[str]
) -> list[Notice]:
    """Say once a day how everything stands, also when all is well. ``proven``: how verification went."""
    number = len(alerts)
    well = f"{number} open {'alert' if number == 1 else 'alerts'}" if alerts else "all is well"
    rows = [
        (
            one.connector,
            str(one.last_day or "never"),
            *map(str, (one.days, one.archived, one.copies, one.set_aside)),
        )
        for one in feeds
    ]
    text = "\n".join(
        [
            f"{day}: {well}.",
            "",
            *_table(("feed", "archived up to", "days", "items", "copies", "set aside"), rows),
            "",
            "Days, items and copies are those of the last 24 hours; what is set aside waits for a replay.",
            f"Evidence: {proven}.",
            "",
            *(line for alert in alerts for line in _lines("OPEN", alert)),
        ]
    )
    return [Notice(channel, f"daily {day}", f"commsarchive {day}: {well}", text) for channel in channels]


def _lines(what: str, alert: Alert) -> Iterator[str]:
    one = alert.finding
    since = dt.datetime.fromtimestamp(alert.opened / 1000, dt.UTC)
    yield f"{what}  {one.connector or 'archive'}: {one.kind}, since {since:%Y-%m-%d %H:%M} UTC"
    yield f"  {one.why}."
    if alert.cleared:
        yield ""
        return
    if one.kind not in PEOPLE and len(one.things) > 1:
        more = f" and {len(one.things) - MOST_THINGS} more" if len(one.things) > MOST_THINGS else ""
        yield f"  {', '.join(one.things[:MOST_THINGS])}{more}"
    yield f"  What to do: {one.remedy}."
    yield ""


def _table(heads: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> list[str]:
    table = [heads, *rows]
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    return [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in table
    ]
