"""The web server's way to the ledger: opened once, shared by all requests."""

from __future__ import annotations

from functools import lru_cache

from commsarchive_airflow.connections import ledger_url
from include.commsarchive.ledger.database import Database
from include.commsarchive.ledger.sql import SqlLedger


def book() -> SqlLedger:
    """Give the ledger.

    Raises:
        Fatal: its URL is none, or it is newer than this program.
        Retriable: it cannot be reached.
    """
    return _opened(ledger_url())


@lru_cache(maxsize=4)
def _opened(url: str) -> SqlLedger:
    return SqlLedger(Database(url))
