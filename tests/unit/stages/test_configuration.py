"""What a run was configured with is kept for ever, named by its content."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from pydantic import ValidationError

from include.commsarchive.connector import Mapping, Retention
from include.commsarchive.stages.mapping import keep_definition, mapping_in_force, version_of
from tests.unit.stages.small_world import small_world


def test_a_definition_is_kept_as_the_run_used_it_and_named_by_its_content(tmp_path: Path) -> None:
    world = small_world(tmp_path)
    first = keep_definition(world.connector, world.ledger)
    kept = world.ledger.mapping("memos", "connector")
    assert json.loads(kept)["collect"]["connection"] == "vendor"
    assert first == version_of(kept)
    world.deliver_to(folder="Elsewhere")
    assert keep_definition(world.connector, world.ledger) != first
    assert json.loads(world.ledger.mapping("memos", "connector"))["deliver"][0]["folder"] == "Elsewhere"


def test_the_versions_of_the_files_in_force_are_named(tmp_path: Path) -> None:
    world = small_world(tmp_path)
    table = tmp_path / "mapping.csv"
    table.write_text("External User ID,Microsoft 365 User Mailbox\n7,a@b.example\n", encoding="utf-8")
    world.map_as(custom=str(table))
    versions = mapping_in_force(world.connector, world.ledger).versions
    assert versions == {"custom": version_of(world.ledger.mapping("memos", "custom"))}


def test_a_pilot_that_the_definition_lists_is_the_scope_and_kept_like_a_file(tmp_path: Path) -> None:
    world = small_world(tmp_path)
    world.map_as(pilot=("Ann@bank.example", "bob@bank.example", "ann@bank.example"))
    found = mapping_in_force(world.connector, world.ledger)
    kept = world.ledger.mapping("memos", "scope")
    assert json.loads(kept) == ["ann@bank.example", "bob@bank.example"]
    assert found.versions == {"scope": version_of(kept)}


def test_a_pilot_is_listed_in_one_place() -> None:
    with pytest.raises(ValidationError, match="in `pilot`, or a CSV of them in `scope`"):
        Mapping(third_party_mailbox="all@bank.example", pilot=("ann@bank.example",), scope="pilot.csv")


def test_retention_must_state_a_label_or_a_period() -> None:
    assert Retention(days=2555).label == ""
    with pytest.raises(ValidationError, match="state a `label`, or `days`"):
        Retention()
    with pytest.raises(ValidationError):
        Retention(label="two\nlines")
