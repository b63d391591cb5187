"""What every `Directory` promises. Adapters inherit the suite; their ``directory`` knows `PEOPLE`.

One adapter may know who is on hold and another one not: the suite compares all but that.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

import pytest

from include.commsarchive.directory.base import Directory, DirectoryUser
from include.commsarchive.errors import Fatal

ANN = DirectoryUser(
    "ann@firm.example",
    aliases=("a.smith@firm.example", "ann@old.example"),
    on_hold=True,
    groups=("Desk", "Floor"),
)
BOB = DirectoryUser("bob@firm.example", enabled=False, on_hold=False, groups=("Floor",))
CID = DirectoryUser("cid@firm.example", licensed=False, on_hold=False)
PEOPLE = (ANN, BOB, CID)
"""Ann is in the group Desk, which is in the group Floor, in which Bob is, too."""


def without_groups(users: Iterable[DirectoryUser]) -> list[DirectoryUser]:
    return [replace(user, groups=(), on_hold=None) for user in users]


class DirectoryContract:
    def test_everybody_is_given_with_all_addresses_and_whether_they_can_get_mail(
        self, directory: Directory
    ) -> None:
        assert without_groups(directory.users([])) == without_groups(PEOPLE)

    def test_groups_are_those_that_were_asked_about(self, directory: Directory) -> None:
        users = {user.mailbox: user.groups for user in directory.users(["Floor"])}
        assert users == {ANN.mailbox: ("Floor",), BOB.mailbox: ("Floor",), CID.mailbox: ()}
        assert all(user.groups == () for user in directory.users([]))

    def test_who_is_in_a_group_within_a_group_is_in_both(self, directory: Directory) -> None:
        users = {user.mailbox: user.groups for user in directory.users(["Floor", "Desk"])}
        assert users[ANN.mailbox] == ("Desk", "Floor")
        assert users[BOB.mailbox] == ("Floor",)

    def test_a_group_that_nobody_knows_is_named(self, directory: Directory) -> None:
        with pytest.raises(Fatal, match="Ceiling"):
            directory.users(["Floor", "Ceiling"])

    def test_it_is_the_same_when_it_is_asked_again(self, directory: Directory) -> None:
        assert directory.users(["Desk"]) == directory.users(["Desk"])
