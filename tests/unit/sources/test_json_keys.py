from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from include.commsarchive.sources.json_keys import has_key_twice

texts = st.text(max_size=6) | st.sampled_from(['":', '"', "\\", '\\":', "a"])
values: st.SearchStrategy[object] = st.recursive(
    st.none() | st.booleans() | st.integers() | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
)
separators = st.sampled_from([(",", ":"), (", ", ": "), (",", " : "), (" ,", "\n:")])


@pytest.mark.parametrize(
    "raw",
    [
        b'{"a": 1, "a": 2}',
        b'{"a":1,"a":1}',
        b'{"b":{"a":1,"\\u0061":2}}',
        b'[{"a":1},{"a" :1,"b":2,"a":3}]',
        b'{"a":"\\u0022:","b":1,"b":2}',
        b'{"a":"\\ud800","b":1,"b":2}',
    ],
)
def test_a_key_that_is_there_twice_is_found(raw: bytes) -> None:
    assert has_key_twice(raw, json.loads(raw))


@given(values, separators, st.booleans())
def test_no_key_is_twice_in_what_a_writer_wrote(
    value: object, marks: tuple[str, str], as_ascii: bool
) -> None:
    text = json.dumps(value, separators=marks, ensure_ascii=as_ascii)
    assert not has_key_twice(text.encode("utf-8", "replace"), value)


@given(values, texts, texts, separators, st.booleans())
def test_a_key_that_is_put_in_once_more_is_found(
    value: object, key: str, other: str, marks: tuple[str, str], as_ascii: bool
) -> None:
    told = [json.dumps(one, separators=marks, ensure_ascii=as_ascii) for one in (key, value, other)]
    raw = f"{{{told[0]}{marks[1]}{told[1]}{marks[0]}{told[0]}{marks[1]}{told[2]}}}".encode("utf-8", "replace")
    assert has_key_twice(raw, json.loads(raw))


def test_half_a_character_is_no_fault() -> None:
    assert not has_key_twice(b'{"a":"\\ud800"}', {"a": "\ud800"})
