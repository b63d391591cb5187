"""The demo's feeds: an example connector of every source and way of collecting, with its sample days.

A feed goes by the name of its file in ``include/connectors``; its samples lie in ``include/samples`` in a
folder of that name. The example is taken as it is, but for its days and what `_OTHERWISE` says.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from include.commsarchive.connector import Connector, read_definition
from include.commsarchive.demo.access import make_access
from include.commsarchive.demo.api import CLIENT, HOST
from include.commsarchive.demo.publish import ACCOUNT, BLOOMBERG, SYMPHONY, days_of, publish
from include.commsarchive.errors import Fatal
from include.commsarchive.profile import PROJECT

NAMES = (
    "instant_bloomberg",
    "bloomberg_message",
    "symphony",
    "pivot",
    "vantage",
    "dig",
    "persistent_chat",
    "fx_connect",
    "eml",
    "mbox",
    "own_files",
    "own_files_json_lines",
    "own_files_xml",
    "https_api",
    "sql_query",
)
FIRST = NAMES[0]
SAMPLES = PROJECT / "include" / "samples"
_CONNECTORS = PROJECT / "include" / "connectors"
_OTHERWISE: Mapping[str, Mapping[str, Any]] = {
    "bloomberg_message": {"connection": "bloomberg_mail_sftp"},  # an account of its own
    "symphony": {"files": ["*_GD-{yyyy-mm-dd}_*.zip", "symphony_*_{yyyymmdd}.*"]},  # a day in each form
}
_FOLDERS = ("persistent_chat",)
"""Feeds that come in a folder; the others that are files come by SFTP."""


@dataclass(frozen=True, slots=True)
class Feed:
    """One of them: its connector, and the folders of its sample days."""

    name: str
    connector: Connector
    days: tuple[Path, ...]

    @property
    def samples(self) -> Path:
        """The folder of its days."""
        return SAMPLES / self.name

    @property
    def way(self) -> str:
        """How its days are collected, for people."""
        rules = self.connector.collect
        if rules.api:
            return "an HTTPS API"
        if rules.query:
            return "a database"
        return "a folder" if self.name in _FOLDERS else "SFTP"


def chosen(names: str) -> list[Feed]:
    """Give the feeds of a list with commas, or all of them for ``all``, in the order of `NAMES`.

    Raises:
        Fatal: there is no such feed; the text lists those that there are.
    """
    wanted = [name.strip() for name in names.split(",") if name.strip()]
    unknown = [name for name in wanted if name not in {*NAMES, "all"}]
    if unknown or not wanted:
        raise Fatal(
            f"SOURCES={names}: there is no {' and no '.join(unknown) or 'name in it'}. "
            f"Write all, or some of: {','.join(NAMES)}"
        )
    return [_feed(name) for name in NAMES if name in wanted or "all" in wanted]


def _feed(name: str) -> Feed:
    days = days_of(SAMPLES / name)
    path = next(_CONNECTORS.glob(f"{name}.yaml*"))
    told = yaml.safe_load(path.read_text(encoding="utf-8"))
    told["collect"] |= {"poll_seconds": 1, **_OTHERWISE.get(name, {})}
    told["schedule"] |= {"start": days[0].name, "end": days[-1].name, "catchup": True}
    return Feed(name, read_definition(told, str(path)), tuple(days))


def write_connectors(feeds: Iterable[Feed], folder: Path) -> None:
    """Write the connectors' YAML files; the folder then holds no others."""
    folder.mkdir(parents=True, exist_ok=True)
    for old in folder.glob("*.yaml"):
        old.unlink()
    for feed in feeds:
        told = feed.connector.model_dump(mode="json", exclude_defaults=True)
        text = yaml.safe_dump(told, sort_keys=False, allow_unicode=True)
        (folder / f"{feed.name}.yaml").write_text(
            f"# include/connectors/{feed.name}, for the sample days.\n{text}", encoding="utf-8"
        )


@dataclass(frozen=True, slots=True)
class Vendors:
    """All vendors of the demo, who keep what is theirs in ``folder``."""

    folder: Path

    @property
    def command(self) -> list[str]:
        """What to start their servers with, but for ``--ports FILE``."""
        places = {"root": self._served, "state": self._state, "records": SAMPLES / "https_api"}
        options = [part for name, path in places.items() for part in (f"--{name}", str(path))]
        return ["-m", "include.commsarchive.demo.server", *options]

    def publish(self, feed: Feed, ports: Mapping[str, int]) -> dict[str, dict[str, Any]]:
        """Let a feed's days be there; give the Airflow connections that lead to them, by name.

        ``ports`` are those of the servers, as they write them.
        """
        rules, pgp = feed.connector.collect, feed.connector.pgp
        if rules.api:
            return {rules.connection: self._api(ports["api"])}
        if rules.query:
            return {rules.connection: {"conn_type": "sqlite", "host": str(self._database(feed))}}
        account = ACCOUNT if feed.name == FIRST else feed.name
        sealing = (BLOOMBERG if pgp.require_signature else SYMPHONY) if pgp else None
        published = publish(feed.samples, self.folder, account, sealing)
        if feed.name in _FOLDERS:
            return {rules.connection: {"conn_type": "fs", "extra": {"path": str(published.served)}}}
        made = {rules.connection: published.sftp_connection(ports["sftp"])}
        return made | {pgp.connection: published.pgp_connection()} if pgp else made

    @property
    def _served(self) -> Path:
        return self.folder / "served"

    @property
    def _state(self) -> Path:
        return self.folder / "state"

    def _api(self, port: int) -> dict[str, Any]:
        base = f"http://{HOST}:{port}"
        return {
            "conn_type": "http",
            "host": base,
            "login": CLIENT,
            "password": make_access(self._state).password,
            "extra": {"token_url": f"{base}/token"},
        }

    def _database(self, feed: Feed) -> Path:
        """Make a database anew by the samples' script."""
        path = self.folder / f"{feed.name}.db"
        path.unlink(missing_ok=True)
        database = sqlite3.connect(path)
        try:
            for day in feed.days:
                for script in sorted(day.glob("*.sql")):
                    database.executescript(script.read_text(encoding="utf-8"))
        finally:
            database.close()
        return path
