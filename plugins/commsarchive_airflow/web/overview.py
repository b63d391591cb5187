"""Connectors as pages and API show them: what they are, and how they stand."""

from __future__ import annotations

import datetime as dt
import json
from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Literal

from commsarchive_airflow import auth
from commsarchive_airflow.catalogue import Catalogue, add_stored, from_files
from commsarchive_airflow.scheduler import feeds
from commsarchive_airflow.web.book import book
from include.commsarchive.connector import Connector
from include.commsarchive.control.days import Books, Day, days_of
from include.commsarchive.control.feed import Feed
from include.commsarchive.control.habit import HABIT
from include.commsarchive.control.standing import PICTURE_DAYS, Standing, broken, retired, standing
from include.commsarchive.ledger.base import HeldStage
from include.commsarchive.ledger.control import StoredConnector
from include.commsarchive.ledger.sql import SqlLedger
from include.commsarchive.ledger.views import Closed


@dataclass(frozen=True, slots=True)
class Row:
    """A connector and how it stands. ``version`` counts the versions of one made by hand, else 0."""

    name: str
    title: str
    source: str
    origin: Literal["file", "api"]
    version: int
    standing: Standing


def everything() -> Catalogue:
    """Read all connectors, those of files and those made by hand.

    Raises:
        Retriable: the ledger cannot be reached.
    """
    found = from_files()
    add_stored(found, book().connectors())
    return found


def visible(user: auth.User, found: Catalogue) -> list[str]:
    """Name the connectors that a user may read, the wrong and the retired ones among them, in order."""
    return sorted(auth.readable(user, {*found.connectors, *found.wrong, *found.retired}))


def rows(found: Catalogue, names: Collection[str]) -> list[Row]:
    """Say how these connectors stand, in the order of their names given."""
    now = dt.datetime.now(dt.UTC)
    good = {name: found.connectors[name] for name in names if name in found.connectors}
    ledger = book()
    first = now.date() - dt.timedelta(days=PICTURE_DAYS + 1) - HABIT
    books = books_of(ledger, good, feeds(good), first, now.date() + dt.timedelta(days=1))
    last = last_imports(ledger, books)
    gone = _retired({name: found.retired[name] for name in names if name in found.retired})

    def stands(name: str) -> Standing:
        if name in good:
            return standing(good[name], books[name], last.get(name), now)
        return gone.get(name) or broken(found.wrong[name])

    return [_row(found, name, stands(name)) for name in names]


def _retired(gone: Mapping[str, StoredConnector]) -> dict[str, Standing]:
    """Say how connectors stand that were taken out of use."""
    if not gone:
        return {}
    last = {one.connector: one for one in book().last_closed(list(gone))}
    waiting = Counter[str]()
    for one in book().set_aside(list(gone)):
        if one.stage is not HeldStage.MAP_USERS:
            waiting[one.connector] += one.number
    since = {name: dt.datetime.fromtimestamp(one.at / 1000, dt.UTC) for name, one in gone.items()}
    return {name: retired(one.who, since[name], last.get(name), waiting[name]) for name, one in gone.items()}


def title_of(name: str) -> str:
    """Give what people call a connector."""
    connector = everything().connectors.get(name)
    return (connector.title if connector else "") or name


def calendar(connector: Connector, first: dt.date, last: dt.date) -> tuple[Day, ...]:
    """Say what became of these business days of a connector, both included."""
    name, now = connector.name, dt.datetime.now(dt.UTC)
    one = {name: connector}
    books = books_of(book(), one, feeds(one), first - HABIT, last)
    return days_of(connector.schedule, books[name], first, last, now)


def books_of(
    ledger: SqlLedger,
    connectors: Mapping[str, Connector],
    known: Mapping[str, Feed],
    first: dt.date,
    last: dt.date,
) -> dict[str, Books]:
    """Open the books of connectors over these days, in two queries."""
    closed: dict[str, list[Closed]] = {name: [] for name in connectors}
    for record in ledger.closed(list(connectors), first, last):
        closed[record.connector].append(record)
    waiting: dict[str, dict[dt.date, int]] = {name: {} for name in connectors}
    for one in ledger.set_aside(list(connectors)):
        if one.stage is not HeldStage.MAP_USERS:
            days = waiting[one.connector]
            days[one.day] = days.get(one.day, 0) + one.number
    return {name: Books(closed[name], waiting[name], known.get(name, Feed())) for name in connectors}


def last_imports(ledger: SqlLedger, books: Mapping[str, Books]) -> dict[str, Closed]:
    """Give each connector's last import; only of those whose books have none is the ledger asked."""
    last = {name: record for name, book in books.items() for record in book.closed if record.kind != "replay"}
    older = ledger.last_closed([name for name in books if name not in last])
    return last | {one.connector: one for one in older}


def _row(found: Catalogue, name: str, how: Standing) -> Row:
    stored = found.stored.get(name) or found.retired.get(name)
    connector = found.connectors.get(name)
    stated = json.loads(stored.stated) if stored and connector is None else {}
    return Row(
        name=name,
        title=(connector.title if connector else stated.get("title", "")) or name,
        source=connector.source if connector else stated.get("source", ""),
        origin="api" if stored else "file",
        version=stored.version if stored else 0,
        standing=how,
    )
