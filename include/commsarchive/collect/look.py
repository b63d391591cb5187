"""One look at the server: list, read the manifest, judge."""

from __future__ import annotations

from collections.abc import Collection

from include.commsarchive.collect.base import Collector, RemoteFile
from include.commsarchive.collect.completeness import Complete, Expected, Waiting, assess

MANIFEST_LIMIT = 1024 * 1024
"""Bytes; a manifest has one file name a line."""


async def look(
    collector: Collector, folder: str, expected: Expected, previous: Collection[RemoteFile] | None
) -> tuple[list[RemoteFile], Complete | Waiting]:
    """List a folder and judge it; hand the listing to the next look as ``previous``.

    Raises:
        Retriable: the server cannot be asked now.
        Fatal: the server refuses us, the folder does not exist, or the manifest is none.
    """
    listing = await collector.listing(folder)
    manifest = expected.named(expected.manifest)
    text = None
    if path := next((file.path for file in listing if file.name == manifest), ""):
        content = await collector.read(path, MANIFEST_LIMIT)
        text = content.decode("utf-8", "replace")
    return listing, assess(listing, previous, text, expected)
