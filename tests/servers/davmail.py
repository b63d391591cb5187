"""A real DavMail before an EWS server: it shows a mailbox by IMAP to whoever logs in.

Use from any test, through a fixture of your own::

    from tests.servers.davmail import running_davmail

    @pytest.fixture(scope="module")
    def imap_port(server: EwsServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
        with running_davmail(server.url, tmp_path_factory.mktemp("davmail")) as port:
            yield port

Where it is missing, the test is skipped (it fails under CI). Java takes a second or two to start.
"""

from __future__ import annotations

import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.servers.programs import HOST, find_program, free_port


@contextmanager
def running_davmail(url: str, home: Path) -> Iterator[int]:
    """Run DavMail for the EWS at a URL, with its files in ``home``; gives its IMAP port."""
    program = find_program("davmail")
    port = free_port()
    settings = {
        "davmail.mode": "EWS",
        "davmail.url": url,
        "davmail.server": "true",
        "davmail.bindAddress": HOST,
        "davmail.allowRemote": "false",
        "davmail.imapPort": str(port),
        "davmail.disableUpdateCheck": "true",
        "davmail.logFilePath": str(home / "davmail.log"),
        "log4j.rootLogger": "WARN",
    }
    file = home / "davmail.properties"
    file.write_text("".join(f"{key}={value}\n" for key, value in settings.items()))
    with (home / "output").open("wb") as output:
        server = subprocess.Popen([program, "-server", str(file)], stdout=output, stderr=output, cwd=home)
    try:
        _wait_for(port, server)
        yield port
    finally:
        server.terminate()
        server.wait(timeout=20)


def _wait_for(port: int, server: subprocess.Popen[bytes]) -> None:
    for _ in range(600):
        if server.poll() is not None:
            pytest.fail(f"davmail ended at once with code {server.returncode}")
        try:
            socket.create_connection((HOST, port), timeout=1).close()
        except OSError:
            time.sleep(0.05)
        else:
            return
    pytest.fail("davmail did not start to listen")
