"""Fixtures of the stages' tests."""

from __future__ import annotations

from pathlib import Path

import pytest

from include.commsarchive.stages import share
from tests.unit.stages.small_world import Memos, World, small_world


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    """An empty world whose one source is `Memos`."""
    monkeypatch.setattr(share, "source", lambda _name, _profile: Memos())
    return small_world(tmp_path / "staging")
