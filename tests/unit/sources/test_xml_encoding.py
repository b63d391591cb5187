from __future__ import annotations

import codecs
import io

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from include.commsarchive.errors import Quarantine
from include.commsarchive.sources.xml_encoding import Utf8Stream

BODIES = {
    "utf-8": st.text(st.characters(exclude_categories=["Cs"]), max_size=40),
    "utf-16-le": st.text(st.characters(exclude_categories=["Cs"]), max_size=40),
    "utf-16-be": st.text(st.characters(exclude_categories=["Cs"]), max_size=40),
    "iso-8859-1": st.text(st.characters(max_codepoint=255), max_size=40),
    "windows-1252": st.text(st.sampled_from("abc€“”Ÿé£"), max_size=40),
}
MARKS = {"utf-8": codecs.BOM_UTF8, "utf-16-le": codecs.BOM_UTF16_LE, "utf-16-be": codecs.BOM_UTF16_BE}
cases = st.sampled_from(sorted(BODIES)).flatmap(
    lambda encoding: st.tuples(
        st.just(encoding), BODIES[encoding], st.sampled_from([b"", MARKS.get(encoding, b"")])
    )
)


def whole(raw: bytes, size: int = 1 << 20) -> bytes:
    stream = Utf8Stream("a.xml", io.BytesIO(raw))
    return b"".join(iter(lambda: stream.read(size), b""))


@settings(deadline=None)
@given(cases, st.integers(1, 7))
def test_text_comes_out_as_utf_8_whatever_it_was(case: tuple[str, str, bytes], size: int) -> None:
    encoding, body, mark = case
    text = f"<?xml version='1.0' encoding='{encoding}'?><a>{body}{'.' * 2000}é</a>"
    assert whole(mark + text.encode(encoding), size).decode() == text


def test_a_declaration_that_a_gateway_left_behind_does_not_count() -> None:
    text = "<?xml version='1.0' encoding='UTF-16'?><a>é</a>"
    assert whole(text.encode()) == text.encode()


@pytest.mark.parametrize(
    "raw",
    [b"<?xml version='1.0' encoding='klingon'?><a/>", "<a/>".encode("utf-32"), b"<?xml encoding='utf-7'?>"],
)
def test_an_encoding_that_is_not_read_sets_the_file_aside(raw: bytes) -> None:
    with pytest.raises(Quarantine) as caught:
        whole(raw)
    assert caught.value.reason == "unknown-encoding"


@pytest.mark.parametrize(
    ("raw", "kept"),
    [
        ("<a>".encode("utf-16") + b"x", b"<a>\xff"),
        ("<a>".encode("utf-16") + b"\x00\xd8b\x00", b"<a>\xed\xa0\x80b"),
        (b"<?xml encoding='cp1252'?>\x81", b"<?xml encoding='cp1252'?>\x81"),
    ],
    ids=["half a letter", "half a pair", "no letter of the code page"],
)
def test_what_an_encoding_cannot_hold_comes_out_as_bytes_that_are_no_utf_8(raw: bytes, kept: bytes) -> None:
    assert whole(raw) == kept
