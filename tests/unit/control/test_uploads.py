from __future__ import annotations

import datetime as dt

from include.commsarchive.control.uploads import preview, to_csv
from include.commsarchive.mapping.snapshot import Row, Snapshot

HEAD = "External User ID,Microsoft 365 User Mailbox,Effective From,Effective To\r\n"
BEFORE = Snapshot((Row("1", "ann@firm.example"), Row("2", "bob@firm.example")))


def test_a_preview_says_what_would_change() -> None:
    after, change = preview(
        BEFORE, f"{HEAD}1,ann@firm.example,,\r\n2,rob@firm.example,,\r\n3,cy@firm.example,,\r\n".encode()
    )
    assert change.added == (Row("2", "rob@firm.example"), Row("3", "cy@firm.example"))
    assert change.removed == (Row("2", "bob@firm.example"),)
    assert (change.rows, change.unchanged, change.bad) == (3, 1, ())
    assert change.version == after.version


def test_a_preview_names_every_bad_row() -> None:
    _, change = preview(BEFORE, f"{HEAD}1,ann,,\r\n,bob@firm.example,,\r\n3,cy@firm.example,,\r\n".encode())
    assert [problem.row for problem in change.bad] == [2, 3]


def test_a_version_can_be_downloaded_and_uploaded_again() -> None:
    snapshot = Snapshot(
        (*BEFORE.rows, Row("007", "x@firm.example", dt.date(2026, 1, 5), dt.date(2026, 2, 5)))
    )
    again, change = preview(snapshot, to_csv(snapshot).encode())
    assert again == snapshot
    assert (change.added, change.removed, change.bad) == ((), (), ())
