"""Checksums ride along with the file that they are for, as signatures do."""

from __future__ import annotations

import datetime as dt

import pytest

from include.commsarchive.collect.base import RemoteFile
from include.commsarchive.collect.completeness import Complete, Expected, Pickup, Waiting, assess

NAME = "e_pod_SD-2024-03-12-00_ED-2024-03-13-00_GD-2024-03-13_1710288000000.zip"
EXPECTED = Expected(dt.date(2024, 3, 13), lambda _name: False, ("*_GD-{yyyy-mm-dd}_*.zip",))


def there(*names: str) -> list[RemoteFile]:
    return [RemoteFile(name, name, 10, 1) for name in names]


def judge(*names: str) -> Complete | Waiting:
    return assess(there(*names), there(*names), None, EXPECTED)


def pickup(*names: str) -> Pickup:
    verdict = judge(*names)
    assert isinstance(verdict, Complete)
    (one,) = verdict.pickups
    return one


@pytest.mark.parametrize("checksum", [f"{NAME}.md5", f"{NAME}.pgp.md5", f"{NAME}.sha256"])
def test_a_checksum_rides_along_whatever_it_was_made_of(checksum: str) -> None:
    one = pickup(f"{NAME}.pgp", checksum)
    assert (one.name, one.clear_name, one.encrypted) == (f"{NAME}.pgp", NAME, True)
    assert one.checksum
    assert one.checksum.name == checksum


def test_of_two_checksums_the_stronger_counts() -> None:
    checksum = pickup(NAME, f"{NAME}.md5", f"{NAME}.sha256").checksum
    assert checksum
    assert checksum.name.endswith(".sha256")


def test_a_file_is_waited_for_when_its_checksum_is_there() -> None:
    assert judge(f"{NAME}.md5") == Waiting("files are listed or signed but not there", (NAME,))


def test_a_day_with_dashes_picks_the_day_of_generation_alone() -> None:
    other = NAME.replace("GD-2024-03-13", "GD-2024-03-14")
    assert pickup(NAME, other).name == NAME
