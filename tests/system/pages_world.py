"""Airflow's web server with pages to look at: no scheduler, and a ledger whose history we wrote."""

from __future__ import annotations

import contextlib
import datetime as dt
import hashlib
import json
import secrets
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml
from commsarchive_airflow.local import Home, free_port

from include.commsarchive.ledger.alerts import AlertKind, Finding
from include.commsarchive.ledger.base import HeldStage
from include.commsarchive.ledger.control import Act
from include.commsarchive.ledger.sql import SqlLedger, connect
from include.commsarchive.pgp.keys import make_key
from include.commsarchive.stages.verification import Asked, keep
from include.commsarchive.stages.verify import Verdict
from tests.unit.plugins.past_days import close_day, held

YESTERDAY = dt.datetime.now(dt.UTC).date() - dt.timedelta(days=1)
FRIDAY = 4
MISSING = (
    "copy a1b2c3d4e5f60718 of item 77aa12 in archive (run bloomberg_london/7): is not in its mailbox any more"
)
SECRET_WORDS = "The plan is to sell <b>everything</b> on Friday"
USERS = {"admin": "admin", "olga": "op", "cora": "viewer"}
"""Airflow's roles: an administrator, a data engineer, a compliance officer."""


@dataclass
class World:
    """An Airflow whose connectors and ledger lie in folders of its own."""

    home: Home
    root: Path
    passwords: dict[str, str] = field(default_factory=dict)

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.home.port}"

    @property
    def environment(self) -> dict[str, str]:
        users = ",".join(f"{name}:{role}" for name, role in USERS.items())
        return {
            **self.home.environment,
            "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_USERS": users,
            "AIRFLOW__CORE__DAGS_ARE_PAUSED_AT_CREATION": "False",
            "COMMSARCHIVE_CONNECTORS": str(self.root / "connectors"),
            "COMMSARCHIVE_LEDGER": self.home.ledger,
            "COMMSARCHIVE_STAGING": str(self.root / "staging"),
            "COMMSARCHIVE_COMPLIANCE": "cora",
        }

    def token(self, who: str) -> str:
        asked = {"username": who, "password": self.passwords[who]}
        return str(httpx.post(f"{self.address}/auth/token", json=asked).json()["access_token"])

    def define(self, name: str, **changes: Any) -> None:
        definition = {
            "name": name,
            "source": "instant_bloomberg",
            "collect": {"connection": "vendor", "allow_unencrypted": True},
            "mapping": {"third_party_mailbox": "all@quillbrook.example"},
            "deliver": {"connection": "archive"},
            "schedule": {"start": str(YESTERDAY - dt.timedelta(days=40)), "catchup": False},
        }
        path = self.root / "connectors" / f"{name}.yaml"
        path.write_text(yaml.safe_dump({**definition, **changes}), encoding="utf-8")

    def load_dags(self) -> None:
        """Let Airflow read the DAGs once."""
        command = [self.home.airflow, "dags", "reserialize"]
        subprocess.run(command, env=self.environment, capture_output=True, check=True)


@contextlib.contextmanager
def running_world(root: Path) -> Iterator[World]:
    """Start a web server, alone, on an empty system."""
    for name in ("connectors", "home/commsarchive"):
        (root / name).mkdir(parents=True)
    world = World(Home(root / "home", free_port(0)), root, {name: secrets.token_urlsafe(9) for name in USERS})
    (root / "home" / "passwords.json").write_text(json.dumps(world.passwords), encoding="utf-8")
    world.home.prepare()
    with pytest.MonkeyPatch.context() as patch, (root / "server.log").open("wb") as log:
        patch.delenv("AIRFLOW__DAG_PROCESSOR__DAG_BUNDLE_CONFIG_LIST", raising=False)
        command = [world.home.airflow, "api-server", "--host", "127.0.0.1"]
        server = subprocess.Popen(command, env=world.environment, stdout=log, stderr=log)
        try:
            _await_health(world, server)
            yield world
        finally:
            server.terminate()
            server.wait(20)


