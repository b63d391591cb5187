"""SSH key pairs that we make."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from include.commsarchive.collect.ssh_key import make_ssh_key
from include.commsarchive.errors import Fatal
from tests.servers.programs import find_program


@pytest.mark.parametrize(("algorithm", "shown"), [("ed25519", "ED25519"), ("rsa4096", "4096")])
def test_openssh_reads_both_halves_as_one_pair(tmp_path: Path, algorithm: str, shown: str) -> None:
    keygen = find_program("ssh-keygen")
    pair = make_ssh_key("archive@example.com", "open sesame", algorithm=algorithm)
    private = tmp_path / "id"
    private.write_text(pair.private)
    private.chmod(0o600)
    public = subprocess.run(
        [keygen, "-y", "-P", "open sesame", "-f", private], capture_output=True, check=True, text=True
    ).stdout
    assert public.split()[:2] == pair.public.split()[:2]
    (tmp_path / "id.pub").write_text(pair.public)
    line = subprocess.run(
        [keygen, "-l", "-f", tmp_path / "id.pub"], capture_output=True, check=True, text=True
    ).stdout
    assert shown in line
    assert pair.fingerprint in line
    assert "archive@example.com" in line


def test_the_private_half_is_locked_and_does_not_show(tmp_path: Path) -> None:
    pair = make_ssh_key("archive", "open sesame")
    private = tmp_path / "id"
    private.write_text(pair.private)
    private.chmod(0o600)
    keygen = [find_program("ssh-keygen"), "-y", "-P", "", "-f", str(private)]
    assert subprocess.run(keygen, capture_output=True, check=False).returncode != 0
    assert pair.private not in repr(pair)


def test_an_unknown_algorithm_is_refused_with_the_known_ones() -> None:
    with pytest.raises(Fatal, match="ed25519, rsa4096"):
        make_ssh_key("archive", algorithm="dsa")
