"""Ids are hashes of text parts, each with its length in bytes before it."""

from __future__ import annotations

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from include.commsarchive.ids import digest


@given(st.lists(st.text(alphabet="a1:é☕\ud800😀", max_size=4), max_size=4))
def test_parts_are_hashed_with_their_lengths_in_bytes(parts: list[str]) -> None:
    raw = [part.encode("utf-8", "surrogatepass") for part in parts]
    content = b"".join(str(len(part)).encode() + b":" + part for part in raw)
    assert digest(*parts) == hashlib.sha256(content).hexdigest()[:32]


@pytest.mark.parametrize(("one", "other"), [(("ab", "c"), ("a", "bc")), (("é",), ("e", "")), ((), ("",))])
def test_other_parts_make_another_id(one: tuple[str, ...], other: tuple[str, ...]) -> None:
    assert digest(*one) != digest(*other)
