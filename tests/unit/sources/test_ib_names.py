from __future__ import annotations

import pytest

from include.commsarchive.sources.base import Claim, Role
from include.commsarchive.sources.instant_bloomberg.files import Files
from include.commsarchive.sources.instant_bloomberg.names import claim

OLD, NEW = "f848135.ib.240314", "f848135.ib19.240314"


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("f848135.ib.240314.xml", Claim(OLD, Role.CONTENT)),
        ("f848135.ib.240314.xml1", Claim(OLD, Role.CONTENT, 1)),
        ("f848135.ib.240314.xml12", Claim(OLD, Role.CONTENT, 12)),
        ("F848135.IB.240314.XML", Claim(OLD, Role.CONTENT)),
        ("f848135.ib19.240314.xml", Claim(NEW, Role.CONTENT)),
        ("f848135.att.240314.tar.gz", Claim(OLD, Role.ATTACHMENTS)),
        ("f848135.att.240314.tar", Claim(OLD, Role.ATTACHMENTS)),
        ("f848135.att.240314.0.tar.gz", Claim(OLD, Role.ATTACHMENTS, 0)),
        ("f848135.att.240314.1.tar.gz", Claim(OLD, Role.ATTACHMENTS, 1)),
        ("f848135.ib19.att.240314.tar.gz", Claim(NEW, Role.ATTACHMENTS)),
        ("f848135.ib19.att.240314.2.tar.gz", Claim(NEW, Role.ATTACHMENTS, 2)),
        ("f848135.ib19.att.240314.xml", Claim(NEW, Role.ATTACHMENTS)),
        ("mc1042.ib.240314.xml", Claim("mc1042.ib.240314", Role.CONTENT)),
        ("london.desk.ib19.2024-03-14.xml", Claim("london.desk.ib19.2024-03-14", Role.CONTENT)),
        ("x.ib.part.xml2", Claim("x.ib.part", Role.CONTENT, 2)),
        ("f848135.msg.240314.xml", None),
        ("f848135.msg.att.240314.tar.gz", None),
        ("f848135.dscl.240314.xml", None),
        ("daily_manifest_240314.txt", None),
        ("f848135.ib.240314.xml.sig", None),
        ("notes.xml", None),
    ],
)
def test_a_file_belongs_to_the_bundle_of_its_account_feed_and_day(name: str, expected: Claim | None) -> None:
    assert claim(name) == expected


@pytest.mark.parametrize(
    ("name", "file_id", "media_type"),
    [
        ("blotter.csv", "65F20A1B0C2D3E4F50617283.csv", "text/csv"),
        ("blotter.csv.gz", "65F20A1B0C2D3E4F50617283.gz", "application/gzip"),
        ("blotter", "65F20A1B0C2D3E4F50617283.pdf", "application/pdf"),
        ("blotter", "65F20A1B0C2D3E4F50617283", "application/octet-stream"),
    ],
)
def test_a_shared_file_has_the_type_of_its_name_packed_as_it_is(
    name: str, file_id: str, media_type: str
) -> None:
    assert Files({}).attachment(name, file_id, None).media_type == media_type
