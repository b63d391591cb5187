from __future__ import annotations

from pathlib import Path

import pytest

from include.commsarchive.sources.registry import SOURCES
from tests.unit.sources import golden_exports as golden
from tests.unit.sources.golden_inputs import input_of


@pytest.mark.parametrize("name", golden.names())
def test_a_golden_export_is_still_read_as_expected(name: str) -> None:
    case = golden.FOLDER / name
    assert input_of(case), "an expectation without an export"
    assert (case / golden.EXPECTED).exists(), "an export without an expectation"
    assert golden.read(name).decode() == golden.kept(name).decode()


def test_every_folder_of_a_golden_source_is_a_case() -> None:
    folders = {f"{name}/{path.name}" for name in SOURCES for path in (golden.FOLDER / name).glob("*")}
    assert folders == set(golden.names())


def test_a_differing_expectation_is_left_alone_until_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    original = golden.FOLDER / "instant_bloomberg" / "every-construct"
    case = tmp_path / "instant_bloomberg" / "case"
    case.mkdir(parents=True)
    (case / "export.xml").write_bytes((original / "export.xml").read_bytes())
    monkeypatch.setattr(golden, "FOLDER", tmp_path)
    name = "instant_bloomberg/case"
    assert golden.main([]) == 0
    right = golden.kept(name)
    (case / golden.EXPECTED).write_bytes(b"other")
    assert golden.main([]) == 1
    assert golden.kept(name) == b"other"
    assert golden.main(["--replace", name]) == 0
    assert golden.kept(name) == right
    assert capsys.readouterr().out.splitlines()[1].startswith(f"{name}: differs")
