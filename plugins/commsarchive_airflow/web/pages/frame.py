"""What all pages share: the templates, the words they are filled with, and what the caller may do."""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

from fastapi.responses import HTMLResponse
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from commsarchive_airflow import auth
from commsarchive_airflow.links import API, PAGES, home
from commsarchive_airflow.scheduler import REHEARSAL, REPLAY
from commsarchive_airflow.web.api.rights import Caller
from commsarchive_airflow.web.overview import everything, title_of
from commsarchive_airflow.web.pages.remedies import remedy

HERE = Path(__file__).parent
STATIC = {
    "pages.css": "text/css",
    "pages.js": "text/javascript",
    "form.js": "text/javascript",
    "theme.js": "text/javascript",
}
"""Our own files, and their types; the pages load nothing else."""


@dataclass(frozen=True, slots=True)
class Viewer:
    """What the caller may do, so that pages offer it, or say why not. The API decides for itself.

    Nothing is run of a ``retired`` connector.
    """

    name: str
    administers: bool
    opens: bool
    operates: bool = False
    replays: bool = False
    rehearses: bool = False
    retired: bool = False


def viewer(who: Caller, connector: str = "") -> Viewer:
    """Ask once for all that a page may offer, about one connector where it is about one."""
    retired = bool(connector) and connector in everything().retired
    operates = bool(connector) and not retired and auth.may_trigger(who.user, connector)
    return Viewer(
        name=who.name,
        administers=auth.is_named(who.user, auth.ADMINS),
        opens=auth.is_named(who.user, auth.COMPLIANCE),
        operates=operates,
        replays=operates and auth.may_trigger(who.user, REPLAY),
        rehearses=operates and auth.may_trigger(who.user, REHEARSAL),
        retired=retired,
    )


def render(template: str, code: int = 200, **words: Any) -> HTMLResponse:
    """Make a page. Everything that is filled in is escaped."""
    return HTMLResponse(_environment().get_template(template).render(**words), code)


def url(*parts: object, **query: object) -> str:
    """Give the address of a page; parts and query are quoted, empty queries left out."""
    return _address(f"{home()}{PAGES}", parts, query)


def api(*parts: object, **query: object) -> str:
    """Give the address of a resource of the REST API."""
    return _address(f"{home()}{API}/v1", parts, query)


def run_url(run_id: str) -> str:
    """Give the address of a run in Airflow, from its id in the ledger: the DAG's id, ``/`` and its own."""
    dag_id, _, run = run_id.partition("/")
    return _address(f"{home()}/dags", (dag_id, "runs", run), {})


def file_url(name: str) -> str:
    """Give the address of one of our own files, which changes with its content."""
    return url("static", name, v=_digest(name))


def _address(base: str, parts: tuple[object, ...], query: Mapping[str, object]) -> str:
    path = "/".join([base, *(quote(str(part), safe="") for part in parts)])
    asked = {key: value for key, value in query.items() if value not in ("", None)}
    return f"{path}?{urlencode(asked)}" if asked else path


@cache
def _digest(name: str) -> str:
    return hashlib.sha256((HERE / "static" / name).read_bytes()).hexdigest()[:12]


@cache
def _environment() -> Environment:
    made = Environment(
        autoescape=True,
        loader=FileSystemLoader(HERE / "templates"),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.globals.update(
        url=url,
        api=api,
        run_url=run_url,
        file_url=file_url,
        title_of=title_of,
        airflow=lambda *parts: f"{home()}/" + "/".join(parts),
    )
    made.filters.update(
        number=_number,
        date=_date,
        moment=_moment,
        instant=_instant,
        weekday=_weekday,
        remedy=remedy,
        instant_exact=_instant_exact,
    )
    return made


def _number(number: int) -> str:
    return f"{number:,}"


def _date(day: dt.date) -> Markup:
    return Markup('<time datetime="{0}">{0}</time>').format(day)


def _moment(at: dt.datetime | None) -> Markup | str:
    """Show a time in UTC, to the minute."""
    if at is None:
        return "—"
    at = at.astimezone(dt.UTC)
    return Markup('<time datetime="{}">{} UTC</time>').format(at.isoformat(), f"{at:%Y-%m-%d %H:%M}")


def _instant(ms: int) -> Markup | str:
    return _moment(dt.datetime.fromtimestamp(ms / 1000, dt.UTC) if ms else None)


def _instant_exact(ms: int) -> Markup:
    """Show a time in UTC, to the second."""
    at = dt.datetime.fromtimestamp(ms / 1000, dt.UTC)
    return Markup('<time datetime="{}">{} UTC</time>').format(at.isoformat(), f"{at:%Y-%m-%d %H:%M:%S}")


def _weekday(day: dt.date) -> str:
    return f"{day:%a}"
