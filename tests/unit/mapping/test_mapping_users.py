from __future__ import annotations

from collections.abc import Collection

import pytest

from include.commsarchive.directory.base import DirectoryUser
from include.commsarchive.errors import Fatal
from include.commsarchive.mapping.resolve import Resolution, Resolver
from include.commsarchive.mapping.snapshot import Row, Snapshot
from include.commsarchive.mapping.users import Users
from include.commsarchive.model import Person, StagedItem

THIRD = "third.party@firm.example"
NINA = DirectoryUser(
    "nina.oakes@firm.example", ("nina@firm.example", "oakes7@vendor.example"), on_hold=True, groups=("Desk",)
)
OMAR = DirectoryUser("omar@firm.example", ("omar@old.example",), on_hold=False, groups=("Desk", "Floor"))
GONE = DirectoryUser("gone@firm.example", enabled=False, on_hold=True)
BARE = DirectoryUser("bare@firm.example", licensed=False, on_hold=False)
USERS = Users((NINA, OMAR, GONE, BARE), ("Desk", "Floor"))


def resolved(
    corporate: str = "",
    address: str = "",
    *rows: Row,
    users: Users = USERS,
    domains: Collection[str] = (),
    scope: Collection[str] | None = None,
) -> Resolution:
    resolver = Resolver(
        Snapshot(rows),
        automatic=True,
        domains=domains,
        scope=scope,
        third_party_mailbox=THIRD,
        directory=users,
    )
    person = Person("1", "Somebody", address, corporate, internal=True)
    return resolver.custodians(
        StagedItem(
            "key", "revision", "source", ("R",), "R", "subject", 0, "IPM.NOTE.X", "x", person, (),
            (), (), "", "", (), {},
        )
    )  # fmt: skip


@pytest.mark.parametrize("stated", ["nina.oakes@firm.example", "Nina@Firm.example", "OAKES7@vendor.example"])
def test_whoever_is_stated_by_an_alias_is_mapped_to_the_mailbox_that_they_own(stated: str) -> None:
    assert resolved(stated).mailboxes == ("nina.oakes@firm.example",)


def test_the_vendors_address_counts_where_the_directory_knows_it() -> None:
    assert resolved("", "Oakes7@vendor.example").mailboxes == ("nina.oakes@firm.example",)
    assert resolved("omar@firm.example", "oakes7@vendor.example").mailboxes == ("omar@firm.example",)


@pytest.mark.parametrize("stated", ["unknown@firm.example", "gone@firm.example", "bare@firm.example"])
def test_nobody_is_mapped_to_a_mailbox_that_cannot_be_used(stated: str) -> None:
    resolution = resolved(stated)
    assert resolution.mailboxes == (THIRD,)
    assert len(resolution.unmapped_people) == 1


def test_the_custom_file_wins_over_the_directory() -> None:
    row = Row("nina@firm.example", "gone@firm.example")
    assert resolved("nina@firm.example", "", row).mailboxes == ("gone@firm.example",)


def test_domains_are_those_of_the_mailbox_not_of_the_alias() -> None:
    assert resolved("omar@old.example", domains=["firm.example"]).mailboxes == ("omar@firm.example",)
    assert resolved("omar@old.example", domains=["old.example"]).unmapped


def test_an_alias_of_two_is_nobodys() -> None:
    twins = Users(tuple(DirectoryUser(f"{one}@firm.example", ("both@firm.example",)) for one in "abc"))
    assert resolved("both@firm.example", users=twins).unmapped
    assert resolved("a@firm.example", users=twins).mailboxes == ("a@firm.example",)


def test_an_address_is_its_owners_before_it_is_anothers_alias() -> None:
    users = Users((DirectoryUser("a@firm.example"), DirectoryUser("b@firm.example", ("a@firm.example",))))
    assert resolved("a@firm.example", users=users).mailboxes == ("a@firm.example",)


def test_another_directory_makes_other_rules() -> None:
    def version(directory: Users | None) -> str:
        return Resolver(
            Snapshot(),
            automatic=True,
            domains=(),
            scope=None,
            third_party_mailbox=THIRD,
            directory=directory,
        ).version

    same = Users((GONE, BARE, OMAR, NINA, NINA), ("Floor", "Desk"))
    assert version(USERS) == version(same)
    assert len({version(None), version(USERS), version(Users((NINA,)))}) == 3


def test_a_directory_reads_what_it_wrote() -> None:
    assert Users.from_json(USERS.to_json()) == USERS
    with pytest.raises(Fatal, match="stored directory"):
        Users.from_json("[1]")


def scope(
    listed: Collection[str] | None = None, groups: Collection[str] = (), *, on_hold: bool = False
) -> set[str] | None:
    """The primary addresses in scope; that aliases are with them is asserted by the way."""
    found = USERS.in_scope(listed, groups, on_hold=on_hold)
    if found is None:
        return None
    owners = [user for user in USERS.users if user.mailbox in found]
    assert all(set(user.aliases) <= found for user in owners)
    return {user.mailbox for user in owners}


def test_without_a_limit_everybody_is_in_scope() -> None:
    assert scope() is None


def test_a_scope_is_these_groups() -> None:
    assert scope(groups=["Floor"]) == {OMAR.mailbox}
    assert scope(groups=["Floor", "Desk"]) == {OMAR.mailbox, NINA.mailbox}


def test_a_scope_is_who_is_on_hold() -> None:
    assert scope(on_hold=True) == {NINA.mailbox, GONE.mailbox}


def test_limits_of_a_scope_are_all_kept() -> None:
    assert scope(groups=["Desk"], on_hold=True) == {NINA.mailbox}
    assert scope([GONE.mailbox, OMAR.mailbox], on_hold=True) == {GONE.mailbox}


def test_who_is_listed_by_an_alias_is_in_scope_and_so_is_who_only_the_list_knows() -> None:
    assert scope(["Nina@firm.example"]) == {NINA.mailbox}
    found = USERS.in_scope(["nina@firm.example", "Shared@firm.example"], (), on_hold=False)
    assert found == frozenset({NINA.mailbox, *NINA.aliases, "shared@firm.example"})


def test_a_directory_that_knows_no_holds_cannot_say_who_is_in_scope() -> None:
    with pytest.raises(Fatal, match="Use a CSV directory"):
        Users((DirectoryUser("a@firm.example"),)).in_scope(None, (), on_hold=True)


def test_a_scope_of_nobody_is_never_meant() -> None:
    with pytest.raises(Fatal, match="nobody is in scope"):
        scope(["omar@firm.example"], on_hold=True)
