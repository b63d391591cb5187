"""Telling people: the outbox of the ledger, through Airflow's notifiers."""

from __future__ import annotations

import html
import os
import re
from collections.abc import Callable

import structlog
from airflow.providers.smtp.notifications.smtp import SmtpNotifier
from airflow.sdk import BaseHook, BaseNotifier, Connection, Context

from include.commsarchive.errors import Fatal, Retriable
from include.commsarchive.ledger.alerts import Alerts, Notice

CHANNELS = "COMMSARCHIVE_ALERTS"
"""Names the Airflow connections that are told, with commas: of type `smtp` for mail, `http` for a webhook."""

WEBHOOK_SECONDS = 30


def channels() -> list[str]:
    """List the connections that are told."""
    return re.findall(r"[^\s,]+", os.environ.get(CHANNELS, ""))


class WebhookNotifier(BaseNotifier):
    """Post a message as JSON: ``text`` for chat systems, ``subject`` and ``body`` for programs."""

    def __init__(self, *, url: str, subject: str, text: str) -> None:
        """Take where to post to, and what."""
        super().__init__()
        self._url, self._subject, self._text = url, subject, text

    def notify(self, context: Context) -> None:
        """Post.

        Raises:
            Retriable: nobody answers, or not with success. The text does not hold the URL, which is a secret.
        """
        import httpx

        del context
        message = {"text": f"{self._subject}\n\n{self._text}", "subject": self._subject, "body": self._text}
        try:
            answer = httpx.post(self._url, json=message, timeout=WEBHOOK_SECONDS)
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise Retriable(f"the webhook cannot be reached: {type(error).__name__}") from None
        if not answer.is_success:
            raise Retriable(f"the webhook answers {answer.status_code}")


def send_waiting(alerts: Alerts, context: Context) -> int:
    """Send what waits in the outbox; say how many messages went. What cannot be sent waits on.

    Raises:
        Retriable: a channel could not be reached; the others were.
    """
    log = structlog.get_logger("commsarchive.alerts")
    number, failed = 0, dict[str, str]()
    for notice in alerts.unsent():
        if notice.channel in failed or notice.channel not in channels():
            continue
        try:
            _notifier(notice).notify(context)
        except Exception as error:  # noqa: BLE001 - whatever a channel raises, the others must be told
            ours = isinstance(error, (Retriable, Fatal))
            failed[notice.channel] = str(error) if ours else type(error).__name__
        else:
            alerts.sent(notice)
            number += 1
    for channel, reason in failed.items():
        log.error("nobody is told", channel=channel, reason=reason)
    if failed:
        raise Retriable(
            f"not told: {'; '.join(f'{channel}: {reason}' for channel, reason in failed.items())}. Mend the "
            "connection or its server; the messages wait in the ledger"
        )
    return number


def _notifier(notice: Notice) -> BaseNotifier:
    found = BaseHook.get_connection(notice.channel)
    if found.conn_type not in _MAKERS:
        raise Fatal(f"connection {notice.channel}: its type must be one of: {', '.join(_MAKERS)}")
    return _MAKERS[found.conn_type](found, notice)


def _mail(found: Connection, notice: Notice) -> BaseNotifier:
    to = found.extra_dejson.get("to")
    if not to:
        raise Fatal(f"connection {notice.channel}: extra `to` is not set. Name who gets the mail")
    return SmtpNotifier(
        smtp_conn_id=notice.channel,
        to=to,
        subject=notice.subject,
        html_content=f"<pre>{html.escape(notice.text)}</pre>",
    )


def _webhook(found: Connection, notice: Notice) -> BaseNotifier:
    url = next((one for one in (found.password, found.host) if one and one.startswith("http")), "")
    if not url:
        raise Fatal(
            f"connection {notice.channel}: write the webhook's URL into its password, or into its host"
        )
    return WebhookNotifier(url=url, subject=notice.subject, text=notice.text)


_MAKERS: dict[str, Callable[[Connection, Notice], BaseNotifier]] = {"smtp": _mail, "http": _webhook}
