"""An API that is collected from."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.servers.paged_api import running_api
from tests.unit.collect.api_feed import Feed


@pytest.fixture
def feed(tmp_path: Path) -> Iterator[Feed]:
    with running_api() as server:
        yield Feed(server, tmp_path)
