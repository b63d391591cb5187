"""Every key that a connector can state is explained where people look for it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from commsarchive_airflow.web.pages.form import keys

from include.commsarchive.connector import RESERVED

PROJECT = Path(__file__).parents[2]
KEYS = [key for key, _ in keys()]
COMMENTED = PROJECT / "include" / "connectors" / "instant_bloomberg.yaml"
ELSEWHERE = {
    "api": "https_api.yaml.example",
    "query": "sql_query.yaml.example",
    "profile": "own_files.yaml.example",
}
"""What excludes what the commented example has; it says where else to look."""


def table() -> Iterator[str]:
    """Keys in the table of all keys; ``.last`` is one beside the key before it."""
    text = (PROJECT / "docs" / "connectors.md").read_text(encoding="utf-8")
    for row in text.split("## Every key")[1].split("\n## ")[0].splitlines():
        if row.startswith("| `"):
            before = ""
            for name in re.findall(r"`([^`]+)`", row.split(" | ")[0]):
                before = before.rpartition(".")[0] + name if name.startswith(".") else name
                yield before


def test_the_documentation_lists_every_key_once() -> None:
    assert sorted(table()) == sorted(KEYS)


def test_the_commented_example_explains_every_key_or_says_where_it_is() -> None:
    text = COMMENTED.read_text(encoding="utf-8")
    for key in KEYS:
        part = next((part for part in key.split(".")[:2] if part in ELSEWHERE), "")
        if part:
            assert f"`{part}`" in text, key
            text_of = (COMMENTED.parent / ELSEWHERE[part]).read_text(encoding="utf-8")
        else:
            text_of = text
        assert re.search(rf"\b{key.rpartition('.')[2]}:", text_of), key


def test_no_connector_can_take_the_name_of_a_dag_of_ours() -> None:
    ours = {path.stem for path in (PROJECT / "dags").glob("*.py") if "with DAG(" in path.read_text("utf-8")}
    assert ours == set(RESERVED)
