from __future__ import annotations

import re
import tarfile

import pytest
from lxml import etree

from include.samples.bloomberg_message_samples import HERE, days, delivery
from include.samples.screenplay import PEOPLE


@pytest.mark.parametrize("day", days())
def test_shipped_mail_is_what_was_written_down(day: str) -> None:
    folder = HERE / "bloomberg_message" / day
    shipped = {path.name: path.read_bytes() for path in folder.iterdir()}
    assert shipped == delivery(day), "run: python -m include.samples.bloomberg_message_samples"


def test_no_other_mail_is_shipped() -> None:
    assert sorted(path.name for path in (HERE / "bloomberg_message").iterdir()) == days()


def test_only_the_damage_that_was_asked_for_is_there() -> None:
    broken = set()
    for path in HERE.glob("bloomberg_message/*/*.xml"):
        try:
            etree.fromstring(path.read_bytes())
        except etree.XMLSyntaxError:
            broken.add(path.name)
    assert broken == {"f855501.msg.240313.xml", "f855501.msg.240314.xml"}


def test_files_are_in_the_tar_by_name_and_then_by_id() -> None:
    members = []
    for day in days():
        (path,) = (HERE / "bloomberg_message" / day).glob("*.tar.gz")
        with tarfile.open(path) as archive:
            members.append(archive.getnames())
    old, new = members
    assert old == ["axes 11 mar.pdf", "allocation northmoor.csv"]
    assert all(re.fullmatch(r"[0-9A-F]{24}\.\w+", name) for name in new)


@pytest.mark.parametrize("day", days())
def test_nobody_real_writes_mail(day: str) -> None:
    text = (HERE / "bloomberg_message" / day / f"f855501.msg.{day[2:].replace('-', '')}.xml").read_text(
        "utf-8"
    )
    addresses = set(re.findall(r"<CorporateEmailAddress>([^<]+)<", text))
    assert addresses <= {person["mail"] for person in PEOPLE.values()}
