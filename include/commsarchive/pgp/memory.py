"""A decryptor for tests: no cryptography, the same promises."""

from __future__ import annotations

import hashlib
from pathlib import Path
from types import TracebackType
from typing import Self

from include.commsarchive.errors import Quarantine
from include.commsarchive.landing import Landing
from include.commsarchive.pgp.base import Bounds, Decrypted, KeyInfo
from include.commsarchive.pgp.verdict import GOOD, Signature, check_signed

_HEAD = b"sealed for tests\n"


def seal(clear: bytes, signer: str = "") -> bytes:
    """Make a file that `MemoryDecryptor` opens, signed by ``signer`` if not empty."""
    return _HEAD + f"{signer}\n{hashlib.sha256(clear).hexdigest()}\n".encode() + clear


class MemoryDecryptor:
    """Opens what `seal` made."""

    def __init__(self, signers: frozenset[str] = frozenset(), *, require_signature: bool = False) -> None:
        """Name who may sign."""
        self._signers = signers
        self._require_signature = require_signature

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        pass

    def keys(self) -> list[KeyInfo]:
        """List nothing: there are no keys."""
        return []

    def decrypt(self, encrypted: Path, clear: Path, signature: Path | None, bounds: Bounds) -> Decrypted:
        """Open a sealed file; a detached signature is a file that holds the signer's name."""
        name, content = encrypted.name, encrypted.read_bytes()
        if not content.startswith(_HEAD):
            raise Quarantine("not-encrypted", f"{name}: not sealed")
        signer, digest, text = content.removeprefix(_HEAD).split(b"\n", 2)
        if hashlib.sha256(text).hexdigest().encode() != digest:
            raise Quarantine("damaged", f"{name}: cut short or altered")
        if len(text) > bounds.limit(len(content)):
            raise Quarantine("decompression-bomb", f"{name}: too large")
        names = [signer.decode(), signature.read_text().strip() if signature else ""]
        signatures = [Signature(GOOD, one) for one in names if one]
        signed_by = check_signed(signatures, name, self._signers, required=self._require_signature)
        with Landing(clear) as landing:
            landing.write(text)
            landing.settle()
        return Decrypted(landing.size, landing.sha256, signed_by)
