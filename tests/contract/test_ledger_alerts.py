"""Alerts and the outbox, in both databases."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest

from include.commsarchive.ledger.alerts import AlertKind, Finding, News, Notice
from include.commsarchive.ledger.sql import SqlLedger, connect

LATE = Finding(AlertKind.MISSING, "chat", "1 day", "do", ("2026-03-11",))
KEYS = Finding(AlertKind.EXPIRING, "chat", "a key", "renew", ("key",))
LOOKED = [(AlertKind.MISSING, "chat"), (AlertKind.MISSING, "mail")]


@pytest.fixture
def ledger(new_url: Callable[[], str]) -> Iterator[SqlLedger]:
    with connect(new_url()) as opened:
        yield opened


def take(ledger: SqlLedger, *found: Finding) -> News:
    return ledger.take(LOOKED, found, lambda _: [])


def test_an_alert_is_news_once_however_often_it_is_seen(ledger: SqlLedger) -> None:
    [opened] = take(ledger, LATE).opened
    assert opened.finding == LATE
    assert not take(ledger, LATE)
    assert not take(ledger, replace(LATE, why="told in other words"))
    [seen] = ledger.alerts()
    assert (seen.finding.why, seen.opened) == ("told in other words", opened.opened)
    assert seen.seen >= opened.seen


def test_one_more_thing_is_news_and_one_that_comes_back_is_not(ledger: SqlLedger) -> None:
    take(ledger, LATE)
    more = replace(LATE, things=("2026-03-11", "2026-03-12"))
    [grown] = take(ledger, more).grown
    assert grown.finding == more
    assert not take(ledger, replace(LATE, things=("2026-03-12",)))
    assert not take(ledger, more)


def test_what_is_found_no_more_clears_once_and_opens_anew_later(ledger: SqlLedger) -> None:
    before = take(ledger, LATE).opened[0]
    [cleared] = take(ledger).cleared
    assert (cleared.finding, cleared.opened) == (LATE, before.opened)
    assert cleared.cleared >= before.seen
    assert ledger.alerts() == []
    assert ledger.alerts(since=cleared.cleared) == [cleared]
    assert not take(ledger)


def test_what_was_not_looked_at_stays_as_it_is(ledger: SqlLedger) -> None:
    ledger.take([(AlertKind.EXPIRING, "chat")], [KEYS], lambda _: [])
    take(ledger, LATE)
    assert take(ledger).cleared[0].finding == LATE
    assert [one.finding for one in ledger.alerts()] == [KEYS]


def test_alerts_are_listed_by_connector(ledger: SqlLedger) -> None:
    take(ledger, LATE, replace(LATE, connector="mail"))
    assert [one.finding.connector for one in ledger.alerts(["mail"])] == ["mail"]
    assert ledger.alerts([]) == []


def test_a_message_waits_until_it_is_sent_and_is_never_written_twice(ledger: SqlLedger) -> None:
    mail, hook = (Notice(channel, "daily 1", "subject", "text") for channel in ("mail", "hook"))
    ledger.post([mail, hook, mail])
    assert ledger.unsent() == [mail, hook]
    ledger.sent(mail)
    ledger.post([mail])
    assert ledger.unsent() == [hook]


def test_news_is_in_the_outbox_or_nothing_has_changed(ledger: SqlLedger) -> None:
    def tell(news: News) -> list[Notice]:
        assert news.opened
        raise OSError

    with pytest.raises(OSError):  # noqa: PT011 - any error will do
        ledger.take(LOOKED, [LATE], tell)
    assert ledger.alerts() == []
    note = Notice("mail", "news 1", "subject", "text")
    ledger.take(LOOKED, [LATE], lambda _: [note])
    assert ledger.unsent() == [note]
