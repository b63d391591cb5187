"""Identity is content: every id is a hash of what it names. Ground floor: standard library only.

No clock and no randomness, so the same input gives the same ids on every host.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

MAIL_DOMAIN = "commsarchive.invalid"
"""Right-hand side of our Message-IDs; ``.invalid`` can never be somebody's domain (RFC 2606)."""


def digest(*parts: str) -> str:
    """Hash text parts into 32 hexadecimal digits (128 bits of SHA-256).

    Each part is preceded by its length in bytes, so that ``("ab", "c")`` and ``("a", "bc")`` differ.
    """
    content = "".join([f"{len(part)}:{part}" for part in parts]).encode("utf-8", "surrogatepass")
    if not content.isascii():
        encoded = [part.encode("utf-8", "surrogatepass") for part in parts]
        content = b"".join([b"%d:%b" % (len(part), part) for part in encoded])
    return hashlib.sha256(content).hexdigest()[:32]


def item_key(source: str, native_ids: Iterable[str]) -> str:
    """Name an item by the source's own ids: the same item always has the same key."""
    return digest("item", source, *native_ids)


def message_id(key: str, revision: str) -> str:
    """Give the Message-ID, without angle brackets, of one revision of an item."""
    return f"{key}.{revision[:16]}@{MAIL_DOMAIN}"


def thread_id(source: str, thread: str) -> str:
    """Give the Message-ID-like id, without angle brackets, that all items of a thread refer to."""
    return f"{digest('thread', source, thread)}@{MAIL_DOMAIN}"


def delivery_key(key: str, revision: str, destination: str, mailbox: str, folder: str) -> str:
    """Name one copy in one place: the unit of exactly-once.

    ``mailbox`` is compared without regard to case, as mail systems do.
    """
    return digest("delivery", key, revision, destination, mailbox.casefold(), folder)


def root_hash(hashes: Iterable[str]) -> str:
    """Hash a stream of hashes, in the order given, into 64 hexadecimal digits (SHA-256)."""
    total = hashlib.sha256()
    for one in hashes:
        total.update(one.encode("ascii") + b"\n")
    return total.hexdigest()
