"""Requests made from an OpenAPI document: as it says, and a little beside it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from hypothesis import strategies as st

Schema = dict[str, Any]

ODD = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.text(max_size=8),
    st.just([]),
    st.just({}),
    st.just("\u0000"),
    st.just("9" * 40),
)
TEXT = st.text(st.characters(codec="utf-8", exclude_categories=["Cs"]), max_size=30)


@dataclass(frozen=True)
class Operation:
    """One method of one path."""

    document: Schema
    method: str
    path: str

    @property
    def said(self) -> Schema:
        found: Schema = self.document["paths"][self.path][self.method]
        return found

    def __str__(self) -> str:
        return f"{self.method.upper()} {self.path}"

    def values(
        self, place: str, known: dict[str, list[Any]], *, odd: bool
    ) -> st.SearchStrategy[dict[str, Any]]:
        """Values of the parameters at a place, known ones first; odd ones beside them on request."""
        required: dict[str, st.SearchStrategy[Any]] = {}
        optional: dict[str, st.SearchStrategy[Any]] = {}
        for parameter in self.said.get("parameters", ()):
            if parameter["in"] == place:
                some = known.get(parameter["name"])
                value = st.sampled_from(some) if some else self.strategy(parameter["schema"])
                kind = required if parameter.get("required") else optional
                kind[parameter["name"]] = value | ODD if odd else value
        return st.fixed_dictionaries(required, optional=optional)

    def body(self, known: list[Any], *, odd: bool) -> st.SearchStrategy[Any]:
        """A known body, or one as described; on request with an odd value somewhere, or odd altogether."""
        content = self.said.get("requestBody", {}).get("content", {})
        if not content:
            return st.none()
        described = TEXT if "text/csv" in content else self.strategy(content["application/json"]["schema"])
        good = st.sampled_from(known) if known else described
        return st.one_of(described, ODD, good.flatmap(_with_something_odd)) if odd else good

    def strategy(self, schema: Schema) -> st.SearchStrategy[Any]:
        schema = self.resolved(schema)
        if "anyOf" in schema:
            return st.one_of(*(self.strategy(one) for one in schema["anyOf"]))
        if "enum" in schema or "const" in schema:
            return st.sampled_from(schema.get("enum") or [schema["const"]])
        makers: dict[str, Callable[[Schema], st.SearchStrategy[Any]]] = {
            "string": _string,
            "integer": lambda one: st.integers(one.get("minimum", -(2**70)), one.get("maximum", 2**70)),
            "number": lambda one: st.floats(one.get("minimum"), allow_nan=False, allow_infinity=False),
            "boolean": lambda _: st.booleans(),
            "null": lambda _: st.none(),
            "array": lambda one: st.lists(self.strategy(one.get("items", {})), max_size=3),
            "object": self._object,
        }
        kind = schema.get("type")
        return makers[kind](schema) if kind in makers else ODD

    def _object(self, schema: Schema) -> st.SearchStrategy[dict[str, Any]]:
        named = {name: self.strategy(one) for name, one in schema.get("properties", {}).items()}
        must = set(schema.get("required", ()))
        return st.fixed_dictionaries(
            {name: one for name, one in named.items() if name in must},
            optional={name: one for name, one in named.items() if name not in must},
        )

    def resolved(self, schema: Schema) -> Schema:
        while "$ref" in schema:
            schema = self.document["components"]["schemas"][schema["$ref"].rsplit("/", 1)[-1]]
        return schema


def operations(document: Schema) -> Iterator[Operation]:
    for path, methods in document["paths"].items():
        for method in methods:
            yield Operation(document, method, path)


def _string(schema: Schema) -> st.SearchStrategy[str]:
    if schema.get("format") == "date":
        return st.dates().map(str)
    if "pattern" in schema:
        return st.from_regex(str(schema["pattern"]), fullmatch=True).map(
            lambda text: text[: schema.get("maxLength", 999)]
        )
    return TEXT


def _with_something_odd(body: Any) -> st.SearchStrategy[Any]:
    if not isinstance(body, dict) or not body:
        return ODD
    return st.tuples(st.sampled_from(sorted(body)), ODD).map(lambda change: {**body, change[0]: change[1]})
