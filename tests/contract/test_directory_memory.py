"""A directory in memory keeps the promises of every directory."""

from __future__ import annotations

import pytest

from include.commsarchive.directory.memory import MemoryDirectory
from tests.contract.directory_contract import PEOPLE, DirectoryContract


class TestMemoryDirectory(DirectoryContract):
    @pytest.fixture
    def directory(self) -> MemoryDirectory:
        return MemoryDirectory(PEOPLE)
