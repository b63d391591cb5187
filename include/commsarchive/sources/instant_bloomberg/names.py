"""The file names of an export (financial formats, section 1.1)."""

from __future__ import annotations

import re

from include.commsarchive.sources.base import Claim, Role

_CONTENT = re.compile(r"(?P<account>[a-z]+[0-9]+)\.(?P<feed>ib|ib19)\.(?P<day>[0-9]{6})\.xml(?P<part>[0-9]*)")
_OTHER_CONTENT = re.compile(r"(?P<bundle>.+\.(?:ib|ib19)\..+)\.xml(?P<part>[0-9]*)")
_ATTACHMENTS = re.compile(
    r"(?P<account>[a-z]+[0-9]+)(?:\.(?P<feed>ib|ib19))?\.att\.(?P<day>[0-9]{6})(?:\.(?P<part>[0-9]+))?"
    r"\.(?:tar|tar\.gz|tgz|xml)"
)


def claim(name: str) -> Claim | None:
    """Say which bundle a file belongs to: those of one account, feed and day are read together.

    Attachments of the old style serve Bloomberg mail too and belong to the ``ib`` feed, not to
    ``ib19``, which has its own. One vendor page names that file ``.xml``; it is an archive all the same.
    """
    name = name.lower()
    if found := _ATTACHMENTS.fullmatch(name):
        bundle = f"{found['account']}.{found['feed'] or 'ib'}.{found['day']}"
        return Claim(bundle, Role.ATTACHMENTS, int(found["part"] or 0))
    if found := _CONTENT.fullmatch(name):
        bundle = f"{found['account']}.{found['feed']}.{found['day']}"
        return Claim(bundle, Role.CONTENT, int(found["part"] or 0))
    if (found := _OTHER_CONTENT.fullmatch(name)) and ".att." not in name:
        return Claim(found["bundle"], Role.CONTENT, int(found["part"] or 0))
    return None
