"""Symphony's Files API keeps what every collector promises."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator

import pytest

from include.commsarchive.collect.base import Collector
from include.commsarchive.connector import load_connector
from include.commsarchive.doors import Connection, open_collector
from include.commsarchive.profile import PROJECT
from tests.contract.collector_contract import CollectorContract, Place
from tests.servers.symphony_pod import ACCOUNT, Export, Pod, running_pod

pytestmark = pytest.mark.anyio
CONNECTOR = load_connector(PROJECT / "include" / "connectors" / "symphony.yaml.example")


class PodPlace:
    """A pod states no hashes here: they would be files more. A file's id is its path."""

    def __init__(self, pod: Pod) -> None:
        self.pod = pod

    def put(self, path: str, content: bytes, mtime: int = 1_700_000_000) -> None:
        self.pod.exports[path] = Export(path, path, content, mtime, "")

    def remove(self, path: str) -> None:
        del self.pod.exports[path]

    def collector(self) -> Collector:
        found = Connection("pod", "https", self.pod.url, login=ACCOUNT, extra=self.pod.extra)
        return open_collector(found, CONNECTOR, dt.date(2023, 11, 1))


class TestSymphonyFiles(CollectorContract):
    @pytest.fixture
    def place(self, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
        with running_pod(tmp_path_factory.mktemp("pod")) as pod:
            yield PodPlace(pod)

    async def test_lists_a_folder_without_what_lies_beneath_or_beside(self, place: Place) -> None:
        """There are no folders: see `test_a_missing_folder_is_for_a_person_to_mend`."""

    async def test_a_listed_file_can_be_fetched_by_what_the_listing_says(self, place: Place) -> None:
        place.put("a.xml", b"content")
        async with place.collector() as collector:
            (file,) = await collector.listing(".")
            assert await collector.read(file.path, 100) == b"content"
