"""Two looks at a server, manifest included."""

from __future__ import annotations

import datetime as dt

import pytest

from include.commsarchive.collect.completeness import Complete, Expected, Waiting
from include.commsarchive.collect.look import MANIFEST_LIMIT, look
from include.commsarchive.collect.memory import MemoryCollector
from include.commsarchive.errors import Fatal

pytestmark = pytest.mark.anyio
EXPECTED = Expected(dt.date(2024, 3, 14), lambda name: name.endswith(".xml"), manifest="list_{yymmdd}.txt")


async def test_the_manifest_is_read_and_believed_at_the_second_look() -> None:
    vendor = MemoryCollector()
    vendor.put("in/list_240314.txt", b"a.240314.xml\n")
    vendor.put("in/a.240314.xml", b"x")
    listing, first = await look(vendor, "in", EXPECTED, None)
    assert isinstance(first, Waiting)
    _, second = await look(vendor, "in", EXPECTED, listing)
    assert isinstance(second, Complete)
    assert [pickup.file.path for pickup in second.pickups] == ["in/a.240314.xml"]


async def test_a_manifest_that_cannot_be_one_is_for_a_person_to_mend() -> None:
    vendor = MemoryCollector()
    vendor.put("list_240314.txt", b"x" * (MANIFEST_LIMIT + 1))
    with pytest.raises(Fatal, match=r"list_240314\.txt"):
        await look(vendor, ".", EXPECTED, None)
