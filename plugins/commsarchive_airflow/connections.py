"""Where connections are kept: Airflow's own, or any secrets backend that it is given."""

from __future__ import annotations

import datetime as dt
import os
from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack, closing, contextmanager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any

from airflow.sdk import BaseHook
from airflow.sdk.exceptions import AirflowNotFoundException
from airflow.sdk.log import mask_secret

from include.commsarchive.collect.base import Collector
from include.commsarchive.connector import Connector
from include.commsarchive.directory.base import Directory
from include.commsarchive.doors import (
    Connection,
    open_collector,
    open_decryptor,
    open_directory,
    open_mailbox,
)
from include.commsarchive.errors import Fatal
from include.commsarchive.mailbox.base import Mailbox
from include.commsarchive.pgp.base import Decryptor

if TYPE_CHECKING:  # it brings gnupg, for which few have a use
    from include.commsarchive.pgp.published import PublicKey

LEDGER = "commsarchive_ledger"
"""Connection of the ledger's database, used where the environment names none."""


def collector(connector: Connector, day: dt.date, *, sample: bool = False) -> Collector:
    """Make the way to a connector's export of a day, or to a sample of what an API or a database has of it.

    Raises:
        Fatal: the connection is missing or incomplete, or we cannot collect from its type.
    """
    return open_collector(_connection(connector.collect.connection), connector, day, sample=sample)


def decryptor(connector: Connector) -> AbstractContextManager[Decryptor | None]:
    """Make the key ring of a connector; None for one without a `pgp` section.

    Raises:
        Fatal: the connection is missing, or holds no key.
    """
    if connector.pgp is None:
        return nullcontext()
    found = _connection(connector.pgp.connection)
    return open_decryptor(found, require_signature=connector.pgp.require_signature)


def public_keys(connector: Connector) -> list[PublicKey]:
    """Give the public halves of a connector's keys; none for one without a `pgp` section.

    Raises:
        Fatal: the connection is missing, or holds no key.
    """
    from include.commsarchive.pgp.published import public_halves
    from include.commsarchive.pgp.settings import settings_from

    if connector.pgp is None:
        return []
    found = _connection(connector.pgp.connection)
    return public_halves(settings_from(found.password, found.extra, require_signature=False))


@contextmanager
def mailboxes(connector: Connector) -> Iterator[dict[str, Mailbox]]:
    """Open a connector's destinations, by connection.

    Raises:
        Fatal: a connection is missing or incomplete, or names no destination of ours.
    """
    with ExitStack() as stack:
        names = [place.connection for place in connector.deliver]
        yield {name: stack.enter_context(closing(open_mailbox(_connection(name)))) for name in names}


@contextmanager
def mailbox(destination: str) -> Iterator[Mailbox]:
    """Open one destination.

    Raises:
        Fatal: the connection is missing or incomplete, or names no destination of ours.
    """
    with closing(open_mailbox(_connection(destination))) as opened:
        yield opened


def directory(connector: Connector) -> Directory | None:
    """Make the directory of a connector's people; None for one that has none.

    Raises:
        Fatal: the connection is missing or incomplete, or there is no directory of its type.
    """
    name = connector.mapping.directory
    return open_directory(_connection(name)) if name else None


def ledger_url() -> str:
    """Find the ledger: ``COMMSARCHIVE_LEDGER``, else the Airflow connection, else a file in AIRFLOW_HOME."""
    if url := os.environ.get("COMMSARCHIVE_LEDGER"):
        return url
    try:
        found = BaseHook.get_connection(LEDGER)
    except AirflowNotFoundException:
        return f"sqlite:///{airflow_home() / 'commsarchive' / 'ledger.db'}"
    return str(found.extra_dejson.get("url") or found.get_uri())


def airflow_home() -> Path:
    """Give Airflow's home folder."""
    return Path(os.environ.get("AIRFLOW_HOME") or "~/airflow").expanduser()


def _connection(conn_id: str) -> Connection:
    """Ask Airflow for a connection; its secrets are masked in logs from then on."""
    try:
        found = BaseHook.get_connection(conn_id)
    except AirflowNotFoundException as error:
        raise Fatal(f"no Airflow connection {conn_id}. Add it under Admin, Connections") from error
    mask_secret(list(_headers(found).values()))  # Airflow masks by key, and a header may have any name
    return told(found)


def _headers(found: Any) -> dict[str, Any]:
    headers = found.extra_dejson.get("headers")
    return headers if isinstance(headers, dict) else {}


def told(found: Any) -> Connection:
    """Take what we need of a connection of Airflow's."""
    return Connection(
        name=found.conn_id,
        kind=found.conn_type or "",
        host=found.host or "",
        port=found.port,
        login=found.login or "",
        password=found.password or "",
        extra=found.extra_dejson,
        schema=found.schema or "",
    )
