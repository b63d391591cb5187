"""What is wrong with the keys that a person wrote. Values may be secrets: none is told."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from difflib import get_close_matches
from typing import Any

Fault = tuple[str, str, str]

_STRANGE = ("extra_forbidden", "unexpected_keyword_argument")
_WORDS = {
    "missing": ("is missing", "add this key"),
    "missing_keyword_only_argument": ("is missing", "add this key"),
    "tuple_type": ("is no list", "write a list, as [bank.example]"),
}


def explain(errors: Iterable[Any], whole: str = "", schema: Any = None) -> list[Fault]:
    """Say of each of pydantic's errors the key, what is wrong and the remedy, which may be in what is wrong.

    ``whole`` is what was written, as a connector; ``schema`` is its JSON schema, for the keys there are.
    """
    return [_explained(fault, whole or "what is asked", schema or {}) for fault in errors]


def in_words(faults: Iterable[Fault]) -> str:
    """Say all of them in a line."""
    told = (
        f"key `{key}`: {what}; {remedy}" if remedy else f"key `{key}`: {what}" for key, what, remedy in faults
    )
    return " | ".join(dict.fromkeys(told))


def _explained(fault: Any, whole: str, schema: Any) -> Fault:
    place = fault["loc"]
    key = ".".join(map(str, place)) or "(file)"
    if fault["type"] in _STRANGE:
        alike = get_close_matches(str(place[-1]), _keys_beside(place, schema), 1)
        remedy = f"did you mean `{alike[0]}`?" if alike else "remove this key or mend its spelling"
        return key, f"is no key of {whole}", remedy
    plain = fault["msg"].removeprefix("Value error, ")
    remedy = "" if fault["type"] == "value_error" else "mend this value"
    return (key, *_WORDS.get(fault["type"], (f"{plain[:1].lower()}{plain[1:]}", remedy)))


def _keys_beside(place: Sequence[str | int], schema: Any) -> list[str]:
    """Name the keys that there are where a path leads."""
    level = schema
    for part in place[:-1]:
        found = level.get("properties", {}).get(part, {})
        for one in (found, found.get("items", {}), *found.get("anyOf", ())):
            if "$ref" in one:
                level = schema["$defs"][one["$ref"].rpartition("/")[2]]
    return list(level.get("properties", ()))
