"""The file names of an export (financial formats, section 1.1)."""

from __future__ import annotations

import re

from include.commsarchive.sources.base import Claim, Role

_CONTENT = re.compile(r"(?P<before>.+)\.(?:msg|dscl|blog)\.(?P<after>.+)\.xml(?P<part>[0-9]*)")
_ATTACHMENTS = re.compile(
    r"(?P<account>[a-z]+[0-9]+)(?:\.msg)?\.att\.(?P<day>[0-9]{6})(?:\.(?P<part>[0-9]+))?"
    r"\.(?:tar|tar\.gz|tgz|xml)"
)


def claim(name: str) -> Claim | None:
    """Say which bundle a file belongs to: mails, disclaimers, blogs and attachments are read together.

    Attachments of the old style serve Instant Bloomberg too: either connector fetches them for itself.
    One vendor page names the archive ``.xml``; it is an archive all the same.
    """
    name = name.lower()
    if found := _ATTACHMENTS.fullmatch(name):
        return Claim(f"{found['account']}.msg.{found['day']}", Role.ATTACHMENTS, int(found["part"] or 0))
    if (found := _CONTENT.fullmatch(name)) and ".att." not in name:
        return Claim(f"{found['before']}.msg.{found['after']}", Role.CONTENT, int(found["part"] or 0))
    return None
