from __future__ import annotations

from pathlib import Path

import pytest
from upath import UPath

from include.commsarchive.directory.csv_file import CsvDirectory, read_users
from include.commsarchive.errors import Fatal

HEAD = "PrimarySmtpAddress,EmailAddresses,AccountDisabled,SKUAssigned,LitigationHoldEnabled,Groups\n"
ANN = "ann@firm.example,,False,True,True,Desk\n"


def problems(text: str) -> list[str]:
    return [str(problem) for problem in read_users(text).problems]


def test_addresses_alone_are_enough() -> None:
    table = read_users("PrimarySmtpAddress\nAnn@Firm.example\n")
    [ann] = table.users
    assert (ann.mailbox, ann.enabled, ann.licensed, ann.on_hold) == ("ann@firm.example", True, True, None)
    assert table.problems == ()


@pytest.mark.parametrize(
    ("row", "problem"),
    [
        (",,False,True,True,\n", "`PrimarySmtpAddress` is missing"),
        ("ann,,False,True,True,\n", "`PrimarySmtpAddress` is not an e-mail address"),
        (
            "b@firm.example,smtp:b@c d,False,True,True,\n",
            "`EmailAddresses` holds something that is no e-mail",
        ),
        (
            "b@firm.example,System.Collections.ArrayList,False,True,True,\n",
            "`EmailAddresses` holds something",
        ),
        ("b@firm.example,,no,True,True,\n", "`AccountDisabled` is neither True nor False"),
        ("b@firm.example,,,True,True,\n", "`AccountDisabled` is neither True nor False"),
        ("b@firm.example,,False,2,True,\n", "`SKUAssigned` is neither True nor False"),
        ("b@firm.example,,False,True,Yes,\n", "`LitigationHoldEnabled` is neither True nor False"),
        ("b@firm.example,,False,True,True,=cmd()\n", "`Groups` looks like a formula"),
        ("b@firm.example,,False,True,True\n", "has 5 cells where the header has 6"),
        ("ann@firm.example,,False,True,True,\n", "has an address that row 2 has, too"),
        ("b@firm.example,smtp:Ann@Firm.example,False,True,True,\n", "has an address that row 2 has, too"),
    ],
)
def test_a_bad_row_is_named_with_its_number(row: str, problem: str) -> None:
    [found] = problems(HEAD + ANN + "\n" + row)
    assert found.startswith(f"row 4: {problem}")


def test_an_export_with_other_columns_says_which_are_known() -> None:
    [found] = problems("Name,PrimarySmtpAddress\nAnn,ann@firm.example\n")
    assert found.startswith("row 1: column 1 has a name that is none of: PrimarySmtpAddress, EmailAddresses")


def test_no_row_of_a_bad_file_is_used_and_no_address_is_told(tmp_path: Path) -> None:
    path = tmp_path / "mailboxes.csv"
    path.write_text(HEAD + ANN + "secret person,,False,True,True,\n" * 30, encoding="utf-8")
    with pytest.raises(Fatal, match=r"mailboxes.csv: row 3: .* and 10 more") as caught:
        CsvDirectory(UPath(path)).users([])
    assert "secret person" not in str(caught.value)


def test_a_file_that_is_not_there_is_named() -> None:
    with pytest.raises(Fatal, match=r"/nowhere/mailboxes.csv: cannot be read: No such file"):
        CsvDirectory(UPath("/nowhere/mailboxes.csv")).users([])


def test_groups_are_found_however_they_are_written(tmp_path: Path) -> None:
    path = tmp_path / "mailboxes.csv"
    path.write_text(HEAD + ANN, encoding="utf-8")
    [ann] = CsvDirectory(UPath(path)).users(["DESK"])
    assert ann.groups == ("DESK",)
