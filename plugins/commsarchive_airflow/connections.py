"""Airflow connections -> adapters. A new kind of server or destination is one function and one line here.

Each adapter is imported where it is made: every task parses its DAG, and few need any of them.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any, TypeVar

from airflow.sdk import BaseHook, Connection
from airflow.sdk.exceptions import AirflowNotFoundException
from upath import UPath

from include.commsarchive.collect.base import Collector
from include.commsarchive.connector import Connector
from include.commsarchive.errors import Fatal
from include.commsarchive.mailbox.base import Mailbox
from include.commsarchive.pgp.base import Decryptor

LEDGER = "commsarchive_ledger"
"""Connection of the ledger's database, used where the environment names none."""

Extra = Mapping[str, Any]
Made = TypeVar("Made")


def collector(connector: Connector) -> Collector:
    """Make the way to a connector's exports, by the type of its connection.

    Raises:
        Fatal: the connection is missing or incomplete, or we cannot collect from its type.
    """
    found = _connection(connector.collect.connection)
    return _one(_COLLECTORS, found, found.conn_type, "type")


def decryptor(connector: Connector) -> AbstractContextManager[Decryptor | None]:
    """Make the key ring of a connector; None for one without a `pgp` section.

    Raises:
        Fatal: the connection is missing, or holds no key.
    """
    if connector.pgp is None:
        return nullcontext()
    from include.commsarchive.pgp.gnupg import GnupgDecryptor
    from include.commsarchive.pgp.settings import settings_from

    found = _connection(connector.pgp.connection)
    required = connector.pgp.require_signature
    return GnupgDecryptor(settings_from(found.password, found.extra_dejson, require_signature=required))


def mailbox(connector: Connector) -> Mailbox:
    """Make a connector's destination, by the extra ``destination`` of its connection.

    Raises:
        Fatal: the connection is missing or incomplete, or names no destination of ours.
    """
    found = _connection(connector.deliver.connection)
    return _one(_DESTINATIONS, found, found.extra_dejson.get("destination"), "extra `destination`")


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
        return BaseHook.get_connection(conn_id)
    except AirflowNotFoundException as error:
        raise Fatal(f"no Airflow connection {conn_id}. Add it under Admin, Connections") from error


def _one(
    makers: Mapping[str, Callable[[Connection, Extra], Made]], found: Connection, kind: str | None, what: str
) -> Made:
    """Make an adapter with the maker of this kind."""
    if kind is not None and kind in makers:
        return makers[kind](found, found.extra_dejson)
    raise Fatal(
        f"connection {found.conn_id}: {what} is {kind or 'not set'}. It must be one of: {', '.join(makers)}"
    )


def _sftp(found: Connection, extra: Extra) -> Collector:
    from include.commsarchive.collect.sftp import SftpCollector
    from include.commsarchive.collect.sftp_settings import settings_from

    logging.getLogger("asyncssh").setLevel(logging.WARNING)  # a dozen lines for each connection
    return SftpCollector(settings_from(found.host, found.port, found.login, found.password, extra))


def _folder(_found: Connection, extra: Extra) -> Collector:
    from include.commsarchive.collect.folder import FolderCollector

    return FolderCollector(UPath(extra.get("path") or "/"))


def _maildir(found: Connection, extra: Extra) -> Mailbox:
    from include.commsarchive.mailbox.maildir import Maildir
    from include.commsarchive.message.mime import encode

    if not extra.get("path"):
        raise Fatal(f"connection {found.conn_id}: extra `path` is not set. Name the folder of the mailboxes")
    return Maildir(Path(extra["path"]), encode, create=bool(extra.get("create", True)))


_COLLECTORS: dict[str, Callable[[Connection, Extra], Collector]] = {"sftp": _sftp, "fs": _folder}
_DESTINATIONS: dict[str, Callable[[Connection, Extra], Mailbox]] = {"maildir": _maildir}
