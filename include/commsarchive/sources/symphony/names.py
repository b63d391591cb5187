"""The file names of an export (financial formats, section 5.1), and of collected events."""

from __future__ import annotations

import re

from include.commsarchive.sources.base import Claim, Role

_EXPORT = re.compile(
    r"(?P<bundle>[a-z]_.+_(?:sd-[0-9-]{13}_ed-[0-9-]{13}|cd-[0-9-]{10})_gd-[0-9-]{10}_[0-9]+)\.zip"
)
"""``<format>_<pod>_SD-<start>_ED-<end>_GD-<generated>_<ms>.zip``, or with one day, ``CD``, when asked for."""
_EVENTS = re.compile(
    r"(?P<bundle>(?:.*[._-])?symphony(?:[._-].*?)?)"
    r"(?:\.(?:json|jsonl|ndjson)(?P<part>[0-9]*)|\.att(?:\.(?P<archive>[0-9]+))?\.(?:zip|tar|tar\.gz|tgz))"
)


def claim(name: str) -> Claim | None:
    """Say which bundle a file belongs to: an export is one by itself, events go with their attachments."""
    name = name.lower()
    if found := _EXPORT.fullmatch(name):
        return Claim(found["bundle"], Role.CONTAINER)
    if found := _EVENTS.fullmatch(name):
        role = Role.ATTACHMENTS if found["part"] is None else Role.CONTENT
        return Claim(found["bundle"], role, int(found["part"] or found["archive"] or 0))
    return None
