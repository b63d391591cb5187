"""The benches of the parsers, at a small size."""

from __future__ import annotations

from pathlib import Path

import pytest

from bench import naive_parsers
from bench.dumps import DUMPS, make_dump
from bench.measure import BENCH
from bench.parsers import ours
from bench.parsing import parsing, report

KINDS = sorted(DUMPS)


@pytest.mark.parametrize("kind", KINDS)
def test_both_sides_find_the_same_number_of_items(kind: str, tmp_path: Path) -> None:
    make_dump(kind, 400, tmp_path / "dump")
    found = ours(kind, tmp_path / "dump")
    assert found == naive_parsers.read(kind, tmp_path / "dump")
    assert found > 10


@pytest.mark.parametrize("kind", KINDS)
def test_the_same_seed_makes_the_same_export_and_another_one_another(kind: str, tmp_path: Path) -> None:
    for name, seed in (("one", 1), ("again", 1), ("other", 2)):
        make_dump(kind, 400, tmp_path / name, seed)
    one, again, other = ((tmp_path / name).read_bytes() for name in ("one", "again", "other"))
    assert one == again
    assert kind == "instant_bloomberg" or one != other


def test_the_table_names_every_format_with_its_ratio(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PYTHONPATH", str(BENCH.parent))
    monkeypatch.setattr("bench.parsing.RUNS", 1)
    monkeypatch.setattr("bench.parsing.DUMPS", {kind: DUMPS[kind] for kind in ("vantage", "mbox")})
    report(*parsing(tmp_path, 400))
    table, below = capsys.readouterr().out.split("\n\n")
    assert [line.split("|")[1].strip() for line in table.splitlines()[2:]] == ["parse vantage", "parse mbox"]
    assert all(" x " in line for line in table.splitlines()[2:])
    assert "vantage" in below
    assert not list(tmp_path.iterdir())
