"""An S3 server on loopback, moto's, whose clock of changes can be set."""

from __future__ import annotations

import datetime as dt
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from moto.core.models import DEFAULT_ACCOUNT_ID
from moto.s3.models import FakeKey, s3_backends
from moto.server import ThreadedMotoServer

from tests.servers.programs import HOST

BUCKET = "exports"


@dataclass(frozen=True)
class S3:
    """A server with one bucket."""

    port: int

    @property
    def options(self) -> dict[str, Any]:
        """What a connection's extra `storage_options` says of it."""
        return {"key": "someone", "secret": "s3cret", "endpoint_url": f"http://{HOST}:{self.port}"}

    def put(self, name: str, content: bytes, mtime: int) -> None:
        key = s3_backends[DEFAULT_ACCOUNT_ID]["aws"].put_object(BUCKET, name, content)
        assert isinstance(key, FakeKey)
        key.last_modified = dt.datetime.fromtimestamp(mtime, dt.UTC).replace(tzinfo=None)

    def remove(self, name: str) -> None:
        s3_backends[DEFAULT_ACCOUNT_ID]["aws"].delete_object(BUCKET, name)


@contextmanager
def running_s3() -> Iterator[S3]:
    """Run it until the block ends."""
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = ThreadedMotoServer(ip_address=HOST, port=0, verbose=False)
    server.start()
    try:
        s3_backends[DEFAULT_ACCOUNT_ID]["aws"].create_bucket(BUCKET, "us-east-1")
        yield S3(server.get_host_and_port()[1])
    finally:
        server.stop()
        s3_backends.reset()
