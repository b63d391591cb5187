"""A CSV file keeps the promises of every directory, and knows who is on hold."""

from __future__ import annotations

from pathlib import Path

import pytest
from upath import UPath

from include.commsarchive.directory.csv_file import CsvDirectory
from tests.contract.directory_contract import PEOPLE, DirectoryContract

EXPORT = """\
"PrimarySmtpAddress","EmailAddresses","AccountDisabled","SKUAssigned","LitigationHoldEnabled","Groups"
"Bob@firm.example","SMTP:Bob@firm.example;SIP:bob@firm.example","True","True","False","Floor"
"ann@firm.example","smtp:A.Smith@firm.example;SMTP:ann@firm.example;X500:/o=Firm/cn=ann;smtp:ann@old.example",\
"False","True","True","Floor; Desk"
"cid@firm.example","SMTP:cid@firm.example","False","False","False",""
"""


class TestCsvDirectory(DirectoryContract):
    @pytest.fixture
    def directory(self, tmp_path: Path) -> CsvDirectory:
        path = tmp_path / "mailboxes.csv"
        path.write_text(EXPORT, encoding="utf-8")
        return CsvDirectory(UPath(path))

    def test_holds_are_known(self, directory: CsvDirectory) -> None:
        assert [user.on_hold for user in directory.users([])] == [user.on_hold for user in PEOPLE]
