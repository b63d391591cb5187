from __future__ import annotations

import datetime as dt
import json
import tarfile
from collections.abc import Iterator
from pathlib import Path

import anyio
import pytest

from include.commsarchive.connector import load_connector
from include.commsarchive.demo.api import CLIENT, HOST, serving_api
from include.commsarchive.doors import Connection, open_collector
from include.commsarchive.errors import Fatal
from include.commsarchive.profile import PROJECT

EXAMPLE = PROJECT / "include" / "connectors" / "https_api.yaml.example"
SENT = ["2024-03-12T23:59:59Z", *(f"2024-03-13T08:00:0{number}Z" for number in range(5))]


@pytest.fixture
def address(tmp_path: Path) -> Iterator[str]:
    (tmp_path / "records").mkdir()
    (tmp_path / "records" / "day.json").write_text(json.dumps([{"sent": at} for at in SENT]))
    with serving_api(tmp_path / "records", "s3cret: %") as port:
        yield f"http://{HOST}:{port}"


def fetch(address: str, secret: str, target: Path) -> None:
    """Collect as the example connector does."""
    extra = {"token_url": f"{address}/token"}
    found = Connection("desk_api", "http", address, None, CLIENT, secret, extra)

    async def go() -> None:
        async with open_collector(found, load_connector(EXAMPLE), dt.date(2024, 3, 13)) as place:
            (file,) = await place.listing(".")
            await place.fetch(file, target)

    anyio.run(go)


def test_the_window_comes_in_pages_and_whole(address: str, tmp_path: Path) -> None:
    fetch(address, "s3cret: %", tmp_path / "pages.tar")
    with tarfile.open(tmp_path / "pages.tar") as pages:
        read = [pages.extractfile(one) for one in pages.getmembers() if "manifest" not in one.name]
        rows = [row["sent"] for file in read if file for row in json.load(file)["data"]["rows"]]
    assert (len(read), rows) == (3, SENT[1:])


def test_nobody_without_the_secret_gets_anything(address: str, tmp_path: Path) -> None:
    with pytest.raises(Fatal):
        fetch(address, "guess", tmp_path / "pages.tar")
