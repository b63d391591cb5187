from __future__ import annotations

import pytest

from include.commsarchive.errors import Fatal
from include.commsarchive.sources import registry
from include.commsarchive.sources.base import Claim, Role
from include.commsarchive.sources.instant_bloomberg import InstantBloomberg


class _Twin(InstantBloomberg):
    name = "twin"


def test_two_sources_of_one_name_are_an_error() -> None:
    with pytest.raises(Fatal, match="two sources are named `instant_bloomberg`"):
        registry.by_name(InstantBloomberg(), InstantBloomberg())


def test_an_unknown_source_is_answered_with_the_known_ones() -> None:
    with pytest.raises(Fatal, match=r"no source `instant_blomberg`; use one of: .*instant_bloomberg"):
        registry.source("instant_blomberg")


def test_a_file_is_claimed_by_its_source_and_a_stranger_by_none() -> None:
    found = registry.claims("f848135.ib19.240314.xml")
    assert found == {"instant_bloomberg": Claim("f848135.ib19.240314", Role.CONTENT)}
    assert registry.claims("daily_manifest_240314.txt") == {}


def test_attachments_of_chat_and_mail_together_are_claimed_by_both_for_their_own_content() -> None:
    assert registry.claims("f848135.att.240314.1.tar.gz") == {
        "bloomberg_message": Claim("f848135.msg.240314", Role.ATTACHMENTS, 1),
        "instant_bloomberg": Claim("f848135.ib.240314", Role.ATTACHMENTS, 1),
    }


def test_two_sources_claiming_one_content_file_are_an_error_that_names_both(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(registry, "SOURCES", registry.by_name(InstantBloomberg(), _Twin()))
    with pytest.raises(Fatal, match=r"f848135\.ib\.240314\.xml: claimed by `instant_bloomberg` and `twin`"):
        registry.claims("f848135.ib.240314.xml")
