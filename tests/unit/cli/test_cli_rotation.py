"""Rotate a key whose connection lies where only its owner writes: extras in a file, extras out."""

from __future__ import annotations

import json
import stat
from pathlib import Path

import pytest

from include.commsarchive.cli.main import main
from include.commsarchive.pgp.keys import make_key


def test_a_rotation_by_files_from_its_start_to_its_end(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    old = make_key("Quillbrook", "archive@firm.example", "secret", days=30, algorithm="ed25519")
    extra, out, done = tmp_path / "extra.json", tmp_path / "out", tmp_path / "done.json"
    extra.write_text(json.dumps({"private_keys": [old.private], "expires": "2027-01-01"}), encoding="utf-8")
    start = ["keys", "next", "chat_feed", "--extra", str(extra), "--out", str(out)]
    start += ["--email", "archive@firm.example", "--algorithm", "ed25519"]
    assert main(start) == 0
    said = capsys.readouterr().out
    assert "our next OpenPGP key" in said
    assert old.fingerprint in said.replace(" ", "")
    both = out / "chat_feed.extra.json"
    (public,) = out.glob("chat_feed-*.pub.asc")
    assert stat.S_IMODE(both.stat().st_mode) == 0o600
    assert len(json.loads(both.read_text())["private_keys"]) == 2
    assert public.read_text().startswith("-----BEGIN PGP PUBLIC KEY BLOCK-----")
    assert main(start) == 4

    end = ["keys", "retire", old.fingerprint, "--extra", str(both), "--out", str(done)]
    assert main(end) == 0
    first, second = json.loads(done.read_text())["private_keys"]
    assert first["retired"]
    assert "retired" not in second


@pytest.mark.parametrize("text", ["no json", "[]"])
def test_extras_that_are_none_are_refused_by_name(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], text: str
) -> None:
    extra = tmp_path / "extra.json"
    extra.write_text(text, encoding="utf-8")
    assert main(["keys", "retire", "A" * 40, "--extra", str(extra), "--out", str(tmp_path / "o")]) == 4
    assert "extra.json" in capsys.readouterr().err
