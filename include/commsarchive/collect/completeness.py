"""When is a day's export complete, and what has to be picked up? Pure: listings in, verdict out."""

from __future__ import annotations

import datetime as dt
import re
from collections import Counter
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase

from include.commsarchive.collect.base import UNFINISHED, RemoteFile

ENCRYPTED_SUFFIXES = (".gpg", ".pgp", ".asc")
SIGNATURE_SUFFIX = ".sig"
CHECKSUM_SUFFIXES = (".md5", ".sha256")
PAGES_SUFFIX = ".pages.tar"
"""An API's pages as they came; JSON Lines once they are opened."""
SHOWN = 3
"""Names of other files that are told where none is ours."""
_COMPANIONS = (SIGNATURE_SUFFIX, *CHECKSUM_SUFFIXES)


def clear_name(name: str) -> str:
    """Strip what tells how a file is wrapped: encryption, pages."""
    ends = (*ENCRYPTED_SUFFIXES, PAGES_SUFFIX)
    return next((name.removesuffix(end) for end in ends if name.endswith(end)), name)


def payload_name(name: str) -> str:
    """Give the name of the file that a signature or checksum is for; any other name as it is."""
    return next((name.removesuffix(end) for end in _COMPANIONS if name.endswith(end)), name)


@dataclass(frozen=True, slots=True)
class Expected:
    """What one day of one connector looks like on the server.

    ``patterns`` and ``manifest`` are the connector's, with ``{yymmdd}``, ``{yyyymmdd}`` or
    ``{yyyy-mm-dd}`` for the day.
    Names are compared without their encryption suffixes, upper and lower case apart. With no patterns a
    file is ours when a part of its name is the day and ``belongs`` (a source's claim) says so.
    """

    day: dt.date
    belongs: Callable[[str], bool]
    patterns: tuple[str, ...] = ()
    manifest: str = ""

    def named(self, template: str) -> str:
        """Put the day into a template."""
        template = template.replace("{yyyy-mm-dd}", f"{self.day}")
        return template.replace("{yymmdd}", f"{self.day:%y%m%d}").replace("{yyyymmdd}", f"{self.day:%Y%m%d}")

    def owns(self, name: str) -> bool:
        """Say whether a file, or the file that a companion is for, is one of ours, of this day."""
        clear = clear_name(payload_name(name))
        if self.patterns:
            return any(fnmatchcase(clear, clear_name(self.named(pattern))) for pattern in self.patterns)
        return not set(self._days).isdisjoint(re.split(r"[\W_]+", clear)) and self.belongs(clear)

    def looked_for(self, listing: Sequence[RemoteFile]) -> str:
        """Say by which names a file is one of ours, and what is there instead, the newest first."""
        own = f"the source's own names with {' or '.join(self._days)}"
        said = f"looked for {', '.join(map(self.named, self.patterns)) or own}"
        others = [file.name for file in sorted(listing, key=lambda file: (-file.mtime, file.name))]
        if not others:
            return f"{said}; there are no files at all"
        more = f" and {len(others) - SHOWN:,} more" if len(others) > SHOWN else ""
        remedy = f"If they are this day's, {'mend' if self.patterns else 'state'} `collect.files`"
        return f"{said}; there are {', '.join(others[:SHOWN])}{more}. {remedy}"

    @property
    def _days(self) -> tuple[str, str]:
        return f"{self.day:%Y%m%d}", f"{self.day:%y%m%d}"


@dataclass(frozen=True, slots=True)
class Pickup:
    """A file to fetch, with the detached signature and the checksum that ride along, if there are such.

    ``clear_name`` is the name without ``.gpg``/``.pgp``/``.asc``. Plain values: msgspec converts it to
    and from JSON.
    """

    name: str
    clear_name: str
    file: RemoteFile
    signature: RemoteFile | None
    encrypted: bool
    checksum: RemoteFile | None = None


