"""Elements of an XML file as trees. Malformed ones are mended as other sources' are, or refused."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from itertools import pairwise
from typing import BinaryIO

from include.commsarchive.errors import Quarantine
from include.commsarchive.model import Refused
from include.commsarchive.sources.base import Chunk, Options
from include.commsarchive.sources.own_files.profile import Profile
from include.commsarchive.sources.own_files.tree import REPAIRED, Tree, tree_of
from include.commsarchive.sources.own_files.xml_shapes import Shapes
from include.commsarchive.sources.xml_grammar import Grammar
from include.commsarchive.sources.xml_reading import TAGS_LEFT_OUT, read_mended, read_strict
from include.commsarchive.sources.xml_records import Cutter
from include.commsarchive.sources.xml_window import Window

_ROOT = re.compile(rb"<(?:[\w.-]+:)?([A-Za-z_][\w.-]*)")
_NAMESPACES = re.compile(r"""\sxmlns(?::[\w.-]+)?\s*=\s*(?:"[^"<]*"|'[^'<]*')""")
_NO_PARTS = 10**9
_BATCH = 200

Found = tuple[str, Tree]


def records(profile: Profile, name: str, stream: BinaryIO, options: Options) -> Iterator[Found | Refused]:
    """Read the elements that the profile names; a long one with rows comes in parts.

    Raises:
        Quarantine: the file is empty, defines entities, or has an encoding that is not read.
    """
    window = Window(name, stream)
    head = window.head()
    known, shapes = _known(profile), Shapes()
    namespaces = "".join(dict.fromkeys(_NAMESPACES.findall(head.decode("utf-8", "replace"))))
    cutting = options if profile.format.rows else replace(options, max_events=_NO_PARTS)
    for chunk in Cutter(window, _grammar(profile, head), {}, cutting).chunks():
        if isinstance(chunk, Refused):
            yield chunk
        elif "part" in chunk.context and not profile.format.rows:
            why = "a single record is larger than items.max_bytes; raise it, then replay"
            yield Refused("record-too-large", f"{name}, byte {chunk.start:,}", why, chunk.raw)
        else:
            yield from _read(chunk, namespaces, known, shapes)


def _grammar(profile: Profile, head: bytes) -> Grammar:
    rules = profile.format
    root = _ROOT.search(head)
    first = root[1].decode() if root else rules.record
    around = [re.escape(one) for one in dict.fromkeys((first, *rules.around)) if one != rules.record]
    outer = (field.split("/")[1] for field in profile.fields() if field.startswith("../"))
    return Grammar(
        record=re.escape(rules.record),
        root=f"(?:{'|'.join(around or [re.escape(first)])})",
        beside=tuple(re.escape(one) for one in rules.around) or ("-",),
        leaves=tuple(outer),
        carry=lambda _, context: dict(context),
    )


def _known(profile: Profile) -> frozenset[str]:
    """Name the elements that the profile knows; when nothing else helps, others are taken for text."""
    rules = profile.format
    paths = (*profile.fields(), *profile.ignore, rules.rows, rules.record, *rules.around)
    return frozenset(step.lower() for path in paths for step in path.split("/"))


def _read(chunk: Chunk, namespaces: str, known: frozenset[str], shapes: Shapes) -> Iterator[Found | Refused]:
    part = f", part {chunk.context['part']}" if "part" in chunk.context else ""
    ends = (*chunk.starts, len(chunk.raw))
    for first in range(0, len(chunk.starts), _BATCH):
        batch = list(pairwise(ends[first : first + _BATCH + 1]))
        raws = [chunk.raw[start:end] for start, end in batch]
        for (start, _), raw, sound in zip(batch, raws, _sound(raws, namespaces, shapes), strict=True):
            where = f"byte {chunk.start + start:,}{part}"
            try:
                tree = sound or _mended(raw, namespaces, known)
            except Quarantine as error:
                yield Refused(error.reason, f"{chunk.place}, {where}", str(error), raw)
            else:
                yield where, tree


def _sound(raws: list[bytes], namespaces: str, shapes: Shapes) -> list[Tree | None]:
    """Read records many at a time, which is much quicker; None for each of a batch that is not sound."""
    found = [shapes.read(raw) for raw in raws]
    rest = [number for number, tree in enumerate(found) if tree is None]
    with suppress(ET.ParseError):
        root = read_strict(b"".join([raws[number] for number in rest]), namespaces) if rest else ()
        if rest and len(root) == len(rest):
            for number, element in zip(rest, root, strict=True):
                found[number] = tree_of(element)
            shapes.learn(raws[rest[0]], found[rest[0]])
    return found


def _mended(raw: bytes, namespaces: str, known: frozenset[str]) -> Tree:
    element, mended = _element(raw, namespaces, known)
    tree = tree_of(element)
    return {**tree, REPAIRED: "; ".join(mended)} if mended else tree


def _element(raw: bytes, namespaces: str, known: frozenset[str]) -> tuple[ET.Element, list[str]]:
    try:
        root, mended = read_strict(raw, namespaces), list[str]()
    except ET.ParseError:
        root, mended = read_mended(raw, namespaces, known)
    if len(root) != 1 or TAGS_LEFT_OUT in mended:
        raise Quarantine("malformed", "it is not sure where a record ends; mend it, then send it again")
    return root[0], mended
