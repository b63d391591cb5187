"""How long a mail is to be kept travels with it."""

from __future__ import annotations

import io

import pytest

from include.commsarchive.message.mail import make_mail
from include.commsarchive.message.stage import stage
from include.commsarchive.model import Mail, Retention
from tests.unit.message.people import Source, conversation


def made(retention: Retention | None) -> Mail:
    return make_mail(stage(conversation(), Source()), {}, lambda _: io.BytesIO(b"x"), retention=retention)


def stated(mail: Mail) -> list[str]:
    return [value for name, value in mail.headers if name == "X-Commsarchive-Retention"]


@pytest.mark.parametrize(
    ("retention", "header"),
    [
        (Retention("Comms 7 years", 2555), "Comms 7 years; 2555 days"),
        (Retention("", 2555), "2555 days"),
        (Retention("8c40fb9c-3d54-4b6a-8b1f-2cb0f4a8d6a1", 0), "8c40fb9c-3d54-4b6a-8b1f-2cb0f4a8d6a1"),
    ],
)
def test_a_mail_says_how_long_it_is_to_be_kept(retention: Retention, header: str) -> None:
    mail = made(retention)
    assert stated(mail) == [header]
    assert mail.retention == retention


def test_a_mail_of_a_connector_without_retention_says_nothing() -> None:
    assert stated(made(None)) == []
