"""Alerts as Airflow runs them: told once on every channel, never lost, and once a day that all is well."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pytest
from commsarchive_airflow.operators.watch import CheckExpiryOperator, DailyOperator, WatchOperator
from structlog.testing import capture_logs

from include.commsarchive.errors import Retriable
from include.commsarchive.ledger.alerts import AlertKind
from include.commsarchive.ledger.base import Run
from include.commsarchive.ledger.sql import connect
from include.commsarchive.stages.ingest import IngestReceipt
from include.commsarchive.stages.reconcile import reconcile
from include.commsarchive.stages.run import MapReceipt
from tests.letters import make_held
from tests.servers.smtp import HookServer, MailServer, running_smtp, running_webhook
from tests.unit.plugins.desk import Desk, make_desk

NOW = dt.datetime.now(dt.UTC)
YESTERDAY = NOW.date() - dt.timedelta(days=1)


@dataclass
class Scheduler:
    """What an operator's ``context["ti"]`` is asked for: how many of these runs have failed."""

    failed: tuple[str, ...] = ()

    def get_dr_count(self, dag_id: str, run_ids: list[str], states: list[str]) -> int:
        assert states == ["failed"]
        return sum(f"{dag_id}/{run_id}" in self.failed for run_id in run_ids)


@pytest.fixture
def mail() -> Iterator[MailServer]:
    with running_smtp() as server:
        yield server


@pytest.fixture
def hook() -> Iterator[HookServer]:
    with running_webhook() as server:
        yield server


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, mail: MailServer, hook: HookServer) -> Desk:
    """A connector whose first day is today, so that nothing is due, and two channels."""
    made = make_desk(tmp_path, monkeypatch)
    made.write(schedule={"start": NOW.date().isoformat(), "cron": "0 0 * * *", "deadline_hours": 0.0001})
    extra = {"disable_ssl": True, "disable_tls": True, "from_email": "archive@firm.example", "retry_limit": 0}
    for name, connection in {
        "desk_mail_alerts": {
            "conn_type": "smtp",
            "host": "127.0.0.1",
            "port": mail.port,
            "extra": extra | {"to": ["olga@firm.example", "paul@firm.example"]},
        },
        "desk_hook": {"conn_type": "http", "password": hook.url},
    }.items():
        monkeypatch.setenv(f"AIRFLOW_CONN_{name.upper()}", json.dumps(connection))
    monkeypatch.setenv("COMMSARCHIVE_ALERTS", "desk_mail_alerts, desk_hook")
    return made


def watch(desk: Desk, *failed: str) -> int:
    return WatchOperator(task_id="look").execute(desk.context() | {"ti": Scheduler(failed)})


def text_of(mail: EmailMessage) -> str:
    part = mail.get_body(("html",))
    assert part is not None
    return str(part.get_content())


def miss_a_day(desk: Desk) -> None:
    desk.write(schedule={"start": YESTERDAY.isoformat()})


def close(desk: Desk, day: dt.date) -> None:
    run = Run(f"desk_chat/{day}", "desk_chat", day, "scheduled", NOW)
    with connect(desk.ledger) as ledger:
        ledger.open_run(run)
        reconcile(run, ledger, [], MapReceipt([], 0, 0, 0, 0, 0, 0, 0, "v"), [IngestReceipt()])


def test_a_missing_day_is_told_once_on_every_channel_and_so_is_that_it_is_mended(
    desk: Desk, mail: MailServer, hook: HookServer
) -> None:
    assert watch(desk) == 0
    assert (mail.mails, hook.posts) == ([], [])
    miss_a_day(desk)
    assert [watch(desk) for _ in range(3)] == [1, 1, 1]
    [told] = mail.mails
    assert told["Subject"] == "commsarchive: 1 new"
    assert told["From"] == "archive@firm.example"
    assert mail.recipients == ["olga@firm.example", "paul@firm.example"]
    assert f"1 business day is not archived: {YESTERDAY}" in text_of(told)
    [post] = hook.posts
    assert post["subject"] == "commsarchive: 1 new"
    assert post["text"] == f"{post['subject']}\n\n{post['body']}"
    assert "What to do: See in Airflow" in post["body"]
    close(desk, YESTERDAY)
    assert watch(desk) == 0
    assert [one["subject"] for one in hook.posts] == ["commsarchive: 1 new", "commsarchive: 1 mended"]
    assert len(mail.mails) == 2


def test_a_channel_that_is_down_is_told_later_and_the_other_not_twice(
    desk: Desk, mail: MailServer, hook: HookServer
) -> None:
    miss_a_day(desk)
    mail.refusing = True
    with pytest.raises(Retriable, match="desk_mail_alerts"):
        watch(desk)
    assert len(hook.posts) == 1
    mail.refusing = False
    watch(desk)
    assert (len(mail.mails), len(hook.posts)) == (1, 1)


