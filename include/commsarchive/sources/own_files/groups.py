"""Puts rows of one conversation and day together, however they are mixed in the file, with flat memory.

Conversations that have been quiet longest are let go first when too much is held; what comes of them later
is their next part. A file of ordinary size is held whole, so that its conversations are.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Hashable, Iterator
from dataclasses import dataclass, field

from include.commsarchive.sources.base import Options

HELD = 64 * 1024 * 1024
"""Bytes of rows that are held at most."""


@dataclass(slots=True)
class _Group:
    rows: bytearray = field(default_factory=bytearray)
    """Rows, each with a comma behind it: much less memory than an object for each."""
    count: int = 0
    size: int = 0


class Groups:
    """Groups of rows, by key. What it gives are JSON texts: ``[part, [row, …]]``."""

    def __init__(self, options: Options, held: int = HELD) -> None:
        """Begin with none; a group beyond the options' limits is cut."""
        self._options = options
        self._most = held
        self._size = 0
        self._groups: dict[Hashable, _Group] = {}
        self._parts: dict[Hashable, int] = {}
        self._recent = OrderedDict[Hashable, None]()
        """Keys, the one that has been quiet longest first."""

    def add(self, key: Hashable, row: bytes) -> list[bytes]:
        """Add a row; give the groups that are let go for it."""
        done = []
        size = len(row)
        group = self._groups.get(key)
        if group is None:
            group = self._groups[key] = _Group()
            self._recent[key] = None
        elif group.count >= self._options.max_events or group.size + size > self._options.max_bytes:
            done.append(self._part(key, group))
            group = self._groups[key] = _Group()
        group.rows += row
        group.rows += b","
        group.count += 1
        group.size += size
        self._size += size
        self._recent.move_to_end(key)
        while self._size > self._most and len(self._recent) > 1:
            quiet, _ = self._recent.popitem(last=False)
            done.append(self._part(quiet, self._groups.pop(quiet)))
        return done

    def rest(self) -> Iterator[bytes]:
        """Give what is left, in the order of their first rows, and let go of it."""
        left = list(self._groups.items())
        self._groups.clear()
        left.reverse()
        while left:
            key, group = left.pop()
            yield self._part(key, group) if key in self._parts else _json(0, group.rows)

    def _part(self, key: Hashable, group: _Group) -> bytes:
        self._size -= group.size
        self._parts[key] = self._parts.get(key, 0) + 1
        return _json(self._parts[key], group.rows)


def _json(part: int, rows: bytearray) -> bytes:
    return b"".join((b"[%d,[" % part, memoryview(rows)[:-1], b"]]"))
