from __future__ import annotations

from pathlib import Path

import pytest

from include.commsarchive.model import Kind
from tests.unit.message import golden
from tests.unit.message.parsing import legacy, modern


@pytest.mark.parametrize("name", golden.names())
def test_a_golden_item_still_becomes_its_mail_byte_for_byte(name: str) -> None:
    assert golden.made(name) == golden.kept(name)


@pytest.mark.parametrize("name", golden.names())
def test_both_parsers_read_the_same_from_a_golden_mail_without_defects(name: str) -> None:
    first, second = modern(golden.kept(name)), legacy(golden.kept(name))
    assert first == second
    assert first.defects == []


def test_the_golden_mails_hold_every_kind_of_event() -> None:
    counts = dict(modern(golden.kept("every-event")).headers)["X-Commsarchive-Event-Counts"]
    assert {one.split("=")[0] for one in counts.split("; ")} == {kind.value for kind in Kind}


def test_a_differing_golden_mail_is_left_alone_until_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "case").mkdir()
    (tmp_path / "case" / "item.json").write_bytes((golden.FOLDER / "plain-chat" / "item.json").read_bytes())
    monkeypatch.setattr(golden, "FOLDER", tmp_path)
    assert golden.main([]) == 0
    right = golden.kept("case")
    (tmp_path / "case" / "mail.eml").write_bytes(b"other")
    assert golden.main([]) == 1
    assert golden.kept("case") == b"other"
    assert golden.main(["--replace", "case"]) == 0
    assert golden.kept("case") == right
    assert capsys.readouterr().out.split("\n")[1].startswith("case: differs")
