from __future__ import annotations

import pytest

from include.commsarchive.sources.base import Claim, Role
from include.commsarchive.sources.bloomberg_message.names import claim

DAY = "f848135.msg.240314"


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("f848135.msg.240314.xml", Claim(DAY, Role.CONTENT, 0)),
        ("f848135.msg.240314.xml2", Claim(DAY, Role.CONTENT, 2)),
        ("f848135.dscl.240314.xml", Claim(DAY, Role.CONTENT, 0)),
        ("f848135.dscl.240314.xml1", Claim(DAY, Role.CONTENT, 1)),
        ("f848135.blog.240314.xml", Claim(DAY, Role.CONTENT, 0)),
        ("F848135.MSG.240314.XML", Claim(DAY, Role.CONTENT, 0)),
        ("f848135.msg.att.240314.tar.gz", Claim(DAY, Role.ATTACHMENTS, 0)),
        ("f848135.msg.att.240314.1.tar.gz", Claim(DAY, Role.ATTACHMENTS, 1)),
        ("f848135.msg.att.240314.xml", Claim(DAY, Role.ATTACHMENTS, 0)),
        ("f848135.att.240314.tar.gz", Claim(DAY, Role.ATTACHMENTS, 0)),
        ("f848135.att.240314.0.tgz", Claim(DAY, Role.ATTACHMENTS, 0)),
        ("gateway-7.msg.part-3.xml", Claim("gateway-7.msg.part-3", Role.CONTENT, 0)),
        ("f848135.ib.240314.xml", None),
        ("f848135.ib19.240314.xml", None),
        ("f848135.ib19.att.240314.tar.gz", None),
        ("f848135.msg.240314.txt", None),
        ("daily_manifest_240314.txt", None),
        ("msg.xml", None),
    ],
)
def test_a_name_says_which_bundle_a_file_belongs_to(name: str, expected: Claim | None) -> None:
    assert claim(name) == expected
