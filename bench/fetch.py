"""Fetch a file from an OpenSSH server on loopback: our collector, and the Airflow provider's hook."""

from __future__ import annotations

import asyncio
import json
import os
import sys
import time
from pathlib import Path
from typing import Any

from include.commsarchive.collect.base import RemoteFile
from include.commsarchive.collect.sftp import SftpCollector
from include.commsarchive.collect.sftp_settings import settings_from

FILE = "export.gpg"
ACCOUNT = "account.json"


def serve(home: Path, size: int) -> None:
    """Serve a file of random bytes, as encrypted exports look, until standard input ends."""
    from tests.servers.programs import HOST  # noqa: PLC0415 - the clients measured do not need it
    from tests.servers.sshd import running_sshd  # noqa: PLC0415

    with running_sshd(home) as server:
        with (server.folder / FILE).open("wb") as sink:
            for _ in range(size // 1_000_000):
                sink.write(os.urandom(1_000_000))
        account = {"host": HOST, "port": server.port, "login": server.username, "extra": server.extra}
        (home / ACCOUNT).write_text(json.dumps(account | {"folder": str(server.folder)}))
        print("serving", flush=True)
        sys.stdin.read()


def _ours(account: dict[str, Any], remote: Path, target: Path) -> float:
    settings = settings_from(account["host"], account["port"], account["login"], "", account["extra"])
    state = remote.stat()
    file = RemoteFile(FILE, str(remote), state.st_size, int(state.st_mtime))

    async def fetch() -> None:
        async with SftpCollector(settings) as collector:
            await collector.fetch(file, target)

    start = time.perf_counter()
    asyncio.run(fetch())
    return time.perf_counter() - start


def _hook(account: dict[str, Any], remote: Path, target: Path) -> float:
    from airflow.providers.sftp.hooks.sftp import SFTPHook  # noqa: PLC0415 - half a second and 100 MB

    os.environ["AIRFLOW_CONN_BENCH"] = json.dumps({"conn_type": "sftp", **account})
    start = time.perf_counter()
    SFTPHook(ssh_conn_id="bench").retrieve_file(str(remote), str(target))
    return time.perf_counter() - start


def main() -> None:
    """``serve HOME BYTES``, or ``ours|hook ACCOUNT TARGET``."""
    verb, first, second = sys.argv[1:]
    if verb == "serve":
        serve(Path(first), int(second))
        return
    account = json.loads(Path(first).read_text())
    remote, target = Path(account.pop("folder")) / FILE, Path(second)
    seconds = (_ours if verb == "ours" else _hook)(account, remote, target)
    assert target.stat().st_size == remote.stat().st_size
    print(json.dumps({"seconds": seconds, "amount": remote.stat().st_size / 1e6}))


if __name__ == "__main__":
    main()
