"""The user mapping in force: the files as they are now when they are good, else the last good version."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import msgspec
from upath import UPath

from include.commsarchive.connector import UPLOADED, Connector
from include.commsarchive.directory.base import Directory
from include.commsarchive.errors import Fatal, Retriable
from include.commsarchive.ids import digest
from include.commsarchive.ledger.base import Ledger
from include.commsarchive.mapping.resolve import Resolver
from include.commsarchive.mapping.snapshot import Snapshot
from include.commsarchive.mapping.users import Users

PROJECT = Path(__file__).resolve().parents[3]
"""Relative paths in a connector's file start here."""


@dataclass(frozen=True, slots=True)
class InForce:
    """The rules of a run, and what is wrong with the files as they are now.

    ``problems`` are one line each (file, row, what is wrong); when there are any, the last good
    version of that file is in force. ``versions`` names the version in force of each kind of file.
    """

    resolver: Resolver
    problems: tuple[str, ...]
    versions: Mapping[str, str] = field(default_factory=dict)


def mapping_in_force(connector: Connector, ledger: Ledger, directory: Directory | None = None) -> InForce:
    """Read and check a connector's mapping and scope files and its directory; keep each good version.

    Raises:
        Fatal: a file or the directory cannot be read or has bad rows, and no good version was ever in force;
            or the directory does not know what the scope asks.
        Retriable: the directory cannot be read now, and no good version was ever in force.
    """
    rules = connector.mapping
    problems: list[str] = []
    bodies: dict[str, str] = {}
    custom, scope = Snapshot(), None
    if rules.custom and (body := _custom(connector, ledger, problems)):
        bodies["custom"] = body
        custom = Snapshot.from_json(body)
    if rules.pilot or rules.scope != "all":
        bodies["scope"] = _scope(connector, ledger, problems)
        scope = msgspec.json.decode(bodies["scope"], type=list[str])
    users = _users(connector, ledger, directory, problems) if rules.directory else None
    if users:
        bodies["directory"] = users.to_json()
    resolver = Resolver(
        custom,
        automatic=rules.automatic,
        domains=rules.domains,
        scope=users.in_scope(scope, rules.groups, on_hold=rules.on_hold) if users else scope,
        third_party_mailbox=rules.third_party_mailbox,
        directory=users,
    )
    versions = {kind: version_of(body) for kind, body in bodies.items()}
    return InForce(resolver, tuple(problems), versions)


def version_of(body: str) -> str:
    """Name what the ledger keeps by its content."""
    return digest("mapping", body)


def keep_definition(connector: Connector, ledger: Ledger) -> str:
    """Keep a connector's definition as a run uses it, for ever; give the name of this version.

    It holds the names of connections, never what they say.
    """
    body = msgspec.json.encode(connector.model_dump(mode="json"), order="deterministic").decode()
    ledger.keep_mapping(connector.name, "connector", version_of(body), body)
    return version_of(body)


def _custom(connector: Connector, ledger: Ledger, problems: list[str]) -> str:
    """Give the custom mapping in force: what was uploaded, or what the file says."""
    path = connector.mapping.custom
    if path == UPLOADED:
        kept = ledger.mapping(connector.name, "custom")
        problems += [] if kept else ["`mapping.custom`: no mapping was uploaded yet; upload one"]
        return kept
    from include.commsarchive.mapping.table import read_mapping  # noqa: PLC0415 - it brings pandas

    content, fault = content_of(path)
    table = read_mapping(content)
    faults = fault or _lines(path, table.problems)
    return _good(connector.name, ledger, "custom", table.snapshot.to_json(), faults, problems)


def _scope(connector: Connector, ledger: Ledger, problems: list[str]) -> str:
    """Give the custodians in scope, as the definition or a file lists them."""
    rules = connector.mapping
    listed, faults = tuple(sorted({one.lower() for one in rules.pilot})), list[str]()
    if not rules.pilot:
        from include.commsarchive.mapping.table import read_scope  # noqa: PLC0415 - it brings pandas

        content, fault = content_of(rules.scope)
        table = read_scope(content)
        listed, faults = table.mailboxes, fault or _lines(rules.scope, table.problems)
    return _good(connector.name, ledger, "scope", msgspec.json.encode(listed).decode(), faults, problems)


def _users(connector: Connector, ledger: Ledger, directory: Directory | None, problems: list[str]) -> Users:
    """Read the directory, whole; give the last good version where it cannot be read."""
    rules = connector.mapping
    users, faults = Users(()), [f"directory {rules.directory}: names nobody; check what it may see"]
    try:
        users = Users(tuple(directory.users(rules.groups) if directory else ()), rules.groups)
    except (Fatal, Retriable) as error:
        if isinstance(error, Retriable) and not ledger.mapping(connector.name, "directory"):
            raise
        faults = [f"directory {rules.directory}: {error}"]
    if users.users:
        faults = []
    kept = Users.from_json(_good(connector.name, ledger, "directory", users.to_json(), faults, problems))
    if lacking := sorted(set(rules.groups) - set(kept.groups)):
        raise Fatal(" | ".join([*faults, f"nothing is known yet of the group {', '.join(lacking)}"]))
    return kept


def content_of(path: str) -> tuple[bytes, list[str]]:
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
        ledger.keep_mapping(connector, kind, version_of(body), body)
        return body
    problems += faults
    last = ledger.mapping(connector, kind)
    if not last:
        raise Fatal(" | ".join([*faults[:20], "no good version was ever in force: mend this first"]))
    return last
