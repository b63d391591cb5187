"""The demo's runs: start one for each sample day, and tell how they go."""

from __future__ import annotations

import contextlib
import datetime as dt
import time
from collections import Counter
from collections.abc import Callable
from typing import Any, TypeVar

from commsarchive_airflow.demo.vendors import say
from commsarchive_airflow.local import Api, Home, LocalError
from include.commsarchive.demo.feeds import Feed
from include.commsarchive.ledger.sql import connect

LONGEST_WAIT = 1800
"""Seconds after which the demo gives up on its runs."""
AT_ONCE = 3
"""Feeds that run side by side: each ends early, and there is something to see."""
_ENDED = ("success", "failed", "skipped", "upstream_failed")

Answer = TypeVar("Answer")
Run = dict[str, Any]


def archive(home: Home, api: Api, feeds: list[Feed]) -> set[str]:
    """Archive the sample days, a few feeds at a time; give the runs' names in the ledger.

    Raises:
        LocalError: a run failed, or they do not end.
    """
    _await(lambda: not unknown(api, feeds), "the DAGs to be loaded")
    since, began = dt.datetime.now(dt.UTC), time.monotonic()
    with connect(home.ledger) as ledger:
        known = {record.connector for record in ledger.history()}
    runs = _Progress(api, feeds, known, since).follow()
    say(f"\nAll {len(runs)} days done in {time.monotonic() - began:.0f} s.\n")
    return {f"{run['dag_id']}/{run['dag_run_id']}" for run in runs}


def unknown(api: Api, feeds: list[Feed]) -> list[str]:
    """Name the feeds that Airflow has no DAG of."""
    return [feed.name for feed in feeds if not _known(api, feed.connector.name)]


def _known(api: Api, dag: str) -> bool:
    with contextlib.suppress(LocalError):
        return not api.get(f"dags/{dag}")["is_stale"]
    return False


class _Progress:
    """Starts feeds and follows their runs; ``known`` are the connectors that have archived before.

    What was interrupted, and goes on by itself, is followed, too: every run that has changed ``since``.
    """

    def __init__(self, api: Api, feeds: list[Feed], known: set[str], since: dt.datetime) -> None:
        self._api, self._known, self._told = api, known, set[tuple[Any, ...]]()
        self._waiting, self._started = list(feeds), dict[str, Feed]()
        self._triggered = set[str]()
        self._by_steps = len(feeds) == 1
        self._since = f"updated_at_gte={since:%Y-%m-%dT%H:%M:%SZ}&limit=100"

    def follow(self) -> list[Run]:
        """Print a line for each step, or each run, that ends, until all have ended; give the runs."""
        deadline = time.monotonic() + LONGEST_WAIT
        while True:
            runs = self._runs()
            ended = [run for run in runs if run["state"] in {"success", "failed"}]
            for run in runs if self._by_steps else ended:
                (self._tell_steps if self._by_steps else self._tell_run)(run)
            if failed := [run for run in ended if run["state"] == "failed"]:
                name = f"{failed[0]['dag_id']}, {failed[0]['dag_run_id']}"
                raise LocalError(f"run {name} failed. Look at its logs in the UI: make up")
            if self._start_more(ended) and len(ended) == len(runs):
                return ended
            if time.monotonic() > deadline:
                raise LocalError(
                    f"the runs did not end in {LONGEST_WAIT} s. Look at their logs in the UI: make up"
                )
            time.sleep(1)

    def _start_more(self, ended: list[Run]) -> bool:
        """Start what may run beside the others; say whether everything has ended."""
        number = Counter(run["dag_id"] for run in ended)
        busy = sum(number[name] < len(feed.days) for name, feed in self._started.items())
        while self._waiting and busy < AT_ONCE:
            self._start(self._waiting.pop(0))
            busy += 1
        return not busy and self._triggered <= {run["dag_run_id"] for run in ended}

    def _start(self, feed: Feed) -> None:
        """Let the schedule catch up on a feed; where it has done so before, trigger each day anew."""
        name, days = feed.connector.name, [day.name for day in feed.days]
        self._started[name] = feed
        self._api.patch(f"dags/{name}", {"is_paused": False})
        what = f"{len(days)} {'days' if len(days) > 1 else 'day'} of `{name}`, by {feed.way}"
        if name not in self._known:
            say(f"Airflow catches up on {what}")
            return
        say(f"Archived before; again, to see that nothing is doubled: {what}")
        for day in days:
            run = self._api.post(f"dags/{name}/dagRuns", {"logical_date": None, "conf": {"day": day}})
            self._triggered.add(run["dag_run_id"])

    def _runs(self) -> list[Run]:
        found = self._api.get(f"dags/~/dagRuns?order_by=start_date&{self._since}")["dag_runs"]
        return [run for run in found if run["dag_id"] in self._started]

    def _tell_run(self, run: Run) -> None:
        if self._is_news(run["dag_id"], run["dag_run_id"]):
            self._tell(run, run["dag_id"], run)

    def _tell_steps(self, run: Run) -> None:
        """Print the steps of a run that have ended since the last look."""
        path = f"dags/{run['dag_id']}/dagRuns/{run['dag_run_id']}/taskInstances?limit=100"
        tasks = [task for task in self._api.get(path)["task_instances"] if task["end_date"]]
        for task in sorted(tasks, key=lambda one: str(one["end_date"])):
            name, index = task["task_id"], task["map_index"]
            if task["state"] in _ENDED and self._is_news(run["dag_run_id"], name, index):
                self._tell(run, f"{name}[{index}]" if index >= 0 else name, task)

    def _tell(self, run: Run, name: str, ended: dict[str, Any]) -> None:
        say(f"  {_day(run)}  {name:<20} {ended['state']:<8} {ended['duration'] or 0:5.1f} s")

    def _is_news(self, *what: Any) -> bool:
        news = what not in self._told
        self._told.add(what)
        return news


def _day(run: Run) -> str:
    """The business day of a run."""
    return str((run["conf"] or {}).get("day") or run["data_interval_start"])[:10]


def _await(question: Callable[[], Answer], what: str) -> Answer:
    deadline = time.monotonic() + 120
    while not (answer := question()):
        if time.monotonic() > deadline:
            raise LocalError(f"waited two minutes for {what}. Look at .airflow/logs/*.log")
        time.sleep(0.5)
    return answer
