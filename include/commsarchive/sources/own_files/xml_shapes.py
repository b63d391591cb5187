"""Reads XML records that are written as one before was: the same tags in the same order, and texts in them.

Whatever is written otherwise is left to a parser.
"""

from __future__ import annotations

import re

from include.commsarchive.sources.own_files.tree import Tree

_NAME = r"[A-Za-z_][\w.:-]*"
_SPACE = r"[ \t\n]*"
_FLAT = re.compile(
    rf"<({_NAME})((?: {_NAME}=\"[^\"<]*\")*)>"
    rf"((?:{_SPACE}<({_NAME})(?:/>|>[^<]*</\4>))+){_SPACE}</\1>{_SPACE}",
    re.ASCII,
)
_ATTRIBUTE = re.compile(rf" ({_NAME})=\"", re.ASCII)
_FIELD = re.compile(rf"<({_NAME})/?>", re.ASCII)
_ODD = bytes({*range(0x20), *b"&"} - {*b"\t\n"})
"""What is to be resolved or may not be: no usual record holds it."""
_MOST = 8
"""Shapes that are tried."""


class Shapes:
    """The shapes of one file's records."""

    def __init__(self) -> None:
        """Begin with none."""
        self._shapes: list[tuple[re.Pattern[str], list[str]]] = []

    def read(self, raw: bytes) -> Tree | None:
        """Read a record; None where it has no known shape, or may be no sound XML."""
        if not self._shapes or len(raw.translate(None, _ODD)) < len(raw):
            return None
        if (b"]" in raw and b"]]>" in raw) or (b"\xef" in raw and b"\xef\xbf" in raw):  # quick looks first
            return None
        try:
            text = raw.decode()
        except UnicodeDecodeError:
            return None
        for shape, names in self._shapes:
            if found := shape.fullmatch(text):
                return dict(zip(names, found.groups("")))  # noqa: B905 - they are as many
        return None

    def learn(self, raw: bytes, tree: Tree | None) -> None:
        """Learn the shape of a record that a parser read as a tree, if it is a plain one."""
        flat = _FLAT.fullmatch(raw.decode("utf-8", "replace")) if len(self._shapes) < _MOST else None
        if not flat:
            return
        attributes, fields = _ATTRIBUTE.findall(flat[2]), _FIELD.findall(flat[3])
        names = [
            mark + name.rpartition(":")[2]
            for mark, found in (("@", attributes), ("", fields))
            for name in found
        ]
        shape = "".join(
            (
                f"<{re.escape(flat[1])}",
                *(rf" {re.escape(name)}=\"([^\"<\t\n]*)\"" for name in attributes),
                ">",
                *(rf"{_SPACE}<{re.escape(name)}(?:>([^<]*)</{re.escape(name)}>|/>)" for name in fields),
                f"{_SPACE}</{re.escape(flat[1])}>{_SPACE}",
            )
        )
        self._shapes.append((re.compile(shape), names))
        if self.read(raw) != tree:
            del self._shapes[-1]
