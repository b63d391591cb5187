"""Airflow's settings for all tests, made before anything imports Airflow; nothing imports it here."""

from __future__ import annotations

import atexit
import json
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

PROJECT = Path(__file__).resolve().parents[1]
HOME = tempfile.mkdtemp(prefix="commsarchive-tests-")
atexit.register(shutil.rmtree, HOME, ignore_errors=True)

BUNDLE = "airflow.dag_processing.bundles.local.LocalDagBundle"
BUNDLES = [
    {"name": folder.replace("/", "-"), "classpath": BUNDLE, "kwargs": {"path": str(PROJECT / folder)}}
    for folder in ("dags", "docs/examples")
]
os.environ.update(
    AIRFLOW_HOME=HOME,
    AIRFLOW__CORE__DAGS_FOLDER=str(PROJECT / "dags"),
    AIRFLOW__CORE__PLUGINS_FOLDER=str(PROJECT / "plugins"),
    AIRFLOW__CORE__LOAD_EXAMPLES="False",
    AIRFLOW__CORE__MIN_SERIALIZED_DAG_UPDATE_INTERVAL="0",  # a test that loads DAGs gets those of its own
    AIRFLOW__API_AUTH__JWT_SECRET="signs the tokens of tests, nowhere else, and is long enough for SHA-512",
    AIRFLOW__DAG_PROCESSOR__DAG_BUNDLE_CONFIG_LIST=json.dumps(BUNDLES),
)


def pytest_configure(config: pytest.Config) -> None:
    """Let Airflow's own warnings pass; ours stay errors.

    Python 3.13 complains of each ledger that the web server's book keeps open as long as it runs.
    """
    for warning in ("GitWildMatchPattern:DeprecationWarning", "Using `httpx` with `starlette.testclient`"):
        config.addinivalue_line("filterwarnings", f"ignore:{warning}")
    config.addinivalue_line("filterwarnings", "ignore:unclosed database:ResourceWarning")


@pytest.fixture
def anyio_backend() -> str:
    """Run async tests on asyncio, as the product does."""
    return "asyncio"


@pytest.fixture(scope="session")
def airflow_database() -> None:
    """Make Airflow's database, once for all tests that need it."""
    from airflow.utils import db  # noqa: PLC0415 - most tests must not pay for it

    db.initdb()


@pytest.fixture
def no_runs(airflow_database: None) -> None:
    """Forget the runs that other tests have left in Airflow's database."""
    from airflow.models.backfill import Backfill, BackfillDagRun  # noqa: PLC0415 - the same
    from airflow.models.dagrun import DagRun  # noqa: PLC0415
    from airflow.utils.session import create_session  # noqa: PLC0415
    from sqlalchemy import delete  # noqa: PLC0415

    with create_session() as session:
        for table in (BackfillDagRun, DagRun, Backfill):
            session.execute(delete(table))


@pytest.fixture(scope="module", params=["sqlite", pytest.param("postgres", marks=pytest.mark.system)])
def new_url(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Callable[[], str]]:
    """Give the URL of another empty database at each call."""
    if request.param == "postgres":
        from tests.servers.postgres import running_postgres  # noqa: PLC0415 - most tests must not pay for it

        with running_postgres() as server:
            yield server.new_database
    else:
        yield lambda: f"sqlite:///{tmp_path_factory.mktemp('ledger')}/ledger.db"
