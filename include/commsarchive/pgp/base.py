"""What opens an encrypted export: two verbs."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Protocol, Self


@dataclass(frozen=True, slots=True)
class Bounds:
    """How much a file may decrypt to: bytes, and times its encrypted size. The smaller one counts."""

    max_clear_bytes: int
    max_expansion: int

    def limit(self, encrypted_size: int) -> int:
        """Largest clear text, in bytes, of a file of this size."""
        return min(self.max_clear_bytes, self.max_expansion * encrypted_size)


@dataclass(frozen=True, slots=True)
class Decrypted:
    """What came out: bytes, their SHA-256, and the fingerprint of the configured signer, ``""`` for none."""

    size: int
    sha256: str
    signed_by: str


@dataclass(frozen=True, slots=True)
class KeyInfo:
    """One key. Times are seconds since 1970; ``expires`` is None where the key does not.

    ``can_encrypt`` and ``can_sign`` say what the key is for, also when it has expired. ``expires`` is the
    earliest of the key and of the subkeys that are still needed: those of the latest expiry of their use.
    ``retired`` is the day since which one of ours is only kept to open old files, ``""`` while in force.
    """

    fingerprint: str
    key_id: str
    user_id: str
    secret: bool
    can_encrypt: bool
    can_sign: bool
    created: int
    expires: int | None
    revoked: bool
    retired: str = ""


class Decryptor(Protocol):
    """A key ring, opened by entering and closed by leaving; no key stays behind."""

    def __enter__(self) -> Self:
        """Open the key ring.

        Raises:
            Fatal: no private key is configured, or none opens; keys are not readable; no program.
        """

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close it."""

    def decrypt(self, encrypted: Path, clear: Path, signature: Path | None, bounds: Bounds) -> Decrypted:
        """Decrypt one file. ``clear`` appears, whole, only after the final verdict on all of it.

        ``signature`` is a detached one, over the encrypted or the clear file; one inside the encrypted
        file is found there. On any error nothing of the clear text stays on disk.

        Raises:
            Quarantine: with one of the reasons ``no-key``, ``not-encrypted``, ``damaged``,
                ``no-integrity-protection``, ``decompression-bomb``, ``unsigned``, ``unknown-signer`` or
                ``bad-signature``.
            Retriable: the disk is full or failing.
            Fatal: ``clear`` cannot be written.
        """

    def keys(self) -> list[KeyInfo]:
        """List our private keys and the signers' public keys."""
