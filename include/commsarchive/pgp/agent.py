"""Talk to gpg-agent over its socket (Assuan protocol), so that no passphrase is ever in an argument.

Commands and errors: GnuPG manual, "Agent's Assuan Protocol".
"""

from __future__ import annotations

import socket
from types import TracebackType
from typing import Self
from urllib.parse import quote_from_bytes

from include.commsarchive.errors import Fatal


class Agent:
    """A connection to the running agent of one GnuPG home."""

    def __init__(self, socket_path: str) -> None:
        """Connect.

        Raises:
            Fatal: no agent answers.
        """
        self._socket = socket.socket(socket.AF_UNIX)
        try:
            self._socket.settimeout(30)
            self._socket.connect(socket_path)
        except OSError as error:
            self._socket.close()
            raise Fatal(f"gpg-agent does not answer: {error}. Install the package `gpg-agent`") from error
        self._stream = self._socket.makefile("rwb")
        self._answered("")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stream.close()
        self._socket.close()

    def unlock(self, keygrip: str, passphrase: str) -> bool:
        """Let the agent use a key until it ends; False if the passphrase does not open it."""
        secret = passphrase.encode()
        self._ask("OPTION pinentry-mode=loopback", "")
        if not self._ask(f"PASSWD --verify {keygrip}", quote_from_bytes(secret, safe=" ")):
            return False
        return not secret or self._ask(f"PRESET_PASSPHRASE {keygrip} -1 {secret.hex()}", "")

    def _ask(self, command: str, passphrase: str) -> bool:
        self._send(command)
        return self._answered(passphrase)

    def _answered(self, passphrase: str) -> bool:
        """Read up to the verdict, handing over the passphrase when asked."""
        for line in self._stream:
            if line.startswith(b"INQUIRE PASSPHRASE"):
                self._send(f"D {passphrase}")
                self._send("END")
            elif line.startswith(b"INQUIRE"):
                self._send("END")
            elif line.startswith((b"OK", b"ERR")):
                return line.startswith(b"OK")
        return False

    def _send(self, line: str) -> None:
        self._stream.write(line.encode("ascii") + b"\n")
        self._stream.flush()
