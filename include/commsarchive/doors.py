"""Connections -> adapters. A new kind of server or destination is one function and one line here.

Each adapter is imported where it is made: every Airflow task reads this module, and few need any of them.
"""

from __future__ import annotations

import datetime as dt
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, Literal, TypeVar

from upath import UPath

from include.commsarchive.collect.api_rules import Api
from include.commsarchive.collect.base import Collector
from include.commsarchive.collect.completeness import PAGES_SUFFIX
from include.commsarchive.collect.drawn import Draft, drawn_name
from include.commsarchive.collect.window import window_of
from include.commsarchive.connector import Connector
from include.commsarchive.directory.base import Directory
from include.commsarchive.errors import Fatal
from include.commsarchive.mailbox.base import Mailbox
from include.commsarchive.pgp.base import Decryptor

Made = TypeVar("Made")
Use = Literal["files", "api", "query", "keys", "directory", "destination"]
"""What a connector needs a connection for."""


@dataclass(frozen=True, slots=True)
class Connection:
    """What an Airflow connection says, wherever it is kept. Secrets do not show in ``repr``."""

    name: str
    kind: str
    host: str = ""
    port: int | None = None
    login: str = ""
    password: str = field(default="", repr=False)
    extra: Mapping[str, Any] = field(default_factory=dict, repr=False)
    schema: str = ""


def open_collector(
    found: Connection, connector: Connector, day: dt.date, *, sample: bool = False
) -> Collector:
    """Make the way to a day's export, by the connection's extra ``collector``, or else by its type.

    Of an API's or a database's day a ``sample`` is the beginning only, see `collect.drawn`.

    Raises:
        Fatal: the connection is incomplete, or we cannot collect from its type what the connector asks for.
    """
    rules, window = connector.collect, window_of(day, connector.schedule.timezone)
    name = drawn_name(connector.name, day, with_files=rules.with_files)
    makers: Mapping[str, Callable[[Connection], Collector]] = {
        kind: partial(make, day) for kind, make in _COLLECTORS.items()
    }
    if rules.api:
        draft = Draft(f"{name}{PAGES_SUFFIX}", window, sample=sample)
        makers = dict.fromkeys(_APIS, partial(_api, rules.api, draft))
    elif rules.query:
        draft = Draft(name, window, sample=sample)
        makers = dict.fromkeys(_DATABASES, partial(_query, rules.query, draft))
    what = "extra `collector`, or else its type,"
    return _one(makers, found, found.extra.get("collector") or found.kind, what)


def open_decryptor(found: Connection, *, require_signature: bool) -> Decryptor:
    """Make a key ring.

    Raises:
        Fatal: the connection holds no key.
    """
    from include.commsarchive.pgp.gnupg import GnupgDecryptor
    from include.commsarchive.pgp.settings import settings_from

    return GnupgDecryptor(settings_from(found.password, found.extra, require_signature=require_signature))


def open_mailbox(found: Connection) -> Mailbox:
    """Make a destination, by the connection's extra ``destination``, or else by its type.

    Raises:
        Fatal: the connection is incomplete, or names no destination of ours.
    """
    kind = found.extra.get("destination") or found.kind
    return _one(_DESTINATIONS, found, kind, "extra `destination`, or else its type,")


def open_directory(found: Connection) -> Directory:
    """Make a directory of people, by the connection's type.

    Raises:
        Fatal: the connection is incomplete, or there is no directory of its type.
    """
    return _one(_DIRECTORIES, found, found.kind, "type")


def uses_of(found: Connection) -> list[Use]:
    """Say what a connection can be used for, by its type and extras; whether it works is for a trial."""
    kind, destination = found.extra.get("collector") or found.kind, found.extra.get("destination")
    other = "" if found.extra.get("collector") else found.kind
    fits: dict[Use, bool] = {
        "files": kind in _COLLECTORS,
        "api": kind in _APIS,
        "query": kind in _DATABASES,
        "keys": kind not in _COLLECTORS and not _KEYS.isdisjoint(found.extra),
        "directory": other in _DIRECTORIES,
        "destination": (destination or other) in _DESTINATIONS,
    }
    return [use for use, good in fits.items() if good]


def _one(
    makers: Mapping[str, Callable[[Connection], Made]], found: Connection, kind: str | None, what: str
) -> Made:
    """Make an adapter with the maker of this kind."""
    if kind is not None and kind in makers:
        return makers[kind](found)
    raise Fatal(
        f"connection {found.name}: {what} is {kind or 'not set'}. It must be one of: {', '.join(makers)}"
    )


def _sftp(_: dt.date, found: Connection) -> Collector:
    from include.commsarchive.collect.sftp import SftpCollector
    from include.commsarchive.collect.sftp_settings import settings_from

    logging.getLogger("asyncssh").setLevel(logging.WARNING)  # a dozen lines for each connection
    return SftpCollector(settings_from(found.host, found.port, found.login, found.password, found.extra))


