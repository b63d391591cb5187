"""The directory of a run: read anew, kept, and the last good one where it cannot be read."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from include.commsarchive.connector import Connector, Mapping
from include.commsarchive.directory.base import Directory, DirectoryUser
from include.commsarchive.directory.memory import MemoryDirectory
from include.commsarchive.errors import CommsArchiveError, Fatal, Retriable
from include.commsarchive.stages.mapping import InForce, mapping_in_force
from tests.unit.stages.small_world import World, small_world

ANN = DirectoryUser("ann@bank.example", ("ann@vendor.example",), groups=("Desk",))
BOB = DirectoryUser("bob@bank.example", ("bob@vendor.example",))
OUTAGE = Retriable("connection staff: Graph answers 503 to /v1.0/users. Try again")
REFUSAL = Fatal("connection staff: Graph answers 403 to /v1.0/users. Grant the application User.Read.All")


class Broken:
    def __init__(self, error: CommsArchiveError) -> None:
        self._error = error

    def users(self, groups: Collection[str]) -> list[DirectoryUser]:
        raise self._error


@pytest.fixture
def world(tmp_path: Path) -> World:
    return small_world(tmp_path)


def in_force(world: World, directory: Directory, **rules: Any) -> InForce:
    mapping = {"third_party_mailbox": "third-party@bank.example", "directory": "staff", **rules}
    connector = Connector.model_validate({**world.connector.model_dump(), "mapping": mapping})
    return mapping_in_force(connector, world.ledger, directory)


@pytest.mark.parametrize("error", [OUTAGE, REFUSAL])
def test_the_last_good_directory_stays_in_force_where_it_cannot_be_read(
    world: World, error: CommsArchiveError
) -> None:
    before = in_force(world, MemoryDirectory([ANN]))
    after = in_force(world, Broken(error))
    assert (before.problems, after.problems) == ((), (f"directory staff: {error}",))
    assert after.resolver.version == before.resolver.version
    assert in_force(world, MemoryDirectory([ANN, BOB])).resolver.version != before.resolver.version


def test_without_a_good_one_an_outage_is_tried_again_and_a_refusal_stops(world: World) -> None:
    with pytest.raises(Retriable, match="503"):
        in_force(world, Broken(OUTAGE))
    with pytest.raises(Fatal, match=r"User\.Read\.All.*no good version was ever in force"):
        in_force(world, Broken(REFUSAL))


def test_a_directory_of_nobody_is_never_meant(world: World) -> None:
    before = in_force(world, MemoryDirectory([ANN]))
    after = in_force(world, MemoryDirectory([]))
    assert after.resolver.version == before.resolver.version
    assert "names nobody" in after.problems[0]


def test_what_was_kept_is_not_used_for_groups_that_it_knows_nothing_of(world: World) -> None:
    in_force(world, MemoryDirectory([ANN]))
    with pytest.raises(Fatal, match=r"503.*nothing is known yet of the group Desk"):
        in_force(world, Broken(OUTAGE), groups=["Desk"])


def test_a_scope_by_hold_stops_where_the_directory_does_not_know_holds(world: World) -> None:
    with pytest.raises(Fatal, match="Use a CSV directory"):
        in_force(world, MemoryDirectory([ANN]), on_hold=True)


def test_groups_without_a_directory_are_refused() -> None:
    with pytest.raises(ValidationError, match="need a `directory`"):
        Mapping(third_party_mailbox="third-party@bank.example", groups=("Desk",))
