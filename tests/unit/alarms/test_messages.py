"""What people are told: everything they need, nobody's name, and once a day also that all is well."""

from __future__ import annotations

import datetime as dt

from include.commsarchive.alarms.messages import FeedLine, daily_notices, news_notices
from include.commsarchive.ledger.alerts import Alert, AlertKind, Finding, News

AT = 1_773_500_000_000
LATE = Alert(
    Finding(
        AlertKind.MISSING, "chat", "2 days are not archived", "Trigger them", ("2026-03-11", "2026-03-12")
    ),
    AT,
    AT,
)
SILENT = Alert(
    Finding(AlertKind.CUSTODIANS, "chat", "2 people", "Ask", ("ann@firm.example", "bob@firm.example")), AT, AT
)


def test_news_is_one_message_for_each_channel() -> None:
    mended = Alert(LATE.finding, AT, AT, AT + 1)
    notices = news_notices(News((LATE, SILENT), (), (mended,)), ["mail", "hook"])
    assert [one.channel for one in notices] == ["mail", "hook"]
    [mail, hook] = notices
    assert (mail.name, mail.text) == (hook.name, hook.text)
    assert mail.subject == "commsarchive: 2 new, 1 mended"
    assert "NEW  chat: day-missing, since 2026-03-14 14:53 UTC" in mail.text
    assert "2026-03-11, 2026-03-12" in mail.text
    assert mail.text.count("What to do: Trigger them.") == 1


def test_no_news_is_no_message() -> None:
    assert news_notices(News(), ["mail"]) == []


def test_the_same_words_at_another_time_are_another_message() -> None:
    first, later = (news_notices(News((Alert(LATE.finding, at, at),)), ["mail"]) for at in (AT, AT + 1))
    assert first[0].name != later[0].name


def test_no_message_names_people() -> None:
    [one] = news_notices(News((SILENT,)), ["mail"])
    assert "@" not in one.text


def test_long_lists_are_cut() -> None:
    days = tuple(f"2026-01-{day:02}" for day in range(1, 31))
    [one] = news_notices(News((Alert(Finding(AlertKind.MISSING, "c", "w", "r", days), 1, 1),)), ["mail"])
    assert "2026-01-10 and 20 more" in one.text


def test_a_day_on_which_all_is_well_says_so_with_every_feed() -> None:
    day = dt.date(2026, 3, 16)
    feeds = [FeedLine("chat", dt.date(2026, 3, 15), 1, 1234, 5678, 0), FeedLine("mail", None)]
    [one] = daily_notices(day, feeds, [], "17 import records, intact", ["mail"])
    assert one.subject == "commsarchive 2026-03-16: all is well"
    lines = one.text.splitlines()
    assert lines[0] == "2026-03-16: all is well."
    assert lines[3].split() == ["chat", "2026-03-15", "1", "1234", "5678", "0"]
    assert lines[4].split() == ["mail", "never", "0", "0", "0", "0"]
    assert "Evidence: 17 import records, intact." in lines


def test_a_day_with_open_alerts_lists_them_and_has_one_name() -> None:
    day = dt.date(2026, 3, 16)
    [one] = daily_notices(day, [], [LATE], "intact", ["mail"])
    assert one.subject == "commsarchive 2026-03-16: 1 open alert"
    assert "OPEN  chat: day-missing" in one.text
    assert one.name == daily_notices(day, [], [], "intact", ["mail"])[0].name
