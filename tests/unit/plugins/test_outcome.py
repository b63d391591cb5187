from __future__ import annotations

import datetime as dt

import pytest
from airflow.sdk.exceptions import AirflowFailException
from commsarchive_airflow.outcome import HonourRetryAfter, explained

from include.commsarchive.errors import Fatal, Quarantine, Retriable


@pytest.mark.parametrize(
    "error", [Fatal("key expired: renew it"), Quarantine("no-key", "key expired: renew it")]
)
def test_what_a_person_must_mend_fails_at_once_with_one_clear_text(error: Exception) -> None:
    with pytest.raises(AirflowFailException, match=r"^key expired: renew it$") as caught, explained():
        raise error
    assert caught.value.__suppress_context__


def test_what_may_pass_is_left_to_the_retries_with_its_wait() -> None:
    with pytest.raises(Retriable) as caught, explained():
        raise Retriable("server is busy", retry_after=90)
    decision = HonourRetryAfter().evaluate(caught.value, 1, 3)
    assert decision.retry_delay == dt.timedelta(seconds=90)


def test_without_a_wait_the_tasks_own_delay_counts() -> None:
    assert HonourRetryAfter().evaluate(Retriable("connection lost"), 1, 3).retry_delay is None


def test_a_fault_of_the_program_keeps_its_traceback() -> None:
    with pytest.raises(ZeroDivisionError), explained():
        raise ZeroDivisionError
