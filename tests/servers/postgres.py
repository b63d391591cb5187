"""A real PostgreSQL server on loopback for tests, and where it is missing, a skip (a failure under CI).

Use from any test, through a fixture of your own::

    from tests.servers.postgres import Postgres, running_postgres

    @pytest.fixture(scope="module")
    def postgres() -> Iterator[Postgres]:
        with running_postgres() as server:
            yield server

``postgres.new_database()`` gives the URL of an empty database. Starting takes two seconds.
"""

from __future__ import annotations

import itertools
import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import sqlalchemy as sa

from tests.servers.programs import HOST, find_program, free_port

_OPTIONS = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off", "shared_buffers": "32MB"}
"""The data need not outlive the test."""


@dataclass(frozen=True)
class Postgres:
    """One running server, which trusts everybody on loopback."""

    port: int
    _numbers: Iterator[int] = field(default_factory=itertools.count)

    def new_database(self) -> str:
        """Give the URL of a place without tables: a schema of its own, which takes milliseconds to make."""
        name = f"test{next(self._numbers)}"
        url = f"postgresql://tester@{HOST}:{self.port}/postgres"
        engine = sa.create_engine(url.replace("postgresql:", "postgresql+psycopg2:"))
        with engine.begin() as connection:
            connection.exec_driver_sql(f"CREATE SCHEMA {name}")
        engine.dispose()
        return f"{url}?options=-csearch_path%3D{name}"


@contextmanager
def running_postgres() -> Iterator[Postgres]:
    """Run a fresh server, as an ordinary user when the tests run as root, which it refuses."""
    # Debian keeps PostgreSQL's programs off the path.
    debian = ":".join(str(one) for one in sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True))
    programs = Path(find_program("initdb", folders=debian)).resolve().parent
    user = "nobody" if os.geteuid() == 0 else None
    home = Path(tempfile.mkdtemp(prefix="postgres-"))
    if user:
        shutil.chown(home, user)
    port = free_port()
    try:
        subprocess.run(
            [programs / "initdb", "--no-sync", "-A", "trust", "-U", "tester", "-E", "UTF8", home / "data"],
            check=True,
            stdout=subprocess.DEVNULL,
            user=user,
            cwd=home,
        )
        options = [f"--{name}={value}" for name, value in _OPTIONS.items()]
        with (home / "log").open("wb") as log:
            server = subprocess.Popen(
                [
                    programs / "postgres",
                    "-D",
                    home / "data",
                    "-h",
                    HOST,
                    "-p",
                    str(port),
                    "-k",
                    home,
                    *options,
                ],
                stderr=log,
                user=user,
                cwd=home,
            )
        try:
            postgres = Postgres(port)
            _wait_for(postgres, server)
            yield postgres
        finally:
            server.terminate()
            server.wait(timeout=30)
    finally:
        shutil.rmtree(home)


def _wait_for(server: Postgres, process: subprocess.Popen[bytes]) -> None:
    for _ in range(500):
        if process.poll() is not None:
            pytest.fail(f"postgres ended at once with code {process.returncode}")
        try:
            server.new_database()
        except sa.exc.OperationalError:
            time.sleep(0.02)
        else:
            return
    pytest.fail("postgres did not start to answer")