def _await_health(world: World, server: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 90
    while time.monotonic() < deadline and server.poll() is None:
        with contextlib.suppress(OSError):
            urllib.request.urlopen(f"{world.address}/api/v2/version", timeout=5).close()  # noqa: S310 - http to loopback
            return
        time.sleep(0.2)
    raise AssertionError((world.root / "server.log").read_text(encoding="utf-8")[-2000:])


def fill(world: World) -> None:
    """Make connectors of every status, two months of days, things set aside and alerts."""
    world.define(
        "bloomberg_london",
        title="Instant Bloomberg, London",
        pgp={"connection": "pgp", "require_signature": False},
    )
    world.define(
        "bloomberg_newyork",
        title="Instant Bloomberg, New York",
        mapping={"custom": "uploaded", "third_party_mailbox": "all@quillbrook.example"},
    )
    later = {"start": str(YESTERDAY + dt.timedelta(days=2))}
    world.define("symphony_pod", source="symphony", title="Symphony", schedule=later)
    world.define("wrong_chat", source="no_such_source")
    key = make_key(
        "Quillbrook Archive", "archive@quillbrook.example", "only a test's", days=30, algorithm="ed25519"
    )
    world.home.set_connections(
        {
            "pgp": {
                "conn_type": "generic",
                "password": "only a test's",
                "extra": {"private_keys": [key.private]},
            },
            "archive": {
                "conn_type": "generic",
                "extra": {"destination": "maildir", "path": str(world.root / "mail")},
            },
        }
    )
    with connect(world.home.ledger) as ledger:
        for back in range(40, -1, -1):
            _close(ledger, back)
        _set_aside(world, ledger)
        _alert(ledger)
        _prove(ledger)
    world.load_dags()


def _close(ledger: SqlLedger, back: int) -> None:
    """London is fine; New York misses two days, has a small one and two with quarantine."""
    day = YESTERDAY - dt.timedelta(days=back)
    busy = 40 if day.weekday() > FRIDAY else 900 + (back * 37) % 150
    _close_day(ledger, "bloomberg_london", day, busy, 0)
    if back not in {3, 12}:
        found = 60 if back == 8 else busy // 2
        _close_day(ledger, "bloomberg_newyork", day, found, int(back in {5, 20}), unmapped_people=2)


def _close_day(
    ledger: SqlLedger, name: str, day: dt.date, found: int, bad: int, unmapped_people: int = 0
) -> None:
    good = found - bad
    copies = {"deliveries_planned": 3 * good, "deliveries_made": 3 * good}
    numbers = {"archived": good, "unmapped_people": unmapped_people, **copies}
    close_day(ledger, name, day, found=found, quarantined=bad, **numbers)


def _set_aside(world: World, ledger: SqlLedger) -> None:
    """Something that cannot be read, with its bytes, and items of people without a mailbox."""
    day = YESTERDAY - dt.timedelta(days=5)
    content = SECRET_WORDS.encode()
    sha256 = hashlib.sha256(content).hexdigest()
    path = world.root / "staging" / "bloomberg_newyork" / "held" / "bundles" / "b" / "refused" / sha256
    path.parent.mkdir(parents=True)
    path.write_bytes(content)
    things = [held("bloomberg_newyork", day, 7, path="bundles/b", sha256=sha256)]
    for number, person in enumerate(("uuid:31415926", "uuid:27182818")):
        things.append(
            held(
                "bloomberg_newyork",
                day,
                100 + number,
                stage=HeldStage.MAP_USERS,
                reason="person-unmapped",
                detail="",
                place=f"item 4f1c{number}",
                people=(person,),
            )
        )
    ledger.hold(things)


def _prove(ledger: SqlLedger) -> None:
    """People did things; yesterday's verification found all well, today's misses a copy."""
    newyork = "bloomberg_newyork"
    for act in (
        Act(
            "admin", "change-mapping", newyork, "5f0c1d77a4", "asked", {"rows": 212, "added": 3, "removed": 1}
        ),
        Act("admin", "change-mapping", newyork, "5f0c1d77a4"),
        Act("olga", "archive-days", newyork, str(YESTERDAY - dt.timedelta(days=3)), "failed"),
        Act("olga", "open-content", newyork, outcome="refused"),
        Act("cora", "open-content", newyork, "9e107d9d372bb682", detail={"reason": "truncated"}),
    ):
        ledger.note(act)
    good = Verdict(records=80, trail=5, copies=1000, compared=16, only_found=984)
    bad = Verdict(records=82, trail=6, copies=1000, compared=16, only_found=983)
    bad.suspect(bad.incomplete, "a1b2", MISSING)
    for verdict in (good, bad):
        keep(ledger, Asked("DAG upkeep", extent="sample"), verdict, 2.417)


def _alert(ledger: SqlLedger) -> None:
    missing = Finding(
        AlertKind.MISSING,
        "bloomberg_newyork",
        "2 days are missing; the source deletes the first in 9 days",
        "trigger a run for each, before the vendor deletes them",
        ("day",),
    )
    ledger.take([(AlertKind.MISSING, "bloomberg_newyork")], [missing], lambda _: [])
