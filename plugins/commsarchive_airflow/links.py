"""Buttons on a task's page."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote, urlsplit

from airflow.sdk import BaseOperatorLink
from airflow.sdk.configuration import conf

PREFIX = "/commsarchive"
"""Where Airflow's web server mounts the import log's downloads."""

API = "/api/compliance"
"""Where it mounts the REST API."""

PAGES = "/compliance"
"""Where it mounts the pages that people look at."""


def home() -> str:
    """Give the path at which Airflow itself is reached, ``""`` for the root of its host."""
    return urlsplit(str(conf.get("api", "base_url", fallback="/"))).path.rstrip("/")


class ImportLogLink(BaseOperatorLink):
    """Leads from `reconcile` to the import log of its run, as CSV."""

    name = "Import log"

    def get_link(self, operator: Any, *, ti_key: Any) -> str:
        """Give the address below Airflow's own."""
        del operator
        return f"{home()}{PREFIX}/import-log/{quote(ti_key.dag_id)}/{quote(ti_key.run_id)}.csv"
