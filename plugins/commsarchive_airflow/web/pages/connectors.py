"""All connectors at a glance; one connector with its days and its settings."""

from __future__ import annotations

import datetime as dt
from calendar import Calendar
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Annotated, Any

from fastapi import APIRouter, Query
from fastapi.responses import HTMLResponse, RedirectResponse
from pydantic import BaseModel

from commsarchive_airflow.web.api.connectors import find
from commsarchive_airflow.web.api.definitions import file_of
from commsarchive_airflow.web.api.refusal import Refusal, not_there
from commsarchive_airflow.web.api.rights import Anybody, Name, Reader
from commsarchive_airflow.web.book import book
from commsarchive_airflow.web.overview import Row, calendar, everything, rows, visible
from commsarchive_airflow.web.pages.frame import render, url, viewer
from include.commsarchive.connector import Connector
from include.commsarchive.control.days import Day, DayState
from include.commsarchive.control.standing import Status, last_day
from include.commsarchive.errors import Fatal
from include.commsarchive.sources.registry import SOURCES

router = APIRouter()

PAGE = 50
MONTHS = 3
"""Months that a calendar shows."""

Word = Annotated[str, Query(max_length=100)]
Number = Annotated[int, Query(ge=1, le=10_000)]
Month = Annotated[str, Query(pattern=r"^(|[0-9]{4}-(0[1-9]|1[0-2]))$")]

Weeks = list[list[Day | None]]


@router.get("/")
def start() -> RedirectResponse:
    """Lead to the connectors."""
    return RedirectResponse(url("connectors"))


@router.get("/connectors")
def list_connectors(
    who: Anybody, q: Word = "", status: Status | None = None, page: Number = 1
) -> HTMLResponse:
    """Show how every connector stands that the caller may read."""
    found = everything()
    names = visible(who.user, found)
    everyone = rows(found, names)
    wanted = [row for row in everyone if _matches(row, q.casefold()) and _is_listed(row, status)]
    pages = max(1, -(-len(wanted) // PAGE))
    page = min(page, pages)
    return render(
        "connectors.html",
        viewer=viewer(who),
        rows=wanted[(page - 1) * PAGE : page * PAGE],
        total=sum(_is_listed(row, None) for row in everyone),
        matching=len(wanted),
        counts=Counter(row.standing.status for row in everyone),
        statuses=list(Status),
        sources={name: source.title for name, source in SOURCES.items()},
        alerts=book().alerts({*names, ""}),
        q=q,
        status=status,
        page=page,
        pages=pages,
    )


@router.get("/connectors/{name}")
def show_connector(name: Name, who: Reader, month: Month = "") -> HTMLResponse:
    """Show a connector: how it stands, and its days."""
    row = row_of(name)
    words: dict[str, Any] = {"viewer": viewer(who, name), "row": row, "alerts": book().alerts({name})}
    connector = _shown(name)
    if connector is None:
        return render("connector.html", months=[], older="", newer="", newest=None, **words)
    newest = last_day(connector, dt.datetime.now(dt.UTC))
    last = _end_of(dt.date.fromisoformat(f"{month}-01")) if month else _end_of(newest)
    first = _back(last, MONTHS - 1)
    days = {day.day: day for day in calendar(connector, first, last)}
    return render(
        "connector.html",
        months=[(_back(last, back), _weeks(_back(last, back), days)) for back in reversed(range(MONTHS))],
        older=f"{_back(last, 1):%Y-%m}",
        newer=f"{last + dt.timedelta(days=1):%Y-%m}" if last < newest else "",
        newest=newest,
        rules=connector.mapping,
        **words,
    )


@router.get("/connectors/{name}/settings")
def show_settings(name: Name, who: Reader) -> HTMLResponse:
    """Show what a connector is set to, with the words of its own schema. There are no secrets in it."""
    connector = find(name)
    return render(
        "settings.html",
        viewer=viewer(who, name),
        row=row_of(name),
        file=file_of(everything(), name),
        settings=list(_settings(connector)),
        versions=book().versions(name),
    )


def _shown(name: str) -> Connector | None:
    """Give the definition whose days are shown, None where it is wrong."""
    try:
        return find(name)
    except (Fatal, Refusal):
        return None


def row_of(name: str) -> Row:
    """Say how a connector stands.

    Raises:
        Refusal: there is none of this name.
    """
    found = everything()
    if name not in {*found.connectors, *found.wrong, *found.retired}:
        raise not_there(f"connector {name}")
    (row,) = rows(found, [name])
    return row


def _matches(row: Row, q: str) -> bool:
    return any(q in text.casefold() for text in (row.name, row.title, row.source))


def _is_listed(row: Row, status: Status | None) -> bool:
    """Retired ones are listed only when they are asked for."""
    return row.standing.status is status or (status is None and row.standing.status is not Status.RETIRED)


def _weeks(month: dt.date, days: Mapping[dt.date, Day]) -> Weeks:
    """Lay a month out in weeks from Monday; what is of another month is None."""
    weeks = Calendar().monthdatescalendar(month.year, month.month)
    return [
        [days.get(day, Day(day, DayState.NOT_DUE)) if day.month == month.month else None for day in week]
        for week in weeks
    ]


def _end_of(day: dt.date) -> dt.date:
    return (day.replace(day=1) + dt.timedelta(days=31)).replace(day=1) - dt.timedelta(days=1)


def _back(day: dt.date, months: int) -> dt.date:
    """Give the first day of the month so many months before."""
    first = day.replace(day=1)
    for _ in range(months):
        first = (first - dt.timedelta(days=1)).replace(day=1)
    return first


def _settings(section: BaseModel, prefix: str = "") -> Iterator[tuple[str, str, str]]:
    """List key, value and meaning."""
    for name, field in type(section).model_fields.items():
        value = getattr(section, name)
        for place, part in enumerate(value if _is_list_of_sections(value) else [value]):
            key = f"{prefix}{name}" + (f" {place + 1}" if place else "")
            if isinstance(part, BaseModel):
                yield from _settings(part, f"{key}.")
            else:
                yield key, _say(part), field.description or ""


def _is_list_of_sections(value: Any) -> bool:
    return isinstance(value, tuple) and bool(value) and isinstance(value[0], BaseModel)


def _say(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, tuple):
        return ", ".join(map(str, value)) or "—"
    return "—" if value in (None, "") else str(value)
