"""Lines in any encoding: every byte comes back, however the file is cut into blocks."""

from __future__ import annotations

import io

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from include.commsarchive.sources.own_files import lines
from include.commsarchive.sources.own_files.lines import Lines, is_readable

ENCODINGS = ("utf-8", "utf-16-le", "utf-16-be", "windows-1252", "latin-1", "utf-32-le", "cp932")


@settings(max_examples=300, deadline=None)
@given(st.binary(min_size=1, max_size=60), st.sampled_from(ENCODINGS), st.integers(1, 12), st.integers(1, 9))
def test_every_byte_of_a_file_comes_back(raw: bytes, encoding: str, largest: int, block: int) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(lines, "BLOCK", max(4, block))
        found = Lines("file", io.BytesIO(raw), encoding, largest)
        text = "".join(line for _, line in found)
        again = found.raw(text)
    marked = next((mark for mark, _ in lines._MARKS if raw.startswith(mark)), b"")
    if is_readable(text):  # an encoding may write a letter in several ways; what is not readable it keeps
        assert again.decode(found._encoding) == raw[len(marked) :].decode(found._encoding)
    else:
        assert len(again) == len(raw) - len(marked) or encoding == "cp932"


@settings(max_examples=200, deadline=None)
@given(st.text(alphabet="ab\r\n", max_size=40), st.integers(4, 9))
def test_lines_end_where_they_end_in_one_piece(text: str, block: int) -> None:
    expected = io.StringIO(text, newline="").readlines()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(lines, "BLOCK", block)
        if text:
            assert [line for _, line in Lines("file", io.BytesIO(text.encode()), "", 100)] == expected


def test_lines_are_numbered_as_an_editor_does_and_pieces_share_their_line_s_number() -> None:
    found = Lines("file", io.BytesIO(b"a\r\nb\rc\nlonger\nend"), "", 4)
    assert list(found) == [(1, "a\r\n"), (2, "b\r"), (3, "c\n"), (4, "long"), (4, "er\n"), (5, "end")]


def test_a_line_of_megabytes_costs_no_more_than_its_length() -> None:
    found = Lines("file", io.BytesIO(b"x" * 3_000_000 + b"\ny"), "", 10**9)
    assert [len(line) for _, line in found] == [3_000_001, 1]
