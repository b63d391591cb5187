"""Texts that items name: read before a bundle is parsed, and remembered for the days to come."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping

import msgspec

from include.commsarchive.errors import Quarantine
from include.commsarchive.sources.base import Dictionary, Source
from include.commsarchive.stages.run import Bundle, Scope
from include.commsarchive.stages.share import foreseen
from include.commsarchive.staging.store import Folder

Texts = dict[str, tuple[str, ...]]
_FOLDER = "dictionary"


def texts_of(kind: Source, bundle: Bundle, folder: Folder) -> Texts:
    """Read what a bundle's content files define; where a name has several texts, all are kept."""
    if not isinstance(kind, Dictionary):
        return {}
    found: dict[str, dict[str, None]] = {}
    for name in bundle.content:
        with folder.open(f"clear/{name}") as stream:
            try:
                for reference, text in foreseen(kind.dictionary(name, stream), name):
                    found.setdefault(reference, {})[text] = None
            except Quarantine:
                continue  # the file is read again for its items, and then set aside with this reason
    return {reference: tuple(texts) for reference, texts in found.items()}


def known_texts(scope: Scope, bundle: Bundle) -> Texts:
    """Give what a bundle defines and, for all else, what the days up to this run's had defined.

    Later days are not asked, so that a day that is archived again is read as it was the first time.
    What is new is remembered, in a file that nothing changes any more.

    Raises:
        Retriable: the disk is full or broken.
    """
    if not isinstance(scope.source, Dictionary):
        return {}
    own = texts_of(scope.source, bundle, scope.folder)
    before = _remembered(scope)
    _remember(scope, {name: texts for name, texts in own.items() if before.get(name) != texts})
    return before | own


def _remembered(scope: Scope) -> Texts:
    """Read what is remembered, earliest day first: the latest word on a name is the one that counts."""
    known: Texts = {}
    for path in scope.held.names(_FOLDER):
        if path.rpartition("/")[2][:10] <= scope.run.day.isoformat():
            with scope.held.open(path) as stream:
                known |= msgspec.json.decode(stream.read(), type=Texts)
    return known


def _remember(scope: Scope, new: Mapping[str, tuple[str, ...]]) -> None:
    if new:
        content = msgspec.json.encode(dict(sorted(new.items())))
        name = f"{scope.run.day.isoformat()}-{hashlib.sha256(content).hexdigest()[:16]}.json"
        with scope.held.write(f"{_FOLDER}/{name}") as sink:
            sink.write(content)
