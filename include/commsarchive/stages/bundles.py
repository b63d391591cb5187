"""Which files a day's export consists of, and which of them are read together."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable

from include.commsarchive.collect.completeness import Expected
from include.commsarchive.collect.drawn import drawn_name
from include.commsarchive.connector import Connector
from include.commsarchive.sources.base import Claim, Enclosing, Role, Source
from include.commsarchive.stages.run import Bundle

_ARCHIVES = (".tar", ".tar.gz", ".tgz")


def expected_export(connector: Connector, source: Source, day: dt.date) -> Expected:
    """Say what a day's export looks like on the server."""
    rules = connector.collect
    if rules.drawn:
        return Expected(day, lambda _: False, (drawn_name(connector.name, day, with_files=rules.with_files),))
    return Expected(day, lambda name: source.claim(name) is not None, rules.files, rules.manifest)


def bundles_of(source: Source, names: Iterable[str]) -> list[Bundle]:
    """Group clear file names into bundles, by name; parts within a bundle are in their order.

    A name that the source does not claim was asked for explicitly (a connector's pattern, a command
    line): such files form one bundle, ``files``: tars as attachments, zips as content with attachments, and
    all else as content.
    """
    grouped: dict[str, list[tuple[int, str, Role]]] = {}
    for name in names:
        claim = source.claim(name) or _unclaimed(source, name)
        grouped.setdefault(claim.bundle, []).append((claim.order, name, claim.role))
    return [
        Bundle(bundle, _of(Role.CONTENT, parts), _of(Role.ATTACHMENTS, parts))
        for bundle, parts in sorted(grouped.items())
    ]


def _unclaimed(source: Source, name: str) -> Claim:
    if name.endswith(_ARCHIVES):
        return Claim("files", Role.ATTACHMENTS)
    both = name.endswith(".zip") or isinstance(source, Enclosing)
    return Claim("files", Role.CONTAINER if both else Role.CONTENT)


def _of(role: Role, parts: list[tuple[int, str, Role]]) -> tuple[str, ...]:
    return tuple(name for _, name, own in sorted(parts) if own in (role, Role.CONTAINER))
