"""Ids as Symphony's APIs write them: base64, its URL form or percent-encoded. Section 5.2."""

from __future__ import annotations

from functools import lru_cache
from urllib.parse import unquote


@lru_cache(maxsize=65_536)
def same(native: str) -> str:
    """Give the one spelling of an id, whichever API it comes from."""
    return unquote(native).strip().replace("+", "-").replace("/", "_").rstrip("=")
