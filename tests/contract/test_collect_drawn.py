"""What collectors promise that draw a day from an API or a database, beside what every collector does."""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Iterator
from dataclasses import astuple, replace
from pathlib import Path
from typing import Protocol

import msgspec
import pytest
import sqlalchemy as sa

from include.commsarchive.collect.api import ApiCollector
from include.commsarchive.collect.api_rules import Api
from include.commsarchive.collect.api_settings import settings_from
from include.commsarchive.collect.base import Collector
from include.commsarchive.collect.drawn import Draft
from include.commsarchive.collect.pages import unfold
from include.commsarchive.collect.query import QueryCollector
from include.commsarchive.collect.query_settings import settings_from as database_settings
from include.commsarchive.collect.window import window_of
from include.commsarchive.errors import Retriable
from tests.servers.paged_api import PagedApi, running_api
from tests.servers.postgres import Postgres, running_postgres

pytestmark = pytest.mark.anyio
WINDOW = window_of(dt.date(2024, 3, 13), "Europe/London")
OVER = WINDOW.end


class Place(Protocol):
    """The source's side: says things at ISO times, hands out collectors, and reads what came."""

    name: str

    def say(self, *at: str) -> None: ...

    def collector(self, now: dt.datetime = OVER) -> Collector: ...

    def ids(self, fetched: Path, scratch: Path) -> list[int]: ...


class ApiPlace:
    name = "feed.240313.jsonl.pages.tar"

    def __init__(self, server: PagedApi) -> None:
        self.server = server

    def say(self, *at: str) -> None:
        for one in at:
            self.server.records.append({"id": len(self.server.records), "sent": one})

    def collector(self, now: dt.datetime = OVER) -> Collector:
        api = Api.model_validate(
            {
                "path": "/v1/messages",
                "query": {"since": "{from}", "until": "{to}"},
                "items": "data/rows",
                "paging": {"kind": "cursor", "field": "meta/cursor", "parameter": "cursor"},
            }
        )
        settings = settings_from("api", (self.server.url, None, ""), "", "good", {})
        return ApiCollector(settings, api, Draft(self.name, WINDOW, lambda: now))

    def ids(self, fetched: Path, scratch: Path) -> list[int]:
        unfold(fetched, scratch, "data/rows")
        return _ids(scratch)


class QueryPlace:
    name = "feed.240313.jsonl"

    def __init__(self, url: str, when: str, query: str) -> None:
        self.settings = database_settings("db", sa.make_url(url), {})
        self.query = query
        self.engine = sa.create_engine(self.settings.url, poolclass=sa.NullPool)
        with self.engine.begin() as connection:
            connection.exec_driver_sql(f"CREATE TABLE said (id integer, sent {when})")
        self.number = 0

    def say(self, *at: str) -> None:
        with self.engine.begin() as connection:
            for one in at:
                connection.execute(
                    sa.text("INSERT INTO said VALUES (:id, :at)"), {"id": self.number, "at": one}
                )
                self.number += 1

    def collector(self, now: dt.datetime = OVER) -> Collector:
        return QueryCollector(self.settings, self.query, Draft(self.name, WINDOW, lambda: now))

    def ids(self, fetched: Path, scratch: Path) -> list[int]:
        return _ids(fetched)


def _ids(lines: Path) -> list[int]:
    return [msgspec.json.decode(line)["id"] for line in lines.read_bytes().splitlines()]


