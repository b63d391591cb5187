from __future__ import annotations

import pytest
from commsarchive_airflow.catalogue import PROJECT
from commsarchive_airflow.web.pages.remedies import _BY_REASON, remedy

FAILURES = (PROJECT / "docs" / "failures.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("reason", sorted(_BY_REASON))
def test_reasons_are_those_of_the_document(reason: str) -> None:
    assert f"`{reason}`" in FAILURES


def test_what_is_not_listed_came_broken_and_is_sent_again() -> None:
    assert "send it again" in remedy("malformed")
    assert "send it again" not in remedy("no-key")
