"""Every source there is. A new one is one module and one line here."""

from __future__ import annotations

from include.commsarchive.errors import Fatal
from include.commsarchive.sources.base import Claim, Profiled, Role, Source
from include.commsarchive.sources.bloomberg_message import BloombergMessage
from include.commsarchive.sources.dig import Dig
from include.commsarchive.sources.instant_bloomberg import InstantBloomberg
from include.commsarchive.sources.mail import MailFiles
from include.commsarchive.sources.own_files import OwnFiles
from include.commsarchive.sources.persistent_chat import PersistentChat
from include.commsarchive.sources.symphony import Symphony
from include.commsarchive.sources.vantage import Vantage


def by_name(*sources: Source) -> dict[str, Source]:
    """Name sources.

    Raises:
        Fatal: two have the same name.
    """
    named: dict[str, Source] = {}
    for one in sources:
        if one.name in named:
            raise Fatal(f"two sources are named `{one.name}`: rename one of them in sources/registry.py")
        named[one.name] = one
    return named


SOURCES = by_name(
    BloombergMessage(),
    InstantBloomberg(),
    Symphony(),
    MailFiles("eml", "EML", "IPM.NOTE.EML", "ipm.externaldata.eml", "EML", (".eml",)),
    MailFiles("mbox", "mbox", "IPM.NOTE.Mbox", "ipm.externaldata.mbox", "Mbox", (".mbox", ".mbx")),
    MailFiles(
        "fx_connect",
        "FX Connect",
        "IPM.NOTE.FXConnect",
        "ipm.externaldata.fxconnect",
        "FX Connect",
        (".eml",),
    ),
    OwnFiles(),
    Dig(),
    PersistentChat(),
    Vantage(),
)


def source(name: str, profile: str = "") -> Source:
    """Find a source; ``profile`` is the JSON of one, for a source that reads by profiles.

    Raises:
        Fatal: there is none of this name; the text lists those that there are. Or it takes no profile.
    """
    if name not in SOURCES:
        raise Fatal(f"there is no source `{name}`; use one of: {', '.join(sorted(SOURCES))}")
    found = SOURCES[name]
    if not profile:
        return found
    if not isinstance(found, Profiled):
        raise Fatal(f"the source `{name}` takes no profile: its format is known. Leave it out")
    return found.described(profile)


def claims(name: str) -> dict[str, Claim]:
    """Say which sources a file is of, by its name: their names and what each says of it.

    A connector knows its source and asks that one alone. An archive of attachments may belong to the
    content of several (Bloomberg's of the old style serves chat and mail); content has one source.

    Raises:
        Fatal: two sources claim it as content.
    """
    found = {one.name: claim for one in SOURCES.values() if (claim := one.claim(name))}
    readers = [f"`{one}`" for one, claim in found.items() if claim.role is Role.CONTENT]
    if len(readers) > 1:
        raise Fatal(
            f"{name}: claimed by {' and '.join(readers)}: make their file names in sources/ tell them apart"
        )
    return found
