"""Our errors as Airflow understands them: fail now, or try again, when the other side said so."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import structlog
from airflow.sdk import RetryDecision, RetryPolicy
from airflow.sdk.exceptions import AirflowFailException

from include.commsarchive.errors import CommsArchiveError, Retriable

log = structlog.get_logger("commsarchive")


class HonourRetryAfter(RetryPolicy):
    """Try again when the other side asked us to, instead of after the task's own delay."""

    def evaluate(
        self, exception: BaseException, try_number: int, max_tries: int, context: Any = None
    ) -> RetryDecision:
        """Turn ``retry_after`` into the delay of this retry."""
        del try_number, max_tries, context
        if isinstance(exception, Retriable) and exception.retry_after is not None:
            delay = dt.timedelta(seconds=exception.retry_after)
            return RetryDecision.retry(delay, "the other side asked for this wait")
        return RetryDecision.default()


@contextmanager
def explained() -> Iterator[None]:
    """Say an error of ours as one line, and tell Airflow whether trying again can help.

    Anything else is a fault of the program and keeps its traceback.

    Raises:
        AirflowFailException: a person must mend something; no retry.
        Retriable: Airflow's retries take it from here.
    """
    try:
        yield
    except Retriable as error:
        log.warning("failed, will be tried again", reason=str(error))
        raise Retriable(str(error), retry_after=error.retry_after) from None
    except CommsArchiveError as error:
        log.error("failed, a person must act", reason=str(error))  # noqa: TRY400 - the reason says it all
        raise AirflowFailException(str(error)) from None
