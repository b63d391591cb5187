"""A private GnuPG home that lives as long as a ``with`` block: keys come in, and nothing stays behind."""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
import tempfile
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self

from include.commsarchive.errors import Fatal
from include.commsarchive.landing import storage_error

_PREFIX = "gpg-home-"
_OWNER = "owner"
_LONGEST_FOLDER = 60
"""Bytes; the path of a socket in the home must stay below about 100 (unix(7), `sun_path`)."""

_AGENT_OPTIONS = "allow-preset-passphrase\ndisable-scdaemon\ns2k-count 16777216\n"
"""A passphrase takes 50 ms to try, for us and for a thief. Left alone, the agent measures for seconds."""


class Home:
    """A fresh folder of mode 0700 with an agent of its own.

    Its owner holds a lock on it: homes that killed processes left behind have none, and the next
    process ends their agents and removes them.
    """

    def __enter__(self) -> Self:
        """Make the home.

        Raises:
            Retriable: the disk is full or failing.
            Fatal: there is no folder for temporary files that we may write to.
        """
        folder = Path(tempfile.gettempdir())
        if len(os.fsencode(folder)) > _LONGEST_FOLDER:
            folder = Path("/tmp")  # noqa: S108 - mkdtemp makes a private folder in it
        for stale in folder.glob(f"{_PREFIX}*"):
            _remove_if_orphaned(stale)
        try:
            self._make(folder)
        except OSError as error:
            raise storage_error(error, folder / _PREFIX) from error
        return self

    def _make(self, folder: Path) -> None:
        self.path = Path(tempfile.mkdtemp(prefix=_PREFIX, dir=folder))
        (self.path / "gpg-agent.conf").write_text(_AGENT_OPTIONS)
        lock = self.path / "lock"
        self._lock = os.open(lock, os.O_CREAT | os.O_RDWR, 0o600)
        fcntl.flock(self._lock, fcntl.LOCK_EX)
        lock.rename(self.path / _OWNER)  # only now do others look at it

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        _remove(self.path)
        os.close(self._lock)

    def agent_socket(self) -> str:
        """Start the agent and name its socket.

        Raises:
            Fatal: there is no agent to start.
        """
        try:
            _gpgconf(self.path, "--launch", "gpg-agent")
            return _gpgconf(self.path, "--list-dirs", "agent-socket").strip()
        except (OSError, subprocess.SubprocessError) as error:
            raise Fatal(f"gpg-agent does not start: {error}. Install the package `gpg-agent`") from error


def _gpgconf(home: Path, *arguments: str) -> str:
    return subprocess.run(
        ["gpgconf", "--homedir", str(home), *arguments],
        capture_output=True,
        check=True,
        text=True,
        timeout=30,
    ).stdout


def _remove(home: Path) -> None:
    """End the agent, then remove its folders."""
    with suppress(OSError, subprocess.SubprocessError):
        _gpgconf(home, "--kill", "all")
        _gpgconf(home, "--remove-socketdir")
    shutil.rmtree(home, ignore_errors=True)


def _remove_if_orphaned(home: Path) -> None:
    """Remove a home of ours whose owner is gone; leave other people's and living ones alone."""
    try:
        lock = os.open(home / _OWNER, os.O_RDWR | os.O_NOFOLLOW)
    except OSError:
        return
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        _remove(home)
    except OSError:
        return
    finally:
        os.close(lock)
