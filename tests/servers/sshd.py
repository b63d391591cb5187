"""A real OpenSSH server on loopback for tests, and where it is missing, a skip (a failure under CI).

Use from any test, through a fixture of your own::

    from tests.servers.sshd import Sshd, running_sshd

    @pytest.fixture
    def sshd(tmp_path: Path) -> Iterator[Sshd]:
        with running_sshd(tmp_path) as server:
            yield server

Files put in ``server.folder`` are what a client sees after login. Log in as ``server.username`` with
``server.private_key``; check the server by ``server.host_key``. Passwords need PAM or root's shadow
file: for these there is `tests.servers.sftp_doubles`.
"""

from __future__ import annotations

import getpass
import os
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import asyncssh
import pytest

from tests.servers.programs import HOST, find_program, free_port


@dataclass(frozen=True)
class Sshd:
    """One running server; ``extra`` is what an Airflow connection of type ``sftp`` needs."""

    port: int
    username: str
    folder: Path
    private_key: str
    host_key: str
    pid: int

    @property
    def extra(self) -> dict[str, str]:
        return {"private_key": self.private_key, "host_key": self.host_key}


@contextmanager
def running_sshd(home: Path, options: Mapping[str, str] | None = None) -> Iterator[Sshd]:
    """Run sshd with fresh keys; its files, and the served ``folder``, lie in ``home``.

    ``options`` are more of sshd_config(5).
    """
    program = find_program("sshd")
    folder = home / "remote"
    folder.mkdir(parents=True, exist_ok=True)
    host, user = (asyncssh.generate_private_key("ssh-ed25519") for _ in range(2))
    host_file = home / "host_key"
    host.write_private_key(host_file)
    host_file.chmod(0o600)
    user.write_public_key(home / "authorized_keys")
    port = free_port()
    lines = {
        "ListenAddress": f"{HOST}:{port}",
        "HostKey": host_file,
        "AuthorizedKeysFile": home / "authorized_keys",
        "PasswordAuthentication": "no",
        "KbdInteractiveAuthentication": "no",
        "PermitRootLogin": "yes",
        "StrictModes": "no",
        "UsePAM": "no",
        "UseDNS": "no",
        "PidFile": "none",
        "MaxStartups": "100",
        "Subsystem": f"sftp internal-sftp -d {folder}",
        **(options or {}),
    }
    config = home / "sshd_config"
    config.write_text("".join(f"{key} {value}\n" for key, value in lines.items()))
    if os.geteuid() == 0:
        Path("/run/sshd").mkdir(exist_ok=True)  # where sshd separates its privileges, started as root
    with (home / "sshd.log").open("wb") as log:
        server = subprocess.Popen([program, "-D", "-e", "-f", str(config)], stderr=log)
    try:
        _wait_for(port, server)
        yield Sshd(
            port=port,
            username=getpass.getuser(),
            folder=folder,
            private_key=user.export_private_key().decode(),
            host_key=host.export_public_key().decode().strip(),
            pid=server.pid,
        )
    finally:
        server.terminate()
        server.wait(timeout=10)


def _wait_for(port: int, server: subprocess.Popen[bytes]) -> None:
    """Wait until the server accepts connections."""
    for _ in range(500):
        if server.poll() is not None:
            pytest.fail(f"sshd ended at once with code {server.returncode}")
        try:
            socket.create_connection((HOST, port), timeout=1).close()
        except OSError:
            time.sleep(0.01)
        else:
            return
    pytest.fail("sshd did not start to listen")
