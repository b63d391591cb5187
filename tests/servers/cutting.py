"""A wire to a server that can be cut: at a moment that the test names, before or after the server has heard.

    with cut_wire(server.port) as wire:
        wire.cut_when = lambda way, data: way == DOWN and b"APPENDUID" in data
        ...                                             # a client speaks to wire.port

``cut_when`` sees each piece before it is passed on; when it says yes, the piece is lost and so is that
connection. It is asked for every connection until it is set anew.
"""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from tests.servers.programs import HOST

UP, DOWN = "to the server", "to the client"


class Wire:
    """``cuts`` counts the connections that were cut."""

    def __init__(self, port: int) -> None:
        self._target = port
        self._listener = socket.create_server((HOST, 0))
        self.port: int = self._listener.getsockname()[1]
        self.cut_when: Callable[[str, bytes], bool] = lambda _way, _data: False
        self.cuts = 0

    def serve(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                server = socket.create_connection((HOST, self._target))
                for one, other, way in ((client, server, UP), (server, client, DOWN)):
                    threading.Thread(target=self._pass_on, args=(one, other, way), daemon=True).start()

    def close(self) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def _pass_on(self, one: socket.socket, other: socket.socket, way: str) -> None:
        with contextlib.suppress(OSError):
            while data := one.recv(1 << 16):
                if self.cut_when(way, data):
                    self.cuts += 1
                    break
                other.sendall(data)
        for end in (one, other):
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
            end.close()


@contextmanager
def cut_wire(port: int) -> Iterator[Wire]:
    """Put a wire before a server on loopback."""
    wire = Wire(port)
    thread = threading.Thread(target=wire.serve, daemon=True)
    thread.start()
    try:
        yield wire
    finally:
        wire.close()
        thread.join(timeout=5)
