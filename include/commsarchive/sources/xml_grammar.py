"""What a record cutter must know of a format: names."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

PREFIX = rb"(?:[\w.-]+:)?"
"""A namespace prefix, or none."""
ATTRIBUTES = rb"""((?:[^<>"']++|"[^"]*+"|'[^']*+')*+)"""
"""The rest of a start tag up to ``>``, as one group; it ends in ``/`` where the element is empty."""


@dataclass(frozen=True, slots=True)
class Grammar:
    """Local names: the record's, the root's, of the leaves beside records, of the leaves in a record.

    Case and prefixes differ between producers and do not count. Whatever else is in a record is an
    event. ``carry`` makes what the next part of a long record must know, from this part's bytes and
    the context that it had. ``lists`` hold events one level down: they are opened again in every part.
    """

    record: str
    root: str
    beside: tuple[str, ...]
    leaves: tuple[str, ...]
    carry: Callable[[bytes, Mapping[str, str]], dict[str, str]]
    lists: tuple[str, ...] = ()
