"""Rows are read many at a time and the ordinary ones quickly; one by one and with care they say the same."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from typing import Any
from xml.sax.saxutils import escape

import pytest
from hypothesis import given
from hypothesis import strategies as st

from include.commsarchive.sources.own_files.mapper import Mapper
from include.commsarchive.sources.own_files.tree import Misfit, residues_of, text_at, tree_of
from include.commsarchive.sources.own_files.xml_shapes import Shapes
from tests.unit.sources.golden_exports import kept, names
from tests.unit.sources.golden_exports import read as golden

ROOM = "include.commsarchive.sources.own_files"
KNOWN = b'<row id="1"><room>r</room> <p:who>w</p:who><cc/></row>'
PIECES = (b"<", b">", b"/", b'"', b"'", b"&", b"&amp;", b"]]>", b"\r", b"\n", b"\0", b"\xff", b"<!--", b"-->")
texts = st.text(max_size=4) | st.sampled_from(
    ("]]>", "\ufffe", "\r", "\u2028", "&#13;", "'", "#text", "#repaired", "a")
)
values = st.recursive(
    st.none() | st.booleans() | texts,
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(texts, inner, max_size=2),
)


@pytest.fixture
def with_care(monkeypatch: pytest.MonkeyPatch) -> None:
    def one_by_one(name: str) -> None:
        whole = getattr(Mapper, name)

        def read(self: Mapper, trees: list[Any], *rest: object) -> object:
            if len(trees) > 1:
                raise Misfit("all", "are not read at once here")
            return whole(self, trees, *rest)

        monkeypatch.setattr(Mapper, name, read)

    one_by_one("keys")
    one_by_one("read")
    monkeypatch.setattr(f"{ROOM}.delimited._Reader._alone", lambda *_: None)
    monkeypatch.setattr(f"{ROOM}.json_rows._usual", lambda _: None)
    monkeypatch.setattr(f"{ROOM}.xml_rows._sound", lambda raws, *_: [None] * len(raws))


@pytest.mark.usefixtures("with_care")
@pytest.mark.parametrize("name", [name for name in names() if name.startswith("own_files/")])
def test_with_care_goldens_are_read_as_expected(name: str) -> None:
    assert golden(name) == kept(name)


def parsed(raw: bytes) -> dict[str, Any]:
    root = ET.fromstring(b'<all xmlns:p="u">%b</all>' % raw)  # noqa: S314 - written here
    assert len(root) == 1
    return tree_of(root[0])


def shapes() -> Shapes:
    known = Shapes()
    known.learn(KNOWN, parsed(KNOWN))
    assert known.read(KNOWN) == parsed(KNOWN)
    return known


@given(st.tuples(texts, texts, texts, texts), st.booleans())
def test_a_record_of_a_known_shape_says_what_a_parser_reads(said: tuple[str, ...], escaped: bool) -> None:
    number, room, who, cc = (escape(text, {'"': "&quot;"}) if escaped else text for text in said)
    raw = f'<row id="{number}"><room>{room}</room><p:who>{who}</p:who>\n <cc>{cc}</cc>\n</row>'.encode()
    if (found := shapes().read(raw)) is not None:
        assert found == parsed(raw)


@given(st.lists(st.tuples(st.integers(0, len(KNOWN)), st.sampled_from(PIECES)), min_size=1, max_size=3))
def test_what_is_damaged_is_read_as_a_parser_does_or_left_to_it(changes: list[tuple[int, bytes]]) -> None:
    raw = KNOWN
    for at, piece in changes:
        raw = raw[:at] + piece + raw[at + 1 :]
    if (found := shapes().read(raw)) is not None:
        assert found == parsed(raw)


@pytest.mark.parametrize(
    "raw",
    [
        b"<row><room>a</room><room>b</room></row>",
        b"<row><room><b/>a</room></row>",
        b"<row>said<room>a</room></row>",
        b"<row><room a='1'>a</room></row>",
        b'<row xmlns:p="u"><room>a</room></row>',
        b'<row p:id="1" id="2"><room>a</room></row>',
    ],
)
def test_a_shape_that_is_no_plain_one_is_left_to_a_parser(raw: bytes) -> None:
    known = Shapes()
    known.learn(raw, parsed(raw))
    assert known.read(raw) in (None, parsed(raw))


@pytest.mark.parametrize(
    ("tree", "path", "text"),
    [
        ({"a": {"b": "inner"}}, "a/b", "inner"),
        ({"a/b": 1, "a": {"b": "inner"}}, "a/b", "1"),
        ({"a/b": None, "a": {"b": "inner"}}, "a/b", ""),
        ({"a": "own", ".": {"a": "other"}}, "./a", "own"),
        ({"a": [None, {"b": "one of a list"}]}, "a/b", "one of a list"),
        ({"a": {"b": {"#text": "with attributes", "@c": "1"}}}, "a/b", "with attributes"),
    ],
)
def test_a_path_leads_to_a_text_however_deep_it_is(tree: dict[str, Any], path: str, text: str) -> None:
    assert text_at(tree, path) == text


@given(
    st.lists(
        st.dictionaries(texts, texts, max_size=3) | st.dictionaries(texts, values, max_size=3), min_size=1
    )
)
def test_what_no_field_names_is_the_same_for_many_rows_as_for_each(trees: list[dict[str, Any]]) -> None:
    known = {"", "a", "b"}
    assert residues_of(trees, known) == [residues_of([tree, {"other": None}], known)[0] for tree in trees]