class DrawnSuite:
    """The promises. An adapter's class adds the fixture ``place``."""

    async def test_a_day_is_there_when_it_is_over_and_not_before(self, place: Place) -> None:
        async with place.collector(OVER - dt.timedelta(seconds=1)) as early:
            assert await early.listing(".") == []
        async with place.collector() as collector:
            (file,) = await collector.listing(".")
            assert (file.name, file.mtime) == (place.name, int(OVER.timestamp()))
        async with place.collector(OVER + dt.timedelta(days=9)) as later:
            assert await later.listing(".") == [file], "else it would never be unchanged between two looks"

    async def test_a_day_s_records_and_no_others_are_fetched_with_their_hash(
        self, place: Place, tmp_path: Path
    ) -> None:
        place.say("2024-03-12T23:59:59Z", "2024-03-13T00:00:00Z", "2024-03-13T12:00:00Z")
        place.say("2024-03-13T23:59:59Z", "2024-03-14T00:00:00Z")
        target = tmp_path / "new" / "file"
        async with place.collector() as collector:
            (file,) = await collector.listing(".")
            fetched = await collector.fetch(file, target)
        content = target.read_bytes()
        assert astuple(fetched) == (len(content), hashlib.sha256(content).hexdigest())
        assert list(target.parent.iterdir()) == [target]
        assert place.ids(target, tmp_path / "lines") == [1, 2, 3]

    async def test_a_day_without_records_is_an_empty_file(self, place: Place, tmp_path: Path) -> None:
        async with place.collector() as collector:
            (file,) = await collector.listing(".")
            await collector.fetch(file, tmp_path / "file")
        assert place.ids(tmp_path / "file", tmp_path / "lines") == []

    async def test_the_same_records_give_the_same_bytes(self, place: Place, tmp_path: Path) -> None:
        place.say("2024-03-13T01:00:00Z", "2024-03-13T02:00:00Z", "2024-03-13T03:00:00Z")
        hashes = set()
        for number in range(2):
            async with place.collector() as collector:
                (file,) = await collector.listing(".")
                hashes.add((await collector.fetch(file, tmp_path / str(number))).sha256)
        assert len(hashes) == 1

    async def test_reading_what_is_not_there_may_succeed_later(self, place: Place) -> None:
        async with place.collector() as collector:
            with pytest.raises(Retriable, match=r"manifest\.txt"):
                await collector.read("manifest.txt", 99)

    async def test_another_day_s_file_is_not_there(self, place: Place, tmp_path: Path) -> None:
        async with place.collector() as collector:
            (file,) = await collector.listing(".")
            with pytest.raises(Retriable):
                await collector.fetch(replace(file, mtime=file.mtime + 1), tmp_path / "file")

    async def test_fetching_starts_afresh_after_a_try_that_was_killed(
        self, place: Place, tmp_path: Path
    ) -> None:
        place.say("2024-03-13T01:00:00Z")
        target = tmp_path / "here" / "file"
        target.parent.mkdir()
        (target.parent / ".file.x1y2.part").write_bytes(b'{"id": 9')
        target.write_bytes(b"of an earlier try")
        async with place.collector() as collector:
            (file,) = await collector.listing(".")
            await collector.fetch(file, target)
        assert list(target.parent.iterdir()) == [target]
        assert place.ids(target, tmp_path / "lines") == [0]


class TestApi(DrawnSuite):
    @pytest.fixture
    def place(self) -> Iterator[Place]:
        with running_api() as server:
            yield ApiPlace(server)


class TestSqlite(DrawnSuite):
    @pytest.fixture
    def place(self, tmp_path_factory: pytest.TempPathFactory) -> Place:
        path = tmp_path_factory.mktemp("sqlite") / "said.db"
        query = """
            SELECT id FROM said
            WHERE unixepoch(sent) >= :from_epoch AND unixepoch(sent) < :to_epoch ORDER BY id
        """
        return QueryPlace(f"sqlite:///{path}", "text", query)


@pytest.fixture(scope="module")
def postgres() -> Iterator[Postgres]:
    with running_postgres() as server:
        engine = sa.create_engine(f"postgresql+psycopg2://tester@127.0.0.1:{server.port}/postgres")
        with engine.begin() as connection:
            connection.exec_driver_sql("ALTER ROLE tester SET timezone = 'America/New_York'")
        engine.dispose()
        yield server


@pytest.mark.system
@pytest.mark.parametrize("when", ["timestamptz", "timestamp"])
class TestPostgres(DrawnSuite):
    @pytest.fixture
    def place(self, postgres: Postgres, when: str) -> Place:
        query = "SELECT id FROM said WHERE sent >= :from AND sent < :to ORDER BY id"
        return QueryPlace(postgres.new_database(), when, query)