def test_a_webhook_that_refuses_is_told_later_and_its_secret_address_is_in_no_text(
    desk: Desk, mail: MailServer, hook: HookServer
) -> None:
    miss_a_day(desk)
    hook.status = 500
    with capture_logs() as lines, pytest.raises(Retriable, match="the webhook answers 500") as raised:
        watch(desk)
    assert "secret-path" not in str(raised.value) + json.dumps(lines, default=str)
    assert len(mail.mails) == 1
    hook.status = 200
    watch(desk)
    assert len(hook.posts) == 1


def test_a_run_that_airflow_says_has_failed_is_an_alert(desk: Desk, hook: HookServer) -> None:
    with connect(desk.ledger) as ledger:
        later = NOW + dt.timedelta(hours=1)
        ledger.open_run(Run("desk_chat/r1", "desk_chat", NOW.date(), "manual", later))
    assert watch(desk) == 0
    assert watch(desk, "desk_chat/r1") == 1
    assert "1 run has failed or not closed" in hook.posts[0]["body"]


def test_markup_and_templates_in_a_reason_stay_text(desk: Desk, mail: MailServer) -> None:
    reason = "<b>{{ 1 + 1 }}</b>"
    with connect(desk.ledger) as ledger:
        ledger.hold([replace(make_held("x", connector="desk_chat", people=()), reason=reason)])
    watch(desk)
    assert "&lt;b&gt;{{ 1 + 1 }}&lt;/b&gt;" in text_of(mail.mails[0])


def test_people_are_in_no_message_and_no_log_line(desk: Desk, hook: HookServer) -> None:
    with connect(desk.ledger) as ledger:
        ledger.hold([make_held("x", connector="desk_chat", people=("uuid:4711",))])
    with capture_logs() as lines:
        watch(desk)
    with connect(desk.ledger) as ledger:
        kinds = {one.finding.kind: one.finding.things for one in ledger.alerts()}
    assert kinds[AlertKind.UNMAPPED] == ("uuid:4711",)
    assert "4711" not in hook.posts[0]["body"] + json.dumps(lines, default=str)


def test_with_no_channel_it_says_that_nobody_is_told(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COMMSARCHIVE_ALERTS", "")
    miss_a_day(desk)
    with capture_logs() as lines:
        assert watch(desk) == 1
    assert "nobody is told of alerts: set COMMSARCHIVE_ALERTS" in [line["event"] for line in lines]


def daily(desk: Desk, verified: Any) -> None:
    DailyOperator(task_id="tell", verified=verified).execute(desk.context())


def test_each_day_one_message_says_that_all_is_well(desk: Desk, mail: MailServer, hook: HookServer) -> None:
    close(desk, YESTERDAY)
    said = "1 import record, 5 copies looked up, 4 compared, 1 only found: intact"
    daily(desk, said)
    daily(desk, said)
    [post] = hook.posts
    assert post["subject"].endswith("all is well")
    row = next(line for line in post["body"].splitlines() if line.startswith("desk_chat"))
    assert row.split() == ["desk_chat", YESTERDAY.isoformat(), "1", "0", "0", "0"]
    assert f"Evidence: {said}." in post["body"]
    assert len(mail.mails) == 1


def test_a_day_without_verification_or_with_alerts_is_not_well(desk: Desk, hook: HookServer) -> None:
    miss_a_day(desk)
    watch(desk)
    daily(desk, None)
    post = hook.posts[-1]
    assert post["subject"].endswith("1 open alert")
    assert "was not verified today" in post["body"]


def test_a_password_that_ends_soon_and_a_connection_that_is_gone_are_alerts(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    check = CheckExpiryOperator(task_id="check_expiry")
    assert check.execute(desk.context()) == 0
    soon = (NOW + dt.timedelta(days=10)).date().isoformat()
    extra = {"path": str(desk.exports), "expires": soon}
    monkeypatch.setenv("AIRFLOW_CONN_DESK_FOLDER", json.dumps({"conn_type": "fs", "extra": extra}))
    assert check.execute(desk.context()) == 1
    with connect(desk.ledger) as ledger:
        [alert] = ledger.alerts()
    assert "the password of connection desk_folder expires within 14 days" in alert.finding.why
    desk.write(mapping={"directory": "nowhere"})
    check.execute(desk.context())
    with connect(desk.ledger) as ledger:
        [alert] = ledger.alerts()
    assert "cannot be checked: connection nowhere" in alert.finding.why
