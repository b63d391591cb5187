"""Buttons on a task's page."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote, urlsplit

from airflow.sdk import BaseOperatorLink
from airflow.sdk.configuration import conf

PREFIX = "/commsarchive"
"""Where Airflow's web server mounts our pages."""

API = "/api/compliance"
"""Where it mounts the REST API."""


class ImportLogLink(BaseOperatorLink):
    """Leads from `reconcile` to the import log of its run, as CSV."""

    name = "Import log"

    def get_link(self, operator: Any, *, ti_key: Any) -> str:
        """Give the address below Airflow's own."""
        del operator
        home = urlsplit(conf.get("api", "base_url", fallback="/")).path.rstrip("/")
        return f"{home}{PREFIX}/import-log/{quote(ti_key.dag_id)}/{quote(ti_key.run_id)}.csv"
