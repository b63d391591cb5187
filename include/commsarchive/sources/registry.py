"""Every source there is. A new one is one module and one line here."""

from __future__ import annotations

from include.commsarchive.errors import Fatal
from include.commsarchive.sources.base import Claim, Source
from include.commsarchive.sources.instant_bloomberg import InstantBloomberg


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
    InstantBloomberg(),
)


def source(name: str) -> Source:
    """Find a source.

    Raises:
        Fatal: there is none of this name; the text lists those that there are.
    """
    if name not in SOURCES:
        raise Fatal(f"there is no source `{name}`; use one of: {', '.join(sorted(SOURCES))}")
    return SOURCES[name]


def claim(name: str) -> tuple[Source, Claim] | None:
    """Find the source that a file is of, by its name; None when it is nobody's.

    Raises:
        Fatal: two sources claim it.
    """
    claims = [(one, claimed) for one in SOURCES.values() if (claimed := one.claim(name))]
    if len(claims) > 1:
        names = " and ".join(f"`{one.name}`" for one, _ in claims)
        raise Fatal(f"{name}: claimed by {names}: make their file names in sources/ tell them apart")
    return claims[0] if claims else None
