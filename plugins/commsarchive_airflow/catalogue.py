"""The connectors of this deployment: every YAML file of one folder, the wrong ones beside the good."""

from __future__ import annotations

import os
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from include.commsarchive.connector import Connector, load_connector
from include.commsarchive.errors import Fatal
from include.commsarchive.sources.registry import source

PROJECT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True, slots=True)
class Catalogue:
    """Connectors by name, and one line for each file that is none (file, key, remedy)."""

    connectors: dict[str, Connector]
    faults: tuple[str, ...]


def folder() -> Path:
    """Where the YAML files lie: ``COMMSARCHIVE_CONNECTORS``, or ``include/connectors``."""
    return Path(os.environ.get("COMMSARCHIVE_CONNECTORS") or PROJECT / "include" / "connectors")


def catalogue() -> Catalogue:
    """Read all of them; a wrong file is a line in ``faults`` and takes no other one down."""
    connectors: dict[str, Connector] = {}
    faults = []
    for path in sorted(folder().glob("*.y*ml")):
        try:
            connector = _load(path)
        except Fatal as error:
            faults.append(str(error))
            continue
        if fault := _fault(connector):
            faults.append(f"{path}: {fault}")
        elif connector.name in connectors:
            faults.append(f"{path}: key `name`: {connector.name} names another connector; choose another")
        else:
            connectors[connector.name] = connector
    return Catalogue(connectors, tuple(faults))


def find_connector(name: str) -> Connector:
    """Give one connector by name.

    Raises:
        Fatal: there is none of that name, or its file is wrong.
    """
    found = catalogue()
    if name in found.connectors:
        return found.connectors[name]
    raise Fatal(
        " | ".join([f"no connector {name} in {folder()}. Add its YAML file or mend the name", *found.faults])
    )


def _fault(connector: Connector) -> str:
    """Say what only the sources can know to be wrong, ``""`` for nothing."""
    try:
        source(connector.source)
    except Fatal as error:
        return f"key `source`: {error}"
    return ""


def _load(path: Path) -> Connector:
    return _load_version(path, path.stat().st_mtime_ns)


@cache
def _load_version(path: Path, mtime: int) -> Connector:
    """Long-lived processes ask often: a file is read again only when it has changed."""
    del mtime
    return load_connector(path)
