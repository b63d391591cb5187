from __future__ import annotations

from pathlib import Path

import pytest

from include.commsarchive.connector import load_connector
from include.commsarchive.demo.feeds import FIRST, NAMES, chosen, write_connectors
from include.commsarchive.errors import Fatal
from include.commsarchive.sources.registry import SOURCES


def test_all_shows_every_source_and_every_way_of_collecting() -> None:
    feeds = chosen("all")
    assert {feed.connector.source for feed in feeds} == set(SOURCES)
    assert {feed.way for feed in feeds} == {"SFTP", "a folder", "an HTTPS API", "a database"}


def test_a_list_chooses_in_our_order_each_once() -> None:
    assert [feed.name for feed in chosen("vantage, symphony,vantage")] == ["symphony", "vantage"]
    assert [feed.name for feed in chosen(FIRST)] == [FIRST]


@pytest.mark.parametrize("names", ["slack", "symphony,slack", "", ","])
def test_a_wrong_name_is_refused_with_the_names_that_there_are(names: str) -> None:
    with pytest.raises(Fatal) as caught:
        chosen(names)
    assert all(name in str(caught.value) for name in NAMES)
    assert ("no slack" in str(caught.value)) == ("slack" in names)


def test_a_feed_ends_with_its_last_sample_day() -> None:
    (feed,) = chosen("symphony")
    schedule = feed.connector.schedule
    assert [str(schedule.start), str(schedule.end)] == [feed.days[0].name, feed.days[-1].name]
    assert len(feed.days) == 3


def test_the_connectors_are_written_as_files_and_no_others_are_left(tmp_path: Path) -> None:
    write_connectors(chosen("all"), tmp_path)
    write_connectors(chosen("dig,sql_query"), tmp_path)
    written = {path.stem: load_connector(path) for path in tmp_path.iterdir()}
    assert written == {feed.name: feed.connector for feed in chosen("dig,sql_query")}
