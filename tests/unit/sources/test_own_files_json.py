"""Objects of JSON Lines in any encoding."""

from __future__ import annotations

import io
import json

from include.commsarchive.model import Refused
from include.commsarchive.sources.base import Options
from include.commsarchive.sources.own_files import json_rows
from include.commsarchive.sources.own_files.json_walk import JsonWalk
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


def test_what_was_passed_over_before_a_file_breaks_off_is_handed_on() -> None:
    raw = b'{"export": {"rows": "r0", "text": "said"}, {"text": "more"}]}}'
    found = list(JsonWalk("x", io.BytesIO(raw), 1000).elements(("export", "rows")))
    assert found == [(20, b'"r0"', ""), (26, raw[26:], "malformed")]
