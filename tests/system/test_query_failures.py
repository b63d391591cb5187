"""Large results and lost connections of a real PostgreSQL."""

from __future__ import annotations

import asyncio
import datetime as dt
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest
import sqlalchemy as sa

from include.commsarchive.collect.base import Fetched
from include.commsarchive.collect.drawn import Draft
from include.commsarchive.collect.query import QueryCollector
from include.commsarchive.collect.query_settings import settings_from
from include.commsarchive.collect.window import window_of
from include.commsarchive.errors import Fatal, Retriable
from include.commsarchive.profile import PROJECT
from tests.servers.postgres import Postgres, running_postgres

pytestmark = pytest.mark.system
DRAFT = Draft("feed.240313.jsonl", window_of(dt.date(2024, 3, 13), "UTC"))
SERIES = "SELECT n, repeat('x', 1000) AS text, :day AS day FROM generate_series(1, 60000) n"
LOST = "SELECT n, CASE WHEN n = 9000 THEN pg_terminate_backend(pg_backend_pid()) END AS x, :day AS day \
FROM generate_series(1, 20000) n"
EVERY_KIND = """
    SELECT :day AS day, timestamptz '2024-03-13 01:00+01' AS zoned, timestamp '2024-03-13 01:00' AS bare,
    1.10::numeric AS amount, null AS nothing, 'ab'::bytea AS raw, '{"a": [1]}'::jsonb AS tree,
    ARRAY['x', 'y'] AS list, 'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11'::uuid AS key,
    'line' || chr(10) || 'é' AS text, int4range(1, 3) AS range
"""


@pytest.fixture(scope="module")
def postgres() -> Iterator[Postgres]:
    with running_postgres() as server:
        yield server


def fetched(url: str, query: str, target: Path) -> Fetched:
    async def fetch() -> Fetched:
        async with QueryCollector(settings_from("db", sa.make_url(url), {}), query, DRAFT) as place:
            (file,) = await place.listing(".")
            return await place.fetch(file, target)

    return asyncio.run(fetch())


ALONE = """
import resource, sys
from pathlib import Path
from tests.system.test_query_failures import SERIES, fetched
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
fetched(sys.argv[1], SERIES, Path(sys.argv[2]))
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
"""


def test_memory_stays_flat_however_many_rows_there_are(postgres: Postgres, tmp_path: Path) -> None:
    """In a process of its own: the driver's memory is not Python's."""
    command = [sys.executable, "-c", ALONE, postgres.new_database(), str(tmp_path / "rows")]
    done = subprocess.run(command, cwd=PROJECT, check=True, capture_output=True, text=True)
    assert (tmp_path / "rows").stat().st_size > 60_000_000
    assert int(done.stdout) * 1024 < 20_000_000


def test_a_connection_that_is_lost_in_mid_fetch_leaves_nothing_and_is_tried_again(
    postgres: Postgres, tmp_path: Path
) -> None:
    with pytest.raises(Retriable, match="connection db: the query: "):
        fetched(postgres.new_database(), LOST, tmp_path / "rows")
    assert list(tmp_path.iterdir()) == []


def test_a_database_that_is_not_there_may_be_there_later(tmp_path: Path) -> None:
    with pytest.raises(Retriable, match="connection db: connecting: "):
        fetched("postgresql://tester@127.0.0.1:1/postgres", SERIES, tmp_path / "rows")


def test_a_login_that_is_refused_is_for_a_person_to_mend(postgres: Postgres, tmp_path: Path) -> None:
    with pytest.raises(Fatal, match='role "nobody" does not exist'):
        fetched(f"postgresql://nobody@127.0.0.1:{postgres.port}/postgres", SERIES, tmp_path / "rows")


def test_values_of_every_kind_come_through_as_text_that_says_them_whole(
    postgres: Postgres, tmp_path: Path
) -> None:
    fetched(postgres.new_database(), EVERY_KIND, tmp_path / "rows")
    (line,) = (tmp_path / "rows").read_bytes().splitlines()
    assert msgspec.json.decode(line) == {
        "day": "2024-03-13",
        "zoned": "2024-03-13T00:00:00Z",
        "bare": "2024-03-13T01:00:00",
        "amount": "1.10",
        "nothing": None,
        "raw": "YWI=",
        "tree": {"a": [1]},
        "list": ["x", "y"],
        "key": "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11",
        "text": "line\né",
        "range": "[1, 3)",
    }
