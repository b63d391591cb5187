"""Restrictions, orders and pages: what FindItem and FindFolder have in common."""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeVar

from tests.servers.ews import properties as p
from tests.servers.ews.contents import Folder, Item
from tests.servers.ews.fields import parse_like
from tests.servers.ews.names import Element, M, elements, flag, local, tag
from tests.servers.ews.properties import Key, Value
from tests.servers.ews.refusals import EwsError

Thing = TypeVar("Thing")
Look = Callable[[Element], Callable[[Thing], Value | None]]
Test = Callable[[Thing], bool]

_COMPARE: dict[str, Callable[[Any, Any], bool]] = {
    "IsEqualTo": operator.eq,
    "IsNotEqualTo": operator.ne,
    "IsGreaterThan": operator.gt,
    "IsGreaterThanOrEqualTo": operator.ge,
    "IsLessThan": operator.lt,
    "IsLessThanOrEqualTo": operator.le,
}


def restriction(expression: Element, look: Look[Thing]) -> Test[Thing]:
    """A test from a search expression; ``look`` says how to get what a path names."""
    name, parts = local(expression), elements(expression)
    if name in {"And", "Or"}:
        tests = [restriction(part, look) for part in parts]
        every = all if name == "And" else any
        return lambda thing: every(test(thing) for test in tests)
    if name == "Not":
        test = restriction(parts[0], look)
        return lambda thing: not test(thing)
    get = look(parts[0])
    if name == "Exists":
        return lambda thing: get(thing) is not None
    if name == "Excludes":
        mask = int(parts[1].get("Value", "0"), 0)
        return lambda thing: isinstance(found := get(thing), int) and not found & mask
    if name == "Contains":
        return _contains(expression, get, parts[1].get("Value", ""))
    return _comparison(_COMPARE[name], get, parts[1], look)


def _contains(expression: Element, get: Callable[[Thing], Value | None], wanted: str) -> Test[Thing]:
    folded = expression.get("ContainmentComparison", "Exact") not in {"Exact", "IgnoreNonSpacingCharacters"}
    mode = expression.get("ContainmentMode", "FullString")
    wanted = wanted.casefold() if folded else wanted

    def test(thing: Thing) -> bool:
        found = get(thing)
        if not isinstance(found, str):
            return False
        text = found.casefold() if folded else found
        if mode == "FullString":
            return text == wanted
        return text.startswith(wanted) if mode == "Prefixed" else wanted in text

    return test


def _comparison(
    compare: Callable[[Any, Any], bool],
    get: Callable[[Thing], Value | None],
    other: Element,
    look: Look[Thing],
) -> Test[Thing]:
    right = elements(other)[0]
    if local(right) != "Constant":
        get_other = look(right)
        return lambda thing: (
            None not in (get(thing), get_other(thing)) and compare(get(thing), get_other(thing))
        )
    text = right.get("Value", "")

    def test(thing: Thing) -> bool:
        found = get(thing)
        if found is None or isinstance(found, tuple):
            return compare is operator.ne
        return compare(found, parse_like(found, text))

    return test


def exact_values(expression: Element) -> tuple[Key, list[str]] | None:
    """The property and the texts of a restriction that is one equality, or several of one property by Or."""
    parts = elements(expression) if local(expression) == "Or" else [expression]
    found: list[tuple[Key, str]] = []
    for part in parts:
        inner = elements(part)
        if local(part) != "IsEqualTo" or local(inner[0]) != "ExtendedFieldURI":
            return None
        constant = elements(inner[1])[0]
        if local(constant) != "Constant" or inner[0].get("PropertyType") != "String":
            return None
        found.append((p.read_uri(inner[0]), constant.get("Value", "")))
    keys = {key for key, _ in found}
    return (keys.pop(), [text for _, text in found]) if len(keys) == 1 else None


def found_in(folder: Folder, request: Element, look: Look[Item], most_nodes: int) -> list[Item]:
    """Items of a folder that pass a request's restriction.

    Raises:
        EwsError: it is longer than the server evaluates (reference of ResponseCode: 255 nodes).
    """
    holder = request.find(f"{M}Restriction")
    if holder is None:
        return list(folder.contents.values())
    if sum(1 for _ in holder.iterdescendants()) > most_nodes:
        raise EwsError("ErrorRestrictionTooLong")
    expression = elements(holder)[0]
    if exact := exact_values(expression):
        key, texts = exact
        hits = {item.id: item for text in texts for item in folder.by_value(key, text)}
        return list(hits.values())
    test = restriction(expression, look)
    return [item for item in folder.contents.values() if test(item)]


def ordered(items: list[Item], request: Element, look: Look[Item]) -> list[Item]:
    """Items in the order asked for; otherwise the newest first, as Outlook shows them."""
    orders = elements(request.find(f"{M}SortOrder"))
    if not orders:
        return sorted(items, key=lambda item: item.received, reverse=True)
    for order in reversed(orders):
        get = look(elements(order)[0])
        down = order.get("Order") == "Descending"
        items = sorted(items, key=partial(_rank, get), reverse=down)
    return items


def _rank(get: Callable[[Item], Value | None], item: Item) -> tuple[bool, Any]:
    value = get(item)
    return value is not None, 0 if value is None else value


@dataclass(frozen=True)
class Page:
    """A part of what was found, with what the server says of the whole."""

    things: Sequence[Any]
    next_offset: int
    last: bool
    total: int

    def root_folder(self, inner: str) -> str:
        return tag(
            "m:RootFolder",
            inner,
            IndexedPagingOffset=str(self.next_offset),
            TotalItemsInView=str(self.total),
            IncludesLastItemInRange=flag(self.last),
        )


def page(things: Iterable[Any], view: Element | None, limit: int) -> Page:
    """The page that a view asks for, of at most ``limit`` things, however many it asks for.

    Raises:
        EwsError: there are more and no page was asked for.
    """
    every = list(things)
    if view is None:
        if len(every) > limit:
            raise EwsError("ErrorExceededFindCountLimit")
        return Page(every, len(every), last=True, total=len(every))
    size = min(int(view.get("MaxEntriesReturned", limit)), limit)
    offset = int(view.get("Offset", "0"))
    if view.get("BasePoint") == "End":
        end = max(0, len(every) - offset)
        start = max(0, end - size)
        return Page(every[start:end], len(every) - start, last=start == 0, total=len(every))
    end = min(len(every), offset + size)
    return Page(every[offset:end], max(end, offset), last=end >= len(every), total=len(every))
