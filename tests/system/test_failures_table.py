"""docs/failures.md names a test for each of its lines and every reason that the program gives."""

from __future__ import annotations

import ast
import re
from pathlib import Path

from include.commsarchive.mailbox.maildir import NO_MAILBOX, NOT_A_MAILBOX, NOT_WRITABLE

PROJECT = Path(__file__).resolve().parents[2]
TABLE = (PROJECT / "docs" / "failures.md").read_text(encoding="utf-8")
NAMED = set(re.findall(r"`(test_\w+\.py)::(test_\w+)`", TABLE))


def named_in(path: Path) -> set[tuple[str, str]]:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef)
    names = {node.name for node in ast.walk(tree) if isinstance(node, kinds)}
    return {(path.name, name) for name in names if name.startswith("test_")}


def test_every_test_that_the_table_names_exists() -> None:
    there = {one for path in (PROJECT / "tests").rglob("test_*.py") for one in named_in(path)}
    assert NAMED - there == set()


def test_every_test_of_a_failure_is_in_the_table() -> None:
    here = Path(__file__)
    mine = {one for path in here.parent.glob("test_failures_*.py") if path != here for one in named_in(path)}
    assert mine - NAMED == set()


def test_every_line_of_the_table_names_a_test() -> None:
    lines = [line for line in TABLE.splitlines() if line.startswith("| ") and not line.endswith("| test |")]
    assert [line for line in lines if not re.search(r"`test_\w+\.py::\w+` \|$", line)] == []


def test_every_reason_that_the_program_gives_is_in_the_table() -> None:
    source = "".join(path.read_text(encoding="utf-8") for path in (PROJECT / "include").rglob("*.py"))
    reasons = set(re.findall(r'(?:Quarantine|Refused)\(\s*"([a-z-]+)"', source))
    assert len(reasons) > 20
    for reason in reasons | {NO_MAILBOX, NOT_A_MAILBOX, NOT_WRITABLE}:
        assert f"`{reason}`" in TABLE
