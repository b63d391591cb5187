"""A real Dovecot on loopback for tests, and where it is missing, a skip (a failure under CI).

    @pytest.fixture
    def dovecot() -> Iterator[Dovecot]:
        with running_dovecot(["ann@firm.example"]) as server:
            yield server

It has the mailboxes that it is told. ``MASTER`` may file for all of them, in both ways that there are:
as ``<mailbox>*<MASTER>``, or by asking to act for a mailbox (SASL PLAIN). Its sockets want short paths, so
that it lives in a folder of its own below the system's temporary one.
"""

from __future__ import annotations

import getpass
import grp
import imaplib
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.servers.graph.certificate import write_certificate
from tests.servers.programs import HOST, find_program, free_port

MASTER = "archivist"
PASSWORD = "master's password"
USER_PASSWORD = "a person's own"


@dataclass(frozen=True)
class Dovecot:
    """One running server; ``pid`` is its master process. ``certificate`` is what to trust."""

    port: int
    ssl_port: int
    pid: int
    home: Path
    certificate: Path

    def as_a_person(self, mailbox: str) -> imaplib.IMAP4:
        """Log in as a person's mail program does."""
        client = imaplib.IMAP4(HOST, self.port, timeout=10)
        client.login(mailbox, USER_PASSWORD)
        return client


@contextmanager
def running_dovecot(mailboxes: Sequence[str], options: Mapping[str, str] | None = None) -> Iterator[Dovecot]:
    """Run Dovecot with these mailboxes; ``options`` are more of dovecot.conf, or other values."""
    program = find_program("dovecot")
    home = Path(tempfile.mkdtemp(prefix="dovecot-"))
    home.chmod(0o755)
    write_certificate(home / "server.pem")
    server = None
    try:
        port, ssl_port = free_port(), free_port()
        config = _write_config(home, mailboxes, port, ssl_port, options or {})
        with (home / "output").open("wb") as log:
            server = subprocess.Popen([program, "-F", "-c", str(config)], stdout=log, stderr=log)
        _wait_for(port, server, home)
        yield Dovecot(port, ssl_port, server.pid, home, home / "server.pem")
    finally:
        if server is not None:
            server.send_signal(signal.SIGTERM)
            server.wait(timeout=20)
        shutil.rmtree(home, ignore_errors=True)


def _write_config(
    home: Path, mailboxes: Sequence[str], port: int, ssl_port: int, options: Mapping[str, str]
) -> Path:
    owner = pwd.getpwnam("nobody" if os.geteuid() == 0 else getpass.getuser())
    for name in ("run", "state", "mail"):
        (home / name).mkdir()
    os.chown(home / "mail", owner.pw_uid, owner.pw_gid)
    (home / "users").write_text(
        "".join(
            f"{one}:{{PLAIN}}{USER_PASSWORD}:{owner.pw_uid}:{owner.pw_gid}::{home}/mail/{one}::\n"
            for one in mailboxes
        )
    )
    (home / "masters").write_text(f"{MASTER}:{{PLAIN}}{PASSWORD}\n")
    lines = {
        "protocols": "imap",
        "listen": HOST,
        "base_dir": f"{home}/run",
        "state_dir": f"{home}/state",
        "log_path": f"{home}/log",
        "ssl": "yes",
        "ssl_cert": f"<{home}/server.pem",
        "ssl_key": f"<{home}/server.pem",
        "disable_plaintext_auth": "no",
        "auth_master_user_separator": "*",
        "auth_failure_delay": "0",
        "mail_location": "maildir:~/Maildir",
        "mail_max_userip_connections": "100",
        "first_valid_uid": "1",
        **options,
    }
    if os.geteuid() != 0:
        group = grp.getgrgid(owner.pw_gid).gr_name
        me = {"default_internal_user": owner.pw_name, "default_login_user": owner.pw_name}
        lines = {**lines, **me, "default_internal_group": group}
    text = "".join(f"{key} = {value}\n" for key, value in lines.items())  # key "plugin/x": x in plugin {}
    text += f"""
passdb {{
  driver = passwd-file
  args = {home}/masters
  master = yes
  result_success = continue
}}
passdb {{
  driver = passwd-file
  args = username_format=%u {home}/users
}}
userdb {{
  driver = passwd-file
  args = username_format=%u {home}/users
}}
namespace inbox {{
  inbox = yes
}}
service anvil {{
  unix_listener anvil-auth-penalty {{
    mode = 0
  }}
}}
service imap-login {{
  {"" if os.geteuid() == 0 else "chroot ="}
  inet_listener imap {{
    port = {port}
  }}
  inet_listener imaps {{
    port = {ssl_port}
  }}
}}
"""
    path = home / "dovecot.conf"
    path.write_text(text)
    return path


def _wait_for(port: int, server: subprocess.Popen[bytes], home: Path) -> None:
    """Wait until the server greets."""
    for _ in range(500):
        if server.poll() is not None:
            pytest.fail(f"dovecot ended with code {server.returncode}: {(home / 'output').read_text()}")
        try:
            imaplib.IMAP4(HOST, port, timeout=5).logout()
        except (OSError, imaplib.IMAP4.abort):
            time.sleep(0.02)
        else:
            return
    pytest.fail("dovecot did not start to listen")
