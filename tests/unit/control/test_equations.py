from __future__ import annotations

import datetime as dt

from include.commsarchive.control.equations import equations
from include.commsarchive.ledger.base import ImportRecord

BODY = {
    "found": 10,
    "archived": 6,
    "duplicate": 2,
    "excluded": 1,
    "quarantined": 1,
    "deliveries_planned": 5,
    "deliveries_made": 3,
    "deliveries_duplicate": 1,
    "deliveries_failed": 1,
}


def record(**changes: int) -> ImportRecord:
    return ImportRecord(
        1, "r", "chat", dt.date.min, dt.datetime(1, 1, 1, tzinfo=dt.UTC), "", "", BODY | changes
    )


def test_items_and_copies_add_up() -> None:
    items, copies = equations(record())
    assert (items.whole.name, items.whole.number, items.closes) == ("found", 10, True)
    assert [term.number for term in items.parts] == [6, 2, 1, 1]
    assert (copies.whole.number, [term.number for term in copies.parts], copies.closes) == (
        5,
        [3, 1, 1],
        True,
    )


def test_an_equation_that_does_not_close_says_so() -> None:
    assert [one.closes for one in equations(record(archived=5))] == [False, True]
    assert [one.closes for one in equations(record(deliveries_failed=0))] == [True, False]
