"""Names of mailboxes and folders on a file system, by the rules of Maildir++.

A mailbox is a folder of the root; its Inbox is that folder itself, and every other folder lies directly
in it as ``.Name`` or ``.Outer.Inner`` (Maildir++: the dot separates, so a name holds none).
"""

from __future__ import annotations

import functools
import re
from pathlib import Path

from include.commsarchive.ids import digest

LONGEST = 200
"""Bytes of a name; file systems take 255, and copies of a mailbox may add to it."""

_UNSAFE_IN_MAILBOX = re.compile(r"^\.|[^\w.@+=-]")
_UNSAFE_IN_FOLDER = re.compile(r"[^\w @+=-]")


def mailbox_name(address: str) -> str:
    """Make a file name of an address, one for all spellings in upper and lower case."""
    return _shorten(_UNSAFE_IN_MAILBOX.sub(_escape, address.casefold()))


def folder_name(folder: str) -> str:
    """Make a file name of a folder below the Inbox, whose levels ``/`` separates; ``""`` is the Inbox."""
    levels = [_UNSAFE_IN_FOLDER.sub(_escape, level) for level in folder.split("/") if level]
    return _shorten("".join(f".{level}" for level in levels))


@functools.lru_cache(maxsize=4096)
def place(root: Path, mailbox: str, folder: str) -> Path:
    """Give the Maildir of a folder."""
    return root / mailbox_name(mailbox) / folder_name(folder)


def _escape(found: re.Match[str]) -> str:
    return "".join(f"%{byte:02X}" for byte in found.group().encode("utf-8", "surrogatepass"))


def _shorten(name: str) -> str:
    """Cut a name that is too long, and tell it from others by its hash."""
    if len(name.encode("utf-8", "surrogatepass")) <= LONGEST:
        return name
    short = name.encode("utf-8", "surrogatepass")[: LONGEST - 33].decode("utf-8", "ignore")
    return f"{short}~{digest(name)}"
