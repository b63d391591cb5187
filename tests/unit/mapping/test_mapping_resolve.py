from __future__ import annotations

import datetime as dt
from collections.abc import Collection

import pytest
from hypothesis import given
from hypothesis import strategies as st

from include.commsarchive.errors import Fatal
from include.commsarchive.mapping.resolve import Resolver
from include.commsarchive.mapping.snapshot import Row, Snapshot
from include.commsarchive.model import Person, StagedItem

THIRD = "third.party@firm.example"
NOON = int(dt.datetime(2024, 3, 13, 12, tzinfo=dt.UTC).timestamp() * 1000)
NINA = Person(
    "mail:nina@firm.example",
    "NINA OAKES",
    address="OAKES7@Bloomberg.net",
    corporate_address="Nina@Firm.example",
    ids=(("LoginName", "OAKES7"), ("UUID", "7000001"), ("FirmNumber", "55501"), ("AccountNumber", "3099")),
    internal=True,
)
OMAR = Person("uuid:7000002", "OMAR REY", ids=(("UUID", "7000002"),), internal=True)
RUFUS = Person("login:rpell2", "RUFUS PELL", address="RPELL2@Bloomberg.net", ids=(("LoginName", "RPELL2"),))


def item(*people: Person, at: int = NOON) -> StagedItem:
    return StagedItem(
        "key", "revision", "source", ("R",), "R", "subject", at, "IPM.NOTE.X", "x", people[0], people[1:],
        (), (), "", "", (), {},
    )  # fmt: skip


def resolver(
    *rows: Row, automatic: bool = True, domains: Collection[str] = (), scope: Collection[str] | None = None
) -> Resolver:
    return Resolver(
        Snapshot(rows), automatic=automatic, domains=domains, scope=scope, third_party_mailbox=THIRD
    )


@pytest.mark.parametrize(
    "external_id", ["7000001", "oakes7", "OAKES7", "oakes7@BLOOMBERG.net", "nina@firm.example"]
)
def test_the_custom_file_wins_by_any_id_of_the_person(external_id: str) -> None:
    resolution = resolver(Row(external_id, "n.oakes@firm.example")).custodians(item(NINA))
    assert resolution.addresses == {NINA.key: "n.oakes@firm.example"}
    assert resolution.mailboxes == ("n.oakes@firm.example",)


def test_without_a_custom_row_the_corporate_address_counts() -> None:
    assert resolver(Row("1", "other@firm.example")).custodians(item(NINA)).mailboxes == ("nina@firm.example",)


@pytest.mark.parametrize("shared_id", ["55501", "3099"])
def test_an_id_that_the_whole_firm_shares_names_nobody(shared_id: str) -> None:
    resolution = resolver(Row(shared_id, "other@firm.example")).custodians(item(NINA))
    assert resolution.mailboxes == ("nina@firm.example",)


def test_the_first_of_a_persons_own_ids_decides() -> None:
    rows = (Row("7000001", "second@firm.example"), Row("OAKES7", "first@firm.example"))
    assert resolver(*rows).custodians(item(NINA)).mailboxes == ("first@firm.example",)


def test_leading_zeros_make_another_id() -> None:
    assert resolver(Row("07000002", "omar@firm.example")).custodians(item(OMAR)).unmapped


def test_automatic_mapping_can_be_off() -> None:
    resolution = resolver(automatic=False).custodians(item(NINA))
    assert resolution.mailboxes == (THIRD,)
    assert resolution.unmapped_people == (NINA,)


@pytest.mark.parametrize(
    ("domains", "mapped"),
    [(["firm.example"], True), (["FIRM.example"], True), (["example"], False), (["xfirm.example"], False)],
)
def test_automatic_mapping_keeps_to_its_domains(domains: list[str], mapped: bool) -> None:
    assert resolver(domains=domains).custodians(item(NINA)).unmapped is not mapped


def test_domains_do_not_bind_the_custom_file() -> None:
    row = Row("7000001", "nina@elsewhere.example")
    assert resolver(row, domains=["firm.example"]).custodians(item(NINA)).mailboxes == (row.mailbox,)


@pytest.mark.parametrize("address", ["", "nobody", "a b@firm.example", "a@firm.example, b@firm.example"])
def test_a_corporate_address_that_is_none_maps_to_nobody(address: str) -> None:
    person = Person("login:x", "X", corporate_address=address, internal=True)
    assert resolver().custodians(item(person)).unmapped


@pytest.mark.parametrize(
    ("at", "mailbox"),
    [
        ("2024-03-09T23:59:59.999", "nina@firm.example"),
        ("2024-03-10T00:00:00.000", "old@firm.example"),
        ("2024-03-19T23:59:59.999", "old@firm.example"),
        ("2024-03-20T00:00:00.000", "new@firm.example"),
        ("2024-03-20T23:59:59.999", "new@firm.example"),
        ("2024-03-21T00:00:00.000", "nina@firm.example"),
    ],
)
def test_both_ends_of_a_period_are_included_in_utc(at: str, mailbox: str) -> None:
    rules = resolver(
        Row("7000001", "old@firm.example", dt.date(2024, 3, 10), dt.date(2024, 3, 19)),
        Row("7000001", "new@firm.example", dt.date(2024, 3, 20), dt.date(2024, 3, 20)),
    )
    rules.custodians(item(NINA))  # what is remembered of a person must not carry a day
    milliseconds = round(dt.datetime.fromisoformat(at + "+00:00").timestamp() * 1000)
    assert rules.custodians(item(NINA, at=milliseconds)).mailboxes == (mailbox,)


