"""A day from an API and one from a database all the way: to mailboxes and an import record."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping
from dataclasses import replace
from email import message_from_bytes, policy
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from include.commsarchive.connector import Connector, load_connector
from include.commsarchive.doors import Connection, open_collector
from include.commsarchive.errors import Fatal, Retriable
from include.commsarchive.ledger.sql import connect
from include.commsarchive.profile import PROJECT
from tests.servers.answering import Said
from tests.servers.paged_api import CLIENT, SECRET, PagedApi, running_api
from tests.servers.postgres import running_postgres
from tests.system.whole_path import Archive, numbers

DAY = dt.date(2024, 3, 13)
EXAMPLES = PROJECT / "include" / "connectors"
PEOPLE = {
    "nina.oakes@quillbrook.example": "Nina Oakes",
    "zoe.lindqvist@quillbrook.example": "Zoe Lindqvist",
    "rufus.vale@halden.example": "Rufus Vale",
}


def message(number: int, room: str, author: str, at: str) -> dict[str, Any]:
    readers = ";".join(one for one in PEOPLE if one != author)
    return {
        "id": number,
        "sent": at,
        "room": room,
        "room_name": f"Room {room}",
        "author": author,
        "author_name": PEOPLE[author],
        "readers": readers,
        "body": f"Text {number}",
    }


NINA, ZOE, RUFUS = PEOPLE
SAID = [
    message(1, "a", NINA, "2024-03-13T08:00:00Z"),
    message(2, "b", ZOE, "2024-03-13T08:00:01Z"),
    message(3, "a", RUFUS, "2024-03-13T08:00:02Z"),
    message(4, "b", NINA, "2024-03-13T08:00:03Z"),
    message(5, "a", ZOE, "2024-03-14T00:00:00Z"),
]


def archive_of(root: Path, example: str, found: Connection) -> Archive:
    connector = load_connector(EXAMPLES / f"{example}.yaml.example").model_copy(update={"name": "feed"})
    return Archive(root / "archive", None, connector, partial(open_collector, found, connector, DAY))


def of_api(server: PagedApi) -> Connection:
    extra = {"token_url": f"{server.url}/token"}
    return Connection("desk_api", "https", server.url, None, CLIENT, SECRET, extra)


@pytest.fixture
def server() -> Iterator[PagedApi]:
    with running_api() as server:
        server.records = list(SAID)
        server.uses = 1
        yield server


def staged(archive: Archive) -> Mapping[str, int]:
    folder = archive.root / "staging"
    return {
        path.name: path.stat().st_size for path in folder.rglob("*") if path.is_file() and "raw" in path.parts
    }


def files_of(archive: Archive) -> list[tuple[str, bool]]:
    """Names of the files in the ledger, and whether hashes of what came and of what was read differ."""
    with archive.opened("one", DAY, "scheduled") as (scope, _):
        return [(one.name, one.sha256 != one.clear_sha256) for one in scope.ledger.files("one")]


def test_a_day_of_an_api_is_archived_once_whatever_page_a_conversation_is_on(
    tmp_path: Path, server: PagedApi
) -> None:
    archive = archive_of(tmp_path, "https_api", of_api(server))
    assert numbers(archive.archive(day=DAY)) == {"archived": 2, "made": 4}
    assert list(staged(archive)) == ["feed.240313.jsonl.pages.tar"]
    assert files_of(archive) == [("feed.240313.jsonl.pages.tar", True)]
    assert server.tokens > 2
    room_a = next(raw for raw in archive.mails().values() if b"Text 1" in raw)
    assert b"Text 3" in room_a
    assert b"Text 5" not in room_a
    again = numbers(archive.archive("again", DAY))
    assert (again["duplicate"], again.get("made", 0)) == (2, 0)


def test_a_record_that_does_not_fit_is_set_aside_alone(tmp_path: Path, server: PagedApi) -> None:
    server.records.insert(2, {"id": 9, "sent": "2024-03-13T08:00:01Z", "body": "whose?"})
    archive = archive_of(tmp_path, "https_api", of_api(server))
    assert numbers(archive.archive(day=DAY)) == {"archived": 2, "quarantined": 1, "made": 4}
    assert archive.reasons() == ["row-does-not-fit"]
    assert any(b"whose?" in raw for raw in archive.held_bytes().values())


def test_a_broken_page_is_set_aside_with_its_bytes_and_a_new_run_archives_the_day(
    tmp_path: Path, server: PagedApi, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("include.commsarchive.collect.api_session.TRIES", 1)
    server.said = {2: Said(200, b"<html>sorry</html>")}
    archive = archive_of(tmp_path, "https_api", of_api(server))
    assert numbers(archive.archive(day=DAY)) == {"quarantined": 1}
    assert archive.reasons() == ["broken-page"]
    assert numbers(archive.replay()) == {"quarantined": 1}
    kept = archive.held_bytes()
    assert any(b"<html>sorry</html>" in raw for raw in kept.values())
    assert numbers(archive.archive("again", DAY)) == {"archived": 2, "made": 4}
    assert archive.reasons() == []
    assert archive.held_bytes() == kept
    with connect(f"sqlite:///{archive.root / 'ledger.db'}") as ledger:
        (settled,) = ledger.all_held("feed", DAY, DAY)
    assert (settled.reason, settled.resolved_by) == ("broken-page", "again")


def test_a_day_that_is_empty_when_it_is_asked_for_again_leaves_the_broken_page_to_a_person(
    tmp_path: Path, server: PagedApi, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("include.commsarchive.collect.api_session.TRIES", 1)
    server.said = {2: Said(200, b"<html>sorry</html>")}
    archive = archive_of(tmp_path, "https_api", of_api(server))
    archive.archive(day=DAY)
    server.records.clear()
    assert numbers(archive.archive("again", DAY)) == {}
    assert archive.reasons() == ["broken-page"]


def test_a_page_that_was_read_at_the_wrong_place_comes_back_by_replay(
    tmp_path: Path, server: PagedApi
) -> None:
    archive = archive_of(tmp_path, "https_api", of_api(server))
    good = archive.connector
    assert good.collect.api
    wrong = good.collect.model_copy(update={"api": good.collect.api.model_copy(update={"items": "rows"})})
    # The collector reads as it should: the connector was changed between `wait_for_export` and `decrypt`.
    archive = replace(archive, connector=good.model_copy(update={"collect": wrong}))
    assert numbers(archive.archive(day=DAY)) == {"quarantined": 1}
    archive = replace(archive, connector=good)
    asked = len(server.asked)
    assert numbers(archive.replay()) == {"archived": 2, "made": 4}
    assert len(server.asked) == asked, "a replay reads what was kept"


def test_an_empty_day_closes(tmp_path: Path, server: PagedApi) -> None:
    server.records.clear()
    archive = archive_of(tmp_path, "https_api", of_api(server))
    assert numbers(archive.archive(day=DAY)) == {}
    assert files_of(archive) == [("feed.240313.jsonl.pages.tar", True)]


def test_a_fetch_that_broke_off_starts_again(tmp_path: Path, server: PagedApi) -> None:
    server.said = {2: Said(429, headers={"Retry-After": "600"})}
    archive = archive_of(tmp_path, "https_api", of_api(server))
    with pytest.raises(Retriable) as caught:
        archive.archive(day=DAY)
    assert caught.value.retry_after == 600
    assert staged(archive) == {}
    assert numbers(archive.archive(day=DAY)) == {"archived": 2, "made": 4}


def test_files_that_records_name_are_attached_and_a_missing_one_is_told(
    tmp_path: Path, server: PagedApi
) -> None:
    server.records = [dict(one) for one in SAID]
    server.records[0]["files"] = [{"url": "/v1/files/rows.jsonl", "name": "rows.jsonl"}]
    server.records[1]["files"] = [{"url": "/v1/files/gone", "name": "gone.pdf"}]
    server.files = {"/v1/files/rows.jsonl": Said(200, b'{"room": "no row"}')}
    profile = tmp_path / "profile.yaml"
    shipped = (PROJECT / "include" / "profiles" / "drawn_messages.yaml").read_text(encoding="utf-8")
    profile.write_text(f"{shipped}\nattachments: {{each: files, name: name, path: url}}\n")
    archive = archive_of(tmp_path, "https_api", of_api(server))
    told = archive.connector.model_dump(mode="json") | {"profile": str(profile)}
    told["collect"]["api"]["attachments"] = {"links": "files/url"}
    connector = Connector.model_validate(told)
    collector = partial(open_collector, of_api(server), connector, DAY)
    archive = replace(archive, connector=connector, collector=collector)
    assert numbers(archive.archive(day=DAY)) == {"archived": 2, "partial": 1, "made": 4}
    assert files_of(archive) == [("feed.240313.zip.pages.tar", True)]
    mails = [message_from_bytes(raw, policy=policy.default) for raw in archive.mails().values()]
    texts = {str(mail.get_body(("plain",))): mail for mail in mails}
    (file,) = next(mail for text, mail in texts.items() if "Text 1" in text).iter_attachments()
    assert (file.get_filename(), file.get_content()) == ("rows.jsonl", b'{"room": "no row"}')
    lacking, mail = next((text, mail) for text, mail in texts.items() if "Text 2" in text)
    assert not list(mail.iter_attachments())
    assert "gone.pdf" in lacking
    assert "missing: not in the export" in lacking


@pytest.fixture
def database() -> Iterator[sa.URL]:
    with running_postgres() as postgres:
        url = sa.make_url(postgres.new_database()).set(drivername="postgresql+psycopg2")
        engine = sa.create_engine(url)
        with engine.begin() as connection:
            connection.exec_driver_sql("CREATE TABLE room (id text, name text)")
            connection.exec_driver_sql("CREATE TABLE account (id text, mail text, name text)")
            columns = "id int, sent timestamptz, room text, author text, readers text, body text"
            connection.exec_driver_sql(f"CREATE TABLE message ({columns})")
            connection.exec_driver_sql("CREATE SEQUENCE counter")
            connection.exec_driver_sql("INSERT INTO room VALUES ('a', 'Room a'), ('b', 'Room b')")
            for mail, name in PEOPLE.items():
                connection.execute(sa.text("INSERT INTO account VALUES (:m, :m, :n)"), {"m": mail, "n": name})
            connection.execute(
                sa.text("INSERT INTO message VALUES (:id, :sent, :room, :author, :readers, :body)"), SAID
            )
        engine.dispose()
        yield url


@pytest.mark.system
def test_a_day_of_a_database_is_archived_once_and_its_rows_are_the_same_items_as_the_api_s(
    tmp_path: Path, database: sa.URL, server: PagedApi
) -> None:
    extra = {"url": database.render_as_string(hide_password=False)}
    archive = archive_of(tmp_path, "sql_query", Connection("desk_database", "postgres", extra=extra))
    assert numbers(archive.archive(day=DAY)) == {"archived": 2, "made": 4}
    assert files_of(archive) == [("feed.240313.jsonl", False)]
    other = replace(archive, collector=partial(open_collector, of_api(server), api_connector(), DAY))
    other = replace(other, connector=api_connector())
    again = numbers(other.archive("again", DAY))
    assert (again["duplicate"], again.get("made", 0)) == (2, 0)


def api_connector() -> Connector:
    return load_connector(EXAMPLES / "https_api.yaml.example").model_copy(update={"name": "feed"})


@pytest.mark.system
def test_a_query_can_write_nothing_and_says_what_to_mend(tmp_path: Path, database: sa.URL) -> None:
    extra = {"url": database.render_as_string(hide_password=False)}
    archive = archive_of(tmp_path, "sql_query", Connection("desk_database", "postgres", extra=extra))
    for query, told in [
        ("DELETE FROM message WHERE sent >= :from AND sent < :to RETURNING id", "syntax error"),
        ("SELECT nextval('counter') FROM message WHERE sent >= :from AND sent < :to", "ReadOnlySql"),
        ("SELECT nothing FROM message WHERE sent >= :from AND sent < :to", '"nothing" does not exist'),
        ("SELECT id, body AS id FROM message WHERE sent >= :from AND sent < :to", "a column twice"),
        ("SELECT body\\:\\:int FROM message WHERE sent >= :from AND sent < :to", "InvalidTextRepresentation"),
    ]:
        collect = archive.connector.collect.model_copy(update={"query": query})
        connector = archive.connector.model_copy(update={"collect": collect})
        found = Connection("desk_database", "postgres", extra=extra)
        place = partial(open_collector, found, connector, DAY)
        with pytest.raises(Fatal, match=told) as caught:
            replace(archive, connector=connector, collector=place).archive(day=DAY)
        assert "Text 1" not in str(caught.value)
        assert staged(archive) == {}
