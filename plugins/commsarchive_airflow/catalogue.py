"""The connectors of this deployment: YAML files of one folder, and those made by hand, kept in the ledger.

A file wins over one made by hand that has its name. What is wrong stands beside what is good.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from airflow.sdk.exceptions import AirflowException
from sqlalchemy.exc import SQLAlchemyError

from commsarchive_airflow.connections import ledger_url
from include.commsarchive.connector import Connector, load_connector, read_definition
from include.commsarchive.errors import CommsArchiveError, Fatal
from include.commsarchive.ledger.control import StoredConnector
from include.commsarchive.ledger.sql import stored_connectors
from include.commsarchive.profile import source_of

PROJECT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True, slots=True)
class Catalogue:
    """Connectors by name; ``stored`` are the versions of those made by hand, ``files`` those of others.

    ``retired`` were made by hand and taken out of use: no DAGs, and shown for their history alone.
    ``wrong`` says by name (a file that cannot be read has its stem) what is wrong: place, key, remedy.
    """

    connectors: dict[str, Connector] = field(default_factory=dict)
    wrong: dict[str, str] = field(default_factory=dict)
    stored: dict[str, StoredConnector] = field(default_factory=dict)
    retired: dict[str, StoredConnector] = field(default_factory=dict)
    files: dict[str, Path] = field(default_factory=dict)

    @property
    def faults(self) -> tuple[str, ...]:
        """One line for each thing that is wrong."""
        return tuple(self.wrong.values())

    @property
    def keep_days(self) -> dict[str, int]:
        """How many days each connector keeps staging, the retired ones among them."""
        gone = {name: json.loads(one.stated)["keep_days"] for name, one in self.retired.items()}
        return gone | {name: connector.keep_days for name, connector in self.connectors.items()}

    def known(self, recorded: Iterable[str]) -> set[str]:
        """Name all connectors that there are, and those that were: ``recorded`` have import records."""
        return {*self.connectors, *self.wrong, *self.retired, *recorded}


def folder() -> Path:
    """Where the YAML files lie: ``COMMSARCHIVE_CONNECTORS``, or ``include/connectors``."""
    return Path(os.environ.get("COMMSARCHIVE_CONNECTORS") or PROJECT / "include" / "connectors")


def catalogue() -> Catalogue:
    """Read all of them; a wrong one takes no other one down, nor does a ledger that is away."""
    found = from_files()
    try:
        stored = stored_connectors(ledger_url())
    except (CommsArchiveError, AirflowException, SQLAlchemyError) as error:
        text = str(error).partition("\n")[0]
        found.wrong["(ledger)"] = f"connectors made by hand cannot be read now: {text}"
    else:
        add_stored(found, stored)
    return found


def from_files() -> Catalogue:
    """Read the files alone."""
    found = Catalogue()
    for path in sorted(folder().glob("*.y*ml")):
        try:
            connector = _load(path)
        except Fatal as error:
            found.wrong[path.stem] = str(error)
            found.files.setdefault(path.stem, path)
            continue
        found.files.setdefault(connector.name, path)
        if fault := _fault(connector):
            found.wrong[connector.name] = f"{path}: {fault}"
        elif connector.name in found.connectors:
            found.wrong[path.stem] = (
                f"{path}: key `name`: {connector.name} names another connector; choose another"
            )
        else:
            found.connectors[connector.name] = connector
    return found


def add_stored(found: Catalogue, stored: list[StoredConnector]) -> None:
    """Add those made by hand to those of files."""
    for one in stored:
        place = f"connector {one.name}, version {one.version}"
        if one.retired:
            if one.name not in found.files:
                found.retired[one.name] = one
            continue
        if one.name in found.connectors or one.name in found.wrong:
            found.wrong[f"{one.name} (made by hand)"] = (
                f"{place}: a file defines {one.name}, too, and the file counts. Rename the one in the file"
            )
            continue
        try:
            found.connectors[one.name] = checked(json.loads(one.definition), place)
        except Fatal as error:
            found.wrong[one.name] = str(error)
        found.stored[one.name] = one


def checked(definition: Any, place: str) -> Connector:
    """Check a definition, its source included.

    Raises:
        Fatal: something is wrong; the text names the place and each key.
    """
    connector = read_definition(definition, place)
    if fault := _fault(connector):
        raise Fatal(f"{place}: {fault}")
    return connector


def find_connector(name: str) -> Connector:
    """Give one connector by name; the ledger is asked only when no file has it.

    Raises:
        Fatal: there is none of that name, or its definition is wrong.
    """
    found = from_files()
    if name not in found.connectors:
        found = catalogue()
    if name in found.connectors:
        return found.connectors[name]
    raise Fatal(
        " | ".join(
            [f"no connector {name} in {folder()} or made by hand. Add it or mend the name", *found.faults]
        )
    )


def _fault(connector: Connector) -> str:
    """Say what only the sources can know to be wrong, ``""`` for nothing."""
    try:
        source_of(connector)
    except Fatal as error:
        return str(error)
    return ""


def _load(path: Path) -> Connector:
    return _load_version(path, path.stat().st_mtime_ns)


@cache
def _load_version(path: Path, mtime: int) -> Connector:
    """Long-lived processes ask often: a file is read again only when it has changed."""
    del mtime
    return load_connector(path)