def test_external_people_are_not_unmapped_people() -> None:
    resolution = resolver().custodians(item(RUFUS, NINA, OMAR))
    assert resolution.unmapped_people == (OMAR,)
    assert resolution.mailboxes == ("nina@firm.example",)
    assert not resolution.unmapped
    assert not resolution.excluded


@pytest.mark.parametrize(
    ("address", "internal", "ours"),
    [
        ("ada@Firm.example", None, True),
        ("ada@other.example", None, False),
        ("ada@sub.firm.example", None, False),
        ("", None, False),
        ("ada@firm.example", False, False),
        ("ada@other.example", True, True),
    ],
)
def test_our_domains_tell_our_people_where_the_source_does_not(
    address: str, internal: bool | None, ours: bool
) -> None:
    ada = Person("mail:ada", "ADA", address, address, internal=internal)
    rules = resolver(Row("7000001", "nina@firm.example"), automatic=False, domains=["firm.example"])
    assert rules.custodians(item(NINA, ada)).unmapped_people == ((ada,) if ours else ())


def test_an_item_that_maps_to_nobody_goes_to_the_third_party_mailbox() -> None:
    resolution = resolver().custodians(item(OMAR, RUFUS))
    assert resolution.mailboxes == (THIRD,)
    assert resolution.unmapped
    assert resolution.addresses == {}


def test_two_people_with_one_mailbox_get_one_copy_in_the_order_of_people() -> None:
    rules = resolver(
        Row("7000002", "Z@firm.example"), Row("RPELL2", "a@firm.example"), Row("OAKES7", "z@firm.example")
    )
    assert rules.custodians(item(OMAR, RUFUS, NINA)).mailboxes == ("z@firm.example", "a@firm.example")


def test_only_custodians_in_scope_get_copies_but_all_mapped_people_keep_their_address() -> None:
    rules = resolver(Row("7000002", "omar@firm.example"), scope=["OMAR@firm.example"])
    resolution = rules.custodians(item(NINA, OMAR))
    assert resolution.mailboxes == ("omar@firm.example",)
    assert set(resolution.addresses.values()) == {"nina@firm.example", "omar@firm.example"}
    assert not resolution.excluded


def test_an_item_of_people_out_of_scope_is_excluded_not_unmapped() -> None:
    resolution = resolver(scope=["omar@firm.example"]).custodians(item(NINA, RUFUS))
    assert (resolution.excluded, resolution.unmapped, resolution.mailboxes) == (True, False, ())


def test_with_a_scope_an_item_that_maps_to_nobody_is_still_kept() -> None:
    resolution = resolver(scope=["nina@firm.example"]).custodians(item(OMAR))
    assert (resolution.excluded, resolution.unmapped, resolution.mailboxes) == (False, True, (THIRD,))


def test_the_version_names_every_rule() -> None:
    row = Row("1", "a@firm.example")
    versions = [
        resolver().version,
        resolver(row).version,
        resolver(automatic=False).version,
        resolver(domains=["firm.example"]).version,
        resolver(scope=[]).version,
        resolver(scope=["a@firm.example"]).version,
        Resolver(
            Snapshot(), automatic=True, domains=(), scope=None, third_party_mailbox="x@firm.example"
        ).version,
    ]
    assert len(set(versions)) == len(versions)
    assert resolver(scope=["A@firm.example", "b@x.example"]).version == (
        resolver(scope=["b@x.example", "a@firm.example"]).version
    )


_PEOPLE = st.lists(st.sampled_from([NINA, OMAR, RUFUS]), min_size=1, unique=True)
_ROWS = st.lists(
    st.builds(
        Row,
        st.sampled_from(["7000001", "7000002", "rpell2", "OAKES7"]),
        st.sampled_from(["a@firm.example", "b@firm.example"]),
        st.dates(dt.date(2024, 3, 12), dt.date(2024, 3, 14)),
    )
)


@given(_PEOPLE, _ROWS, st.booleans(), st.none() | st.just(["a@firm.example"]))
def test_every_item_is_filed_somewhere_or_excluded(
    people: list[Person], rows: list[Row], automatic: bool, scope: list[str] | None
) -> None:
    resolution = resolver(*rows, automatic=automatic, scope=scope).custodians(item(*people))
    assert bool(resolution.mailboxes) is not resolution.excluded
    assert resolution.unmapped is (resolution.addresses == {})
    assert not {person.key for person in resolution.unmapped_people} & set(resolution.addresses)
    mapped = set(resolution.addresses) | {person.key for person in resolution.unmapped_people}
    assert {person.key for person in people if person.internal} <= mapped


def test_a_stored_snapshot_that_is_damaged_says_so() -> None:
    with pytest.raises(Fatal, match="stored mapping snapshot"):
        Snapshot.from_json('{"rows": [1]}')
