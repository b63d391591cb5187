"""A row as a tree of plain values, whatever it was read from, and the ways to its fields."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from collections.abc import Collection, Iterator, Sequence
from functools import lru_cache
from itertools import chain
from typing import Any

Tree = dict[str, Any]
TEXT = "#text"
"""Where an element with attributes or elements keeps its text."""
REPAIRED = "#repaired"
"""Where a row keeps what had to be mended before it could be read."""
_OWN = {TEXT, REPAIRED, ""}
"""Names that are no paths."""
OUTER = ".."
"""Where a row keeps the fields of the record that holds it."""


class Misfit(Exception):
    """A row that does not fit its profile: the field, what is wrong, and the remedy; never a value."""

    def __init__(self, field: str, why: str) -> None:
        """Name the field as the profile does."""
        super().__init__(f"field `{field}`: {why}")


def values_at(tree: Any, path: str) -> list[Any]:
    """Give what a path leads to: of each element, where there are lists on the way."""
    if isinstance(tree, dict) and path in tree:
        return _each(tree[path])
    found = [tree]
    for step in path.split("/"):
        if step != ".":
            found = [
                value for one in found if isinstance(one, dict) and step in one for value in _each(one[step])
            ]
    return found


def text_at(tree: Any, path: str) -> str:
    """Give the text of a field, ``""`` where it is not there or null.

    Raises:
        Misfit: it is a structure, or there are several.
    """
    if not path:
        return ""
    if type(tree) is dict and type(alone := tree.get(path)) is str:  # nearly always
        return alone
    if type(inner := _inner(tree, path)) is str:
        return inner
    found = [one for one in values_at(tree, path) if one is not None]
    if not found:
        return ""
    if len(found) > 1:
        raise Misfit(path, "holds several values; name one of them, or use `each`")
    value = found[0].get(TEXT, found[0]) if isinstance(found[0], dict) else found[0]
    if isinstance(value, dict):
        raise Misfit(path, "holds fields of its own; name one of them")
    return _plain(value)


def _inner(tree: Any, path: str) -> Any:
    """Give what a path leads to where that is plainly one value; else something that is no text."""
    if type(tree) is dict and path in tree:
        return None
    for step in _steps(path):
        if type(tree) is not dict:
            return None
        tree = tree.get(step)
    return tree


@lru_cache(maxsize=256)
def _steps(path: str) -> tuple[str, ...]:
    return tuple(step for step in path.split("/") if step != ".")


def leaves(tree: Any, path: str = "") -> Iterator[tuple[str, str]]:
    """Give all that is not empty in a tree, as path and text."""
    if isinstance(tree, dict):
        for name, value in tree.items():
            if name not in {TEXT, REPAIRED}:
                yield from leaves(value, f"{path}/{name}" if path else name)
            elif name == TEXT:
                yield from leaves(value, path)
    elif isinstance(tree, list):
        for value in tree:
            yield from leaves(value, path)
    elif tree is not None and str(tree).strip():
        yield path or ".", _plain(tree)


def residues_of(trees: Sequence[Tree], known: Collection[str]) -> list[str]:
    """Tell what of each row no field of the profile's is: ``name: value``, a line each."""
    names = set(map(tuple, trees))
    types = set(map(type, chain.from_iterable(map(dict.values, trees))))
    if len(names) > 1 or types != {str} or not _OWN.isdisjoint(trees[0]):
        return [_residue(tree, known) for tree in trees]
    rest = [name for name in trees[0] if name not in known]
    return ["\n".join([f"{name}: {tree[name]}" for name in rest if tree[name].strip()]) for tree in trees]


def _residue(tree: Tree, known: Collection[str]) -> str:
    rest = {name: one for name, one in tree.items() if name not in known or not isinstance(one, str)}
    return "\n".join(f"{path}: {text}" for path, text in leaves(rest) if path not in known)


def tree_of(element: ET.Element) -> Tree:
    """Make a tree of an element."""
    tree: Tree = {f"@{_local(name)}": value for name, value in element.attrib.items()}
    for child in element:
        name = _local(child.tag)
        value = _value(child)
        if name not in tree:
            tree[name] = value
        elif isinstance(tree[name], list):
            tree[name].append(value)
        else:
            tree[name] = [tree[name], value]
    own = "".join((element.text or "", *(child.tail or "" for child in element)))
    if own.strip():
        tree[TEXT] = "".join(element.itertext())
    return tree


def _value(element: ET.Element) -> Any:
    if len(element) or element.attrib:
        return tree_of(element)
    return element.text or ""


def _plain(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _each(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _local(tag: str) -> str:
    return tag.rpartition("}")[2]
