"""Tells JSON that names a field twice, of which a reader keeps one value: something would be lost."""

from __future__ import annotations

import json
import re
from typing import Any

import msgspec

_ODD_QUOTE = re.compile(rb"\\u0022")


def has_key_twice(raw: bytes, value: Any) -> bool:
    """Say whether an object in ``raw``, which was read as ``value``, holds a key twice."""
    if has_keys_once(raw, value):
        return False
    try:
        json.loads(raw.decode("utf-8", "replace"), strict=False, object_pairs_hook=_once)
    except KeyError:
        return True
    return False


def has_keys_once(raw: bytes, value: Any) -> bool:
    """Say whether ``raw``, which was read as ``value``, surely holds no key twice, at a quick look.

    Where ``value`` is written again and has as many quotes, which a key that was dropped had two of, it does
    not, unless a quote is written as no encoder of ours does. Several objects may be looked at as a list.
    """
    try:
        written = msgspec.json.encode(value)
    except (UnicodeEncodeError, RecursionError):  # halves of characters, and what nests absurdly deep
        return False
    return raw.count(b'"') == written.count(b'"') and not _ODD_QUOTE.search(raw)


def _once(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise KeyError
    return found
