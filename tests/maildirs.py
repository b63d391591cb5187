"""Reads Maildir trees with the standard library, which knows nothing of how they were written."""

from __future__ import annotations

import mailbox
from email import message_from_bytes, policy
from pathlib import Path


def subject_of(mail: bytes) -> str:
    return str(message_from_bytes(mail, policy=policy.default)["Subject"])


def read_folder(root: Path, address: str, folder: str) -> list[bytes]:
    """Give the mails of one folder with CRLF line ends; the Inbox is ``""``."""
    box = mailbox.Maildir(root / address, create=False)
    if folder:
        box = box.get_folder(folder)
    return [box.get_bytes(name).replace(b"\n", b"\r\n") for name in box.iterkeys()]


def read_tree(root: Path) -> dict[tuple[str, str], list[bytes]]:
    """Give all mails of all mailboxes, by mailbox and folder, sorted."""
    tree = {}
    for home in root.iterdir():
        if home.name.startswith("."):
            continue
        for folder in ("", *mailbox.Maildir(home, create=False).list_folders()):
            if mails := sorted(read_folder(root, home.name, folder)):
                tree[home.name, folder] = mails
    return tree
