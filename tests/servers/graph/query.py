"""The query options of OData that Graph understands on mail and on the directory: filter, select, expand."""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Iterable
from typing import Any

from tests.servers.graph.properties import canonical
from tests.servers.graph.wire import GraphError, Json

Value = Callable[[Json], Any]
"""Reads or computes something of a resource; variables of lambdas stand beside its fields."""

EXTENDED = "singleValueExtendedProperties"

_TOKEN = re.compile(r"\s*(?:('(?:[^']|'')*')|([(),:])|([^\s(),:']+(?::\d\d[^\s(),']*)*))")
_OPERATORS: dict[str, Callable[[Any, Any], bool]] = {
    "eq": operator.eq,
    "ne": operator.ne,
    "gt": operator.gt,
    "ge": operator.ge,
    "lt": operator.lt,
    "le": operator.le,
}
_FUNCTIONS: dict[str, Callable[[str, str], bool]] = {
    "contains": operator.contains,
    "startswith": str.startswith,
    "endswith": str.endswith,
}
_ONE_KEY = rf"{EXTENDED}/any\(\s*(\w+)\s*:\s*\1/id eq '([^']*)' and \1/value eq '((?:[^']|'')*)'\s*\)"
_KEY = re.compile(_ONE_KEY, re.IGNORECASE)
_EXPANDED = re.compile(r"\bid eq '([^']*)'", re.IGNORECASE)


def bad_filter() -> GraphError:
    """What Graph says of a filter that it cannot read."""
    return GraphError(400, "BadRequest", "Invalid filter clause.")


def _fold(value: Any) -> Any:
    return value.lower() if isinstance(value, str) else value


class _Parser:
    """Turns a filter into a function: ``or`` binds weakest, then ``and``, then ``not``."""

    def __init__(self, text: str) -> None:
        self._tokens: list[str] = []
        place = 0
        while place < len(text.rstrip()):
            found = _TOKEN.match(text, place)
            if found is None:
                raise bad_filter()
            self._tokens.append(found[0].strip())
            place = found.end()

    def parse(self) -> Value:
        found = self._either()
        if self._tokens:
            raise bad_filter()
        return found

    def _take(self, wanted: str = "") -> str:
        if not self._tokens or (wanted and self._tokens[0] != wanted):
            raise bad_filter()
        return self._tokens.pop(0)

    def _next_is(self, word: str) -> bool:
        return bool(self._tokens) and self._tokens[0].lower() == word

    def _either(self) -> Value:
        parts = [self._both()]
        while self._next_is("or"):
            self._take()
            parts.append(self._both())
        return parts[0] if len(parts) == 1 else lambda scope: any(part(scope) for part in parts)

    def _both(self) -> Value:
        parts = [self._one()]
        while self._next_is("and"):
            self._take()
            parts.append(self._one())
        return parts[0] if len(parts) == 1 else lambda scope: all(part(scope) for part in parts)

    def _one(self) -> Value:
        if self._next_is("not"):
            self._take()
            inner = self._one()
            return lambda scope: not inner(scope)
        if self._next_is("("):
            self._take()
            inner = self._either()
            self._take(")")
            return inner
        return self._compared()

    def _compared(self) -> Value:
        left_text = self._tokens[0] if self._tokens else ""
        left = self._operand()
        if not self._tokens or self._tokens[0].lower() not in _OPERATORS:
            return left
        compare = _OPERATORS[self._take().lower()]
        right_text = self._tokens[0] if self._tokens else ""
        right = self._operand()
        if left_text.endswith("/id") and right_text.startswith("'") and " " in right_text:
            wanted = canonical(_unquoted(right_text))
            return lambda scope: compare(left(scope), wanted)
        return lambda scope: _compare(compare, left(scope), right(scope))

    def _operand(self) -> Value:
        token = self._take()
        if self._next_is("("):
            return self._called(token)
        if token.startswith("'"):
            text = _unquoted(token)
            return lambda _scope: text
        if token.lower() in {"true", "false", "null"}:
            word = {"true": True, "false": False}.get(token.lower())
            return lambda _scope: word
        if token[0].isdigit() or token[0] == "-":
            return lambda _scope: token if "T" in token else int(token)
        return _path(token)

    def _called(self, name: str) -> Value:
        self._take("(")
        collection, slash, function = name.rpartition("/")
        if slash and function.lower() == "any":
            return self._any(_path(collection))
        first = self._operand()
        self._take(",")
        second = self._operand()
        self._take(")")
        if name.lower() == "cast":
            return first
        if name.lower() not in _FUNCTIONS:
            raise bad_filter()
        test = _FUNCTIONS[name.lower()]
        return lambda scope: test(str(first(scope) or "").lower(), str(second(scope)).lower())

    def _any(self, collection: Value) -> Value:
        variable = self._take()
        self._take(":")
        inner = self._either()
        self._take(")")
        return lambda scope: any(inner({**scope, variable: one}) for one in collection(scope) or ())


def _compare(compare: Callable[[Any, Any], bool], left: Any, right: Any) -> bool:
    if isinstance(right, int) and not isinstance(right, bool) and isinstance(left, str):
        left = int(left)
    try:
        return compare(_fold(left), _fold(right))
    except TypeError:
        return False


def _unquoted(token: str) -> str:
    return token[1:-1].replace("''", "'")


def _path(text: str) -> Value:
    names = text.split("/")

    def read(scope: Json) -> Any:
        value: Any = scope
        for name in names:
            value = value.get(name) if isinstance(value, dict) else None
        return value

    return read


def matcher(text: str) -> Value:
    """A filter as a function of a resource's fields; extended properties stand among them.

    Names of properties are compared with case, values without: so says the documentation of Graph.
    """
    return _Parser(text).parse()


def wanted_keys(text: str) -> list[tuple[str, str]] | None:
    """The (property, value in lower case) pairs of a filter that is nothing but these, one or another.

    Such a filter is answered from an index, as a folder may hold many thousands of messages.
    """
    plain = _KEY.sub("K", text).replace(" ", "").replace("(", "").replace(")", "")
    if not re.fullmatch(r"K(?:orK)*", plain):
        return None
    return [(canonical(one[1]), one[2].replace("''", "'").lower()) for one in _KEY.findall(text)]


def expanded(text: str) -> tuple[list[str], bool]:
    """The extended properties that ``$expand`` asks for, and whether it asks for attachments."""
    return [canonical(one) for one in _EXPANDED.findall(text)], "attachments" in text.lower()


def selected(text: str, known: Iterable[str], kind: str) -> list[str]:
    """The fields that ``$select`` asks for, in Graph's spelling."""
    names = {name.lower(): name for name in known}
    asked = [one.strip().lower() for one in text.split(",") if one.strip()]
    for name in asked:
        if name not in names:
            raise GraphError(
                400,
                "BadRequest",
                f"Could not find a property named '{name}' on type 'microsoft.graph.{kind}'.",
            )
    return [names[name] for name in asked]
