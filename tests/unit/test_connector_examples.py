"""The commented connectors are connectors."""

from __future__ import annotations

from pathlib import Path

import pytest

from include.commsarchive.connector import load_connector

FOLDER = Path(__file__).parents[2] / "include" / "connectors"
EXAMPLES = sorted(FOLDER.glob("*.yaml*"))


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.name)
def test_a_commented_connector_can_be_copied_and_used(path: Path) -> None:
    assert load_connector(path).name


def test_no_two_of_them_have_the_same_name() -> None:
    names = [load_connector(path).name for path in EXAMPLES]
    assert sorted(names) == sorted(set(names))
