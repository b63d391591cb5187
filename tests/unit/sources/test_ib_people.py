from __future__ import annotations

import xml.etree.ElementTree as ET

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from include.commsarchive.model import Person
from include.commsarchive.sources.instant_bloomberg.people import read_person, unify

fields = st.fixed_dictionaries(
    {},
    optional={
        "LoginName": st.sampled_from(["OAKES7", "oakes7", "RPELL2", " "]),
        "FirstName": st.sampled_from(["NINA", "Nina"]),
        "UUID": st.sampled_from(["7000001", "7000002"]),
        "EmailAddress": st.sampled_from(["OAKES7@Bloomberg.net", "oakes7@bloomberg.net", "x@bloomberg.net"]),
        "CorporateEmailAddress": st.sampled_from(
            ["nina@quill.example", "NINA@quill.example", "rufus@quill.example", ""]
        ),
    },
)


def person(**values: str) -> Person:
    found, _ = read_person(element(values))
    assert found is not None
    return found


def element(values: dict[str, str]) -> ET.Element:
    user = ET.Element("User")
    for name, text in values.items():
        ET.SubElement(user, name).text = text
    return user


@pytest.mark.parametrize(
    ("values", "key", "internal"),
    [
        (
            {"LoginName": "OAKES7", "UUID": "7", "CorporateEmailAddress": "Nina@Q.example"},
            "mail:nina@q.example",
            True,
        ),
        ({"LoginName": "OAKES7", "UUID": "7", "EmailAddress": "O@Bloomberg.net"}, "uuid:7", True),
        ({"LoginName": "OAKES7", "FirmNumber": "5"}, "login:oakes7", True),
        ({"LoginName": "OAKES7", "AccountNumber": "3"}, "login:oakes7", True),
        (
            {"LoginName": "RPELL2", "EmailAddress": "RPELL2@Bloomberg.net"},
            "address:rpell2@bloomberg.net",
            False,
        ),
        ({"LoginName": "RPELL2", "UUID": " "}, "login:rpell2", False),
    ],
)
def test_the_best_identity_makes_the_key_and_own_people_are_told_by_theirs(
    values: dict[str, str], key: str, internal: bool
) -> None:
    found = person(**values)
    assert (found.key, found.internal) == (key, internal)


def test_a_user_who_is_blank_is_nobody() -> None:
    assert read_person(element({"LoginName": " ", "FirstName": "", "CompanyName": "QUILL"}))[0] is None


def test_thin_and_full_are_one_person_of_whom_everything_is_known() -> None:
    thin = person(LoginName="OAKES7", CompanyName="QUILL")
    full = person(LoginName="oakes7", UUID="7", CorporateEmailAddress="nina@quill.example")
    both = unify([thin, full])
    assert both[id(thin)] is both[id(full)]
    assert both[id(thin)].company == "QUILL"
    assert dict(both[id(thin)].ids)["UUID"] == "7"


def test_one_login_with_two_uuids_is_two_people() -> None:
    one, other = person(LoginName="OAKES7", UUID="7"), person(LoginName="OAKES7", UUID="8")
    both = unify([one, other])
    assert both[id(one)] is not both[id(other)]


@settings(deadline=None)
@given(st.lists(fields, max_size=6))
def test_unifying_loses_no_identity_and_leaves_no_key_twice(many: list[dict[str, str]]) -> None:
    people = [found for values in many if (found := read_person(element(values))[0])]
    same = unify(people)
    shown = {id(one): one for one in same.values()}.values()
    assert len({one.key for one in shown}) == len(shown)
    for one in people:
        kept = same[id(one)]
        assert set(one.ids) <= set(kept.ids)
        assert one.address.casefold() in {
            kept.address.casefold(),
            *(value.casefold() for _, value in kept.ids),
            "",
        }
        assert one.corporate_address.casefold() in {kept.corporate_address.casefold(), ""}
        assert kept.internal or not one.internal