@dataclass(frozen=True, slots=True)
class Complete:
    """Everything is there; no pickup at all when a manifest lists nothing of ours."""

    pickups: tuple[Pickup, ...]


@dataclass(frozen=True, slots=True)
class Waiting:
    """Something is not there yet. ``missing`` names the files that must come; ``why`` says the rest."""

    why: str
    missing: tuple[str, ...] = ()


def assess(
    listing: Sequence[RemoteFile],
    previous: Collection[RemoteFile] | None,
    manifest_text: str | None,
    expected: Expected,
) -> Complete | Waiting:
    """Judge a listing, given the look before (None at the first) and the manifest's text (None: not there).

    With a manifest, every file of ours that it lists must be there. In any case our files must be
    unchanged between the looks, and so must the manifest: half of one lists half the files. Files of
    ours that no manifest lists are taken along; nothing is left behind.
    """
    ours = [file for file in listing if expected.owns(file.name)]
    manifest = expected.named(expected.manifest)
    if manifest and manifest_text is None:
        return Waiting("the manifest is not there", (manifest,))
    if not manifest and not ours:
        return Waiting(f"no file of this day is there: {expected.looked_for(listing)}")
    if doubled := [name for name, times in Counter(file.name for file in ours).items() if times > 1]:
        return Waiting(f"there twice, with different content: {', '.join(doubled)}")
    listed = [name for name in manifest_names(manifest_text or "") if expected.owns(name)]
    if missing := _missing(listed, [file.name for file in ours]):
        return Waiting("files are listed or signed but not there", missing)
    watched = [*ours, *(file for file in listing if file.name == manifest)]
    if changing := [one.name for one in watched if one not in (previous or ()) or one.size == UNFINISHED]:
        return Waiting(f"new or changed since the last look: {', '.join(changing)}")
    return Complete(_pickups(ours))


def manifest_names(text: str) -> list[str]:
    """File names in a manifest: one a line, LF or CRLF, perhaps with folders before them."""
    lines = (line.strip() for line in text.removeprefix("\ufeff").splitlines())
    return [line.rsplit("/", 1)[-1] for line in lines if line]


def _identity(name: str) -> tuple[str, str]:
    """What the variants of a name have in common: whose it is, and which companion it is, if it is one."""
    payload = payload_name(name)
    return clear_name(payload), name[len(payload) :]


def _missing(listed: Sequence[str], there: Sequence[str]) -> tuple[str, ...]:
    """Names that are listed but not there, and names that have a companion but are not there."""
    identities = {_identity(name) for name in there}
    accompanied = [payload_name(name) for name in there if payload_name(name) != name]
    return tuple(dict.fromkeys(name for name in (*listed, *accompanied) if _identity(name) not in identities))


def _pickups(ours: Sequence[RemoteFile]) -> tuple[Pickup, ...]:
    """Pair payloads with companions, by name. Of one file in clear and encrypted, the encrypted counts."""
    signatures = _companions(ours, (SIGNATURE_SUFFIX,))
    checksums = _companions(ours, CHECKSUM_SUFFIXES)
    payloads = {
        clear_name(file.name): file
        for file in sorted(ours, key=lambda file: file.name != clear_name(file.name))
        if payload_name(file.name) == file.name
    }
    return tuple(
        Pickup(
            name=file.name,
            clear_name=clear,
            file=file,
            signature=signatures.get(clear),
            encrypted=file.name.endswith(ENCRYPTED_SUFFIXES),
            checksum=checksums.get(clear),
        )
        for clear, file in sorted(payloads.items())
    )


def _companions(ours: Sequence[RemoteFile], suffixes: tuple[str, ...]) -> dict[str, RemoteFile]:
    """Companions by the clear name of what they are for; of several, the last by name: the longest hash."""
    found = sorted((file for file in ours if file.name.endswith(suffixes)), key=lambda file: file.name)
    return {clear_name(payload_name(file.name)): file for file in found}
