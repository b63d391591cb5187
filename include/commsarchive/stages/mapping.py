"""The user mapping in force: the files as they are now when they are good, else the last good version."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import msgspec
from upath import UPath

from include.commsarchive.connector import Connector
from include.commsarchive.errors import Fatal
from include.commsarchive.ids import digest
from include.commsarchive.ledger.base import Ledger
from include.commsarchive.mapping.resolve import Resolver
from include.commsarchive.mapping.snapshot import Snapshot

PROJECT = Path(__file__).resolve().parents[3]
"""Relative paths in a connector's file start here."""


@dataclass(frozen=True, slots=True)
class InForce:
    """The rules of a run, and what is wrong with the files as they are now.

    ``problems`` are one line each (file, row, what is wrong); when there are any, the last good
    version of that file is in force.
    """

    resolver: Resolver
    problems: tuple[str, ...]


def mapping_in_force(connector: Connector, ledger: Ledger) -> InForce:
    """Read and check a connector's mapping and scope files; keep each good version in the ledger.

    Raises:
        Fatal: a file cannot be read or has bad rows, and no good version of it was ever in force.
    """
    rules = connector.mapping
    problems: list[str] = []
    custom, scope = Snapshot(), None
    if rules.custom:
        from include.commsarchive.mapping.table import read_mapping  # noqa: PLC0415 - it brings pandas

        content, fault = _content(rules.custom)
        table = read_mapping(content)
        faults = fault or _lines(rules.custom, table.problems)
        body = table.snapshot.to_json()
        custom = Snapshot.from_json(_good(connector.name, ledger, "custom", body, faults, problems))
    if rules.scope != "all":
        from include.commsarchive.mapping.table import read_scope  # noqa: PLC0415

        content, fault = _content(rules.scope)
        listed = read_scope(content)
        faults = fault or _lines(rules.scope, listed.problems)
        body = msgspec.json.encode(listed.mailboxes).decode()
        kept = _good(connector.name, ledger, "scope", body, faults, problems)
        scope = msgspec.json.decode(kept, type=list[str])
    resolver = Resolver(
        custom,
        automatic=rules.automatic,
        domains=rules.domains,
        scope=scope,
        third_party_mailbox=rules.third_party_mailbox,
    )
    return InForce(resolver, tuple(problems))


def _content(path: str) -> tuple[bytes, list[str]]:
    """Read a file; one that cannot be read is a fault like a bad row."""
    try:
        return bytes((UPath(path) if "://" in path else PROJECT / path).read_bytes()), []
    except OSError as error:
        return b"", [f"{path}: cannot be read: {error.strerror or error}; mend the path or its permissions"]


def _lines(path: str, problems: Iterable[object]) -> list[str]:
    return [f"{path}: {problem}" for problem in problems]


def _good(
    connector: str, ledger: Ledger, kind: str, body: str, faults: list[str], problems: list[str]
) -> str:
    """Put a faultless body in force and give it; with faults, give the one that is in force."""
    if not faults:
        ledger.keep_mapping(connector, kind, digest("mapping", body), body)
        return body
    problems += faults
    last = ledger.mapping(connector, kind)
    if not last:
        raise Fatal(" | ".join([*faults[:20], "no good version was ever in force: mend this first"]))
    return last
