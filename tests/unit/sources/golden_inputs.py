"""What a golden case reads: a file ``export.xml``, or another of `INPUTS`, or a folder to zip."""

from __future__ import annotations

import hashlib
import io
import zipfile
from collections.abc import Iterator
from pathlib import Path

from include.commsarchive.model import Refused
from include.commsarchive.sources.base import Role, Source, Stored

INPUTS = tuple(f"export.{kind}" for kind in ("xml", "json", "jsonl", "csv", "eml", "mbox", "zip"))


def input_of(case: Path) -> Path | None:
    """Find what a case reads."""
    return next((case / name for name in INPUTS if (case / name).exists()), None)


def bytes_of(path: Path) -> bytes:
    """Read a file, or zip a folder: always the same bytes."""
    if not path.is_dir():
        return path.read_bytes()
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive:
        for file in sorted(path.rglob("*")):
            if file.is_file():
                archive.writestr(zipfile.ZipInfo(str(file.relative_to(path))), file.read_bytes())
    return made.getvalue()


def members_of(source: Source, path: Path) -> Iterator[tuple[str, Stored] | Refused]:
    """Store the attachments of a file that holds conversations, too."""
    claim = source.claim(path.name)
    if path.suffix == ".zip" or (claim and claim.role is Role.CONTAINER):
        for member in source.members(path.name, io.BytesIO(bytes_of(path))):
            if isinstance(member, Refused):
                yield member
            else:
                content = member[1].read()
                yield member[0], Stored(hashlib.sha256(content).hexdigest(), len(content))
