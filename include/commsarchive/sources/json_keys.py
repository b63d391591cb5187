"""Tells JSON that names a field twice, of which a reader keeps one value: something would be lost."""

from __future__ import annotations

import json
from contextlib import suppress
from typing import Any

import msgspec


def has_key_twice(raw: bytes, value: Any) -> bool:
    """Say whether an object in ``raw``, which was read as ``value``, holds a key twice.

    Where that is written again and has as many quotes, which a key that was dropped had two of, it does
    not: that is quick. Else, or where a quote is written as no encoder of ours does, it is read again with
    care.
    """
    with suppress(UnicodeEncodeError, RecursionError):  # halves of characters, and what nests absurdly deep
        if raw.count(b'"') == msgspec.json.encode(value).count(b'"') and b"\\u0022" not in raw:
            return False
    try:
        json.loads(raw.decode("utf-8", "replace"), strict=False, object_pairs_hook=_once)
    except KeyError:
        return True
    return False


def _once(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise KeyError
    return found
