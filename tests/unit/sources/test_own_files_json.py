"""Objects of JSON Lines in any encoding, read quickly or with care."""

from __future__ import annotations

import io
import json

import pytest

from include.commsarchive.model import Refused
from include.commsarchive.sources.base import Options
from include.commsarchive.sources.own_files import json_rows
from include.commsarchive.sources.own_files.profile import Format, Profile, Time, Who


def read(raw: bytes, encoding: str = "") -> object:
    profile = Profile(
        name="desk_chat",
        format=Format(kind="json_lines", encoding=encoding),
        time=Time(field="at"),
        sender=Who(address="from"),
        item="row",
        text="text",
    )
    (found,) = json_rows.lines(profile, "x", io.BytesIO(raw), Options())
    return found.reason if isinstance(found, Refused) else found[1]


def test_bytes_that_would_be_utf_8_are_read_in_the_encoding_that_is_stated() -> None:
    line = json.dumps({"text": "Ã©tÃ©"}, ensure_ascii=False)
    assert line.encode("windows-1252").decode("utf-8") == '{"text": "été"}'
    assert read(line.encode("windows-1252"), "windows-1252") == {"text": "Ã©tÃ©"}


@pytest.mark.parametrize(
    "line",
    [
        '{"a": 1.10, "b": 1e5, "c": -0, "d": 12345678901234567890, "e": -0.0, "f": 1E400}',
        '{"a": NaN}',
        '{"a": "\\ud83d\\ude00 \\ud800"}',
        '{"a": "\x01"}',
        '{"a": 1} x',
        '{"a": [true, null, {"b": "c"}], "a b": ""}',
        '{"a": 1, "a": 2}',
        "[1]",
        '{"a": 01}',
        '{"a": "\\u00e9\\/"}',
        f'{{"a": {"[" * 500}{"]" * 500}}}',
    ],
)
def test_quickly_or_with_care_the_same_is_read(line: str, monkeypatch: pytest.MonkeyPatch) -> None:
    quick = read(line.encode())
    monkeypatch.setattr(json_rows, "_usual", lambda _: None)
    assert read(line.encode()) == quick
