"""What ends of connectors: keys, certificates, passwords. Looked at every day, and when a key was rotated."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Iterator

from airflow.sdk import BaseHook

from commsarchive_airflow.connections import decryptor
from commsarchive_airflow.notify import channels
from include.commsarchive.alarms.expiry import Ending, expiring, of_connection, of_keys
from include.commsarchive.alarms.messages import news_notices
from include.commsarchive.connector import Connector
from include.commsarchive.errors import CommsArchiveError
from include.commsarchive.ledger.alerts import AlertKind, Alerts, Finding, News, Notice


def look_at_expiry(ledger: Alerts, connectors: Collection[Connector], now: dt.datetime) -> list[Finding]:
    """Bring the alerts of what ends of these connectors in line, and give what was found."""
    found = [one for connector in connectors if (one := _expiry_of(connector, now))]
    ledger.take([(AlertKind.EXPIRING, one.name) for one in connectors], found, tell)
    return found


def tell(news: News) -> list[Notice]:
    """Put news into a message for each channel."""
    return news_notices(news, channels())


def _expiry_of(connector: Connector, now: dt.datetime) -> Finding | None:
    faults: list[str] = []
    endings = list(_endings(connector, faults))
    return expiring(connector.name, endings, faults, now)


def _endings(connector: Connector, faults: list[str]) -> Iterator[Ending]:
    """List what ends of a connector's keys and connections; what cannot be looked at is a fault."""
    try:
        with decryptor(connector) as ring:
            yield from of_keys(ring.keys() if ring else ())
    except CommsArchiveError as error:
        faults.append(f"keys: {error}")
    named = [connector.collect.connection, connector.mapping.directory]
    named += [connector.pgp.connection] if connector.pgp else []
    named += [place.connection for place in connector.deliver]
    for name in dict.fromkeys(filter(None, named)):
        try:
            yield from of_connection(name, BaseHook.get_connection(name).extra_dejson)
        except Exception as error:  # noqa: BLE001 - a secrets backend raises what it likes
            faults.append(f"connection {name}: {type(error).__name__}")
