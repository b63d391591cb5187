"""Long lines are found wherever they are."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from include.commsarchive.message.lines import lines_fit


@given(st.text(alphabet="a\n", max_size=40), st.integers(1, 8))
def test_a_text_fits_when_each_of_its_lines_does(text: str, longest: int) -> None:
    assert lines_fit(text, longest) == all(len(line) <= longest for line in text.split("\n"))


@pytest.mark.parametrize("long", ["x" * 6, "\n" + "x" * 6 + "\n", "x\n" * 9 + "x" * 6])
def test_one_character_too_many_is_seen(long: str) -> None:
    assert lines_fit(long, 6)
    assert not lines_fit(long, 5)