def _folder(_: dt.date, found: Connection) -> Collector:
    from include.commsarchive.collect.folder import FolderCollector

    options = found.extra.get("storage_options") or {}
    try:
        return FolderCollector(UPath(found.extra.get("path") or "/", **options))
    except (ImportError, TypeError, ValueError) as error:
        raise Fatal(
            f"connection {found.name}: extra `path` or `storage_options` cannot be used: "
            f"{type(error).__name__}. An object store needs its driver (s3fs, adlfs, gcsfs)"
        ) from error


def _symphony_files(day: dt.date, found: Connection) -> Collector:
    from include.commsarchive.collect.symphony_files import SymphonyFiles
    from include.commsarchive.collect.symphony_settings import settings_from

    address = (found.host, found.port, found.schema)
    return SymphonyFiles(settings_from(found.name, address, found.login, found.extra), day)


def _api(api: Api, draft: Draft, found: Connection) -> Collector:
    from include.commsarchive.collect.api import ApiCollector
    from include.commsarchive.collect.api_settings import settings_from

    address = (found.host, found.port, found.schema)
    return ApiCollector(
        settings_from(found.name, address, found.login, found.password, found.extra), api, draft
    )


def _query(query: str, draft: Draft, found: Connection) -> Collector:
    import sqlalchemy as sa

    from include.commsarchive.collect.query import QueryCollector
    from include.commsarchive.collect.query_settings import settings_from

    is_file = found.kind == "sqlite"
    url = sa.URL.create(
        "sqlite" if is_file else "postgresql",
        found.login or None,
        found.password or None,
        None if is_file else found.host or None,
        found.port,
        found.host if is_file else found.schema or None,
    )
    return QueryCollector(settings_from(found.name, url, found.extra), query, draft)


def _maildir(found: Connection) -> Mailbox:
    from include.commsarchive.mailbox.maildir import Maildir
    from include.commsarchive.message.mime import encode

    if not found.extra.get("path"):
        raise Fatal(f"connection {found.name}: extra `path` is not set. Name the folder of the mailboxes")
    return Maildir(Path(found.extra["path"]), encode, create=bool(found.extra.get("create", True)))


def _imap(found: Connection) -> Mailbox:
    from include.commsarchive.mailbox.imap.mailbox import ImapMailbox
    from include.commsarchive.mailbox.imap.settings import settings_from
    from include.commsarchive.message.mime import encode

    settings = settings_from(found.name, found.host, found.port, found.login, found.password, found.extra)
    return ImapMailbox(settings, encode)


def _journal(found: Connection) -> Mailbox:
    from include.commsarchive.mailbox.journal.mailbox import JournalMailbox
    from include.commsarchive.mailbox.journal.settings import settings_from
    from include.commsarchive.message.mime import encode

    settings = settings_from(found.name, found.host, found.port, found.login, found.password, found.extra)
    return JournalMailbox(settings, encode)


def _csv_directory(found: Connection) -> Directory:
    from include.commsarchive.directory.csv_file import CsvDirectory

    if not found.extra.get("path"):
        raise Fatal(f"connection {found.name}: extra `path` is not set. Name the CSV file of the directory")
    return CsvDirectory(UPath(found.extra["path"]))


def _graph_directory(found: Connection) -> Directory:
    from include.commsarchive.directory.graph import GraphDirectory
    from include.commsarchive.microsoft import application_from

    return GraphDirectory(application_from(found.name, found.host, found.login, found.password, found.extra))


def _ews(found: Connection) -> Mailbox:
    from include.commsarchive.mailbox.ews.mailbox import EwsMailbox
    from include.commsarchive.mailbox.ews.settings import settings_from
    from include.commsarchive.message.mime import encode

    logging.getLogger("exchangelib").setLevel(logging.CRITICAL)  # it logs values, and whole requests
    logging.getLogger("urllib3").setLevel(logging.CRITICAL)
    settings = settings_from(found.host, found.port, found.login, found.password, found.extra)
    return EwsMailbox(settings, encode)


def _graph(found: Connection) -> Mailbox:
    from include.commsarchive.mailbox.graph.letter import Wording
    from include.commsarchive.mailbox.graph.mailbox import GraphMailbox
    from include.commsarchive.mailbox.graph.settings import settings_from
    from include.commsarchive.message.mime import head
    from include.commsarchive.message.visible import header_text

    for name in ("msal", "urllib3"):  # they log answers of the sign-in
        logging.getLogger(name).setLevel(logging.CRITICAL)
    settings = settings_from(found.name, found.host, found.login, found.password, found.extra)
    return GraphMailbox(settings, Wording(head, header_text))


_COLLECTORS: dict[str, Callable[[dt.date, Connection], Collector]] = {
    "sftp": _sftp,
    "fs": _folder,
    "symphony_files": _symphony_files,
}
_KEYS = {"private_keys", "private_key", "home"}
_APIS = ("https", "http")
_DATABASES = ("postgres", "sqlite", "database")
_DESTINATIONS: dict[str, Callable[[Connection], Mailbox]] = {
    "maildir": _maildir,
    "imap": _imap,
    "smtp": _journal,
    "msgraph": _graph,
    "ews": _ews,
}
_DIRECTORIES: dict[str, Callable[[Connection], Directory]] = {
    "fs": _csv_directory,
    "msgraph": _graph_directory,
}
