"""A large file is read block by block: where a block ends makes no difference."""

from __future__ import annotations

import io
from itertools import pairwise

import pytest

from include.commsarchive.sources import xml_records, xml_window
from include.commsarchive.sources.base import Chunk, Options
from include.commsarchive.sources.instant_bloomberg import InstantBloomberg

RECORD = b'<Conversation RoomType="P"><RoomID>A</RoomID><!-- </Conversation> --></Conversation>\n'
FILE = b"<FileDump>\n<Version>1.9</Version>\n%b</FileDump>\n" % (RECORD * 1000)


@pytest.mark.parametrize("size", range(70_000, 70_000 + len(RECORD)))
def test_every_record_is_found_wherever_a_block_ends(monkeypatch: pytest.MonkeyPatch, size: int) -> None:
    monkeypatch.setattr(xml_window, "BLOCK", size)
    monkeypatch.setattr(xml_records, "BLOCK", size)
    chunks = list(InstantBloomberg().chunks("a.xml", io.BytesIO(FILE), Options()))
    whole = [chunk for chunk in chunks if isinstance(chunk, Chunk)]
    found = [
        chunk.raw[start:end] for chunk in whole for start, end in pairwise((*chunk.starts, len(chunk.raw)))
    ]
    assert len(whole) == len(chunks) > 1
    assert [record.strip() for record in found] == [RECORD.strip()] * 1000
