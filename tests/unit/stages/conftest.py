"""Fixtures of the stages' tests."""

from __future__ import annotations

from pathlib import Path

import pytest

from include.commsarchive.ledger.memory import MemoryLedger
from include.commsarchive.stages import share
from tests.letters import make_run
from tests.unit.stages.bad_answers import Clock
from tests.unit.stages.small_world import Memos, World, small_world


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    """An empty world whose one source is `Memos`."""
    monkeypatch.setattr(share, "source", lambda _name, _profile: Memos())
    return small_world(tmp_path / "staging")


@pytest.fixture
def ledger() -> MemoryLedger:
    """A ledger with one open run."""
    ledger = MemoryLedger()
    ledger.open_run(make_run())
    return ledger


@pytest.fixture
def clock() -> Clock:
    """A clock that only sleepers move."""
    return Clock()
