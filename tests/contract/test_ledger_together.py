"""Several processes work on one ledger at once, on both databases."""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable
from pathlib import Path

import pytest

from include.commsarchive.ledger.sql import connect
from include.commsarchive.model import Outcome
from tests.letters import make_delivery, make_run

PROCESSES = 6
DELIVERIES = [make_delivery(str(number)) for number in range(300)]


@pytest.fixture
def url(new_url: Callable[[], str]) -> str:
    return new_url()


def together(work: Callable[[str, int], object], url: str, folder: Path) -> list[str]:
    """Run this in several processes that start at once; give what each returned, as text."""
    fork = multiprocessing.get_context("fork")
    start = fork.Barrier(PROCESSES)

    def run(number: int) -> None:
        start.wait(timeout=30)
        (folder / str(number)).write_text(str(work(url, number)))

    processes = [fork.Process(target=run, args=(number,)) for number in range(PROCESSES)]
    for process in processes:
        process.start()
    for process in processes:
        process.join(timeout=60)
    assert [process.exitcode for process in processes] == [0] * PROCESSES
    return [(folder / str(number)).read_text() for number in range(PROCESSES)]


def open_it(url: str, number: int) -> None:
    with connect(url) as ledger:
        ledger.open_run(make_run(f"run {number}"))


def intend_the_same(url: str, number: int) -> int:
    """Give how many deliveries this process was the first to intend."""
    new = 0
    order = DELIVERIES if number % 2 else DELIVERIES[::-1]
    with connect(url) as ledger:
        for start in range(0, len(order), 20):
            part = order[start : start + 20]
            new += len(part) - len(ledger.intend(f"run {number}", part))
    return new


def hold_the_same(url: str, number: int) -> int:
    """Give how many deliveries of one run this worker may send."""
    held = 0
    order = DELIVERIES if number % 2 else DELIVERIES[::-1]
    with connect(url) as ledger:
        for start in range(0, len(order), 20):
            part = order[start : start + 20]
            known = ledger.intend("one", part, lease=600, worker=f"worker {number}")
            mine = [one.delivery_key for one in part if one.delivery_key not in known]
            held += len(mine)
            assert ledger.renew("one", f"worker {number}", mine)
    return held


def close_runs(url: str, number: int) -> None:
    with connect(url) as ledger:
        for count in range(5):
            run_id = f"run {number} {count}"
            ledger.open_run(make_run(run_id))
            delivery = make_delivery(run_id)
            ledger.intend(run_id, [delivery])
            ledger.settle(run_id, [Outcome(delivery.delivery_key, "id")])
            ledger.close_run(run_id, {"delivery_root": ledger.totals(run_id).delivery_root})


def test_a_ledger_may_be_created_by_several_processes_at_once(url: str, tmp_path: Path) -> None:
    together(open_it, url, tmp_path)
    with connect(url) as ledger:
        ledger.record_items("run 0", [])


def test_each_intent_is_new_to_exactly_one_process(url: str, tmp_path: Path) -> None:
    counts = together(intend_the_same, url, tmp_path)
    assert sum(map(int, counts)) == len(DELIVERIES)


def test_each_copy_of_a_run_is_held_by_exactly_one_worker(url: str, tmp_path: Path) -> None:
    counts = together(hold_the_same, url, tmp_path)
    assert sum(map(int, counts)) == len(DELIVERIES)


def test_the_chain_does_not_fork(url: str, tmp_path: Path) -> None:
    together(close_runs, url, tmp_path)
    with connect(url) as ledger:
        assert [record.seq for record in ledger.history()] == list(range(1, 5 * PROCESSES + 1))
        assert list(ledger.verify()) == []
