"""The rules that hold the house up."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

PROJECT = Path(__file__).resolve().parents[1]
SOURCES = [
    path
    for folder in ("include", "plugins", "dags")
    for path in sorted((PROJECT / folder).rglob("*.py"))
    if "samples" not in path.parts
]
DOCUMENTS = [PROJECT / "README.md", *sorted((PROJECT / "docs").rglob("*.md"))]
LARGEST_MODULE = 320
LARGEST_FUNCTION = 50


def functions() -> Iterator[tuple[Path, ast.FunctionDef | ast.AsyncFunctionDef]]:
    for path in SOURCES:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                yield path, node


def test_nobody_imports_upwards() -> None:
    program = "import sys; from importlinter.cli import lint_imports; sys.exit(lint_imports(no_cache=True))"
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=PROJECT,
        env={"PYTHONPATH": f"{PROJECT}:{PROJECT / 'plugins'}"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_modules_stay_small() -> None:
    large = {
        str(path.relative_to(PROJECT)): lines
        for path in SOURCES
        if (lines := len(path.read_text(encoding="utf-8").splitlines())) > LARGEST_MODULE
    }
    assert large == {}


def test_functions_stay_small() -> None:
    large = {
        f"{path.relative_to(PROJECT)}:{node.name}": lines
        for path, node in functions()
        if (lines := (node.end_lineno or 0) - node.lineno + 1) > LARGEST_FUNCTION
    }
    assert large == {}


def test_there_is_no_room_for_odds_and_ends() -> None:
    assert [path for path in SOURCES if path.stem in {"utils", "util", "helpers", "common", "misc"}] == []


def test_test_files_have_names_of_their_own() -> None:
    names = [path.name for path in (PROJECT / "tests").rglob("test_*.py")]
    assert sorted(names) == sorted(set(names))


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.name)
def test_documents_point_at_files_that_exist(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    named = [part.split(")", 1)[0].split("#", 1)[0] for part in text.split("](")[1:]]
    here = [name for name in named if name and "://" not in name]
    assert [name for name in here if not path.parent.joinpath(name).exists()] == []


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.name)
def test_documents_name_tests_that_exist(path: Path) -> None:
    tests = {test for file in (PROJECT / "tests").rglob("test_*.py") for test in _tests_in(file)}
    named = set(re.findall(r"\btest_\w+", path.read_text(encoding="utf-8")))
    assert named - tests == set()


def _tests_in(file: Path) -> Iterator[str]:
    yield file.stem
    yield from re.findall(r"\bdef (test_\w+)", file.read_text(encoding="utf-8"))
