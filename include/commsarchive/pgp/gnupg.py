"""Decrypt with the gpg program, through python-gnupg, in a private home that ends with the ``with`` block.

gpg writes clear text long before it knows whether the file is whole and who signed it. So its output
goes to a temporary name, and gets its own only after gpg has ended and all that it said is weighed.
"""

from __future__ import annotations

import io
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Self

from include.commsarchive.errors import Fatal, Quarantine
from include.commsarchive.landing import Landing
from include.commsarchive.pgp.agent import Agent
from include.commsarchive.pgp.base import Bounds, Decrypted, KeyInfo
from include.commsarchive.pgp.home import Home
from include.commsarchive.pgp.keyring import (
    PIPE_BYTES,
    import_key,
    list_keys,
    mark_retired,
    open_gpg,
    secret_parts,
)
from include.commsarchive.pgp.settings import PgpSettings
from include.commsarchive.pgp.verdict import (
    BAD,
    Signature,
    Verdict,
    check_opened,
    check_signed,
    read_status,
)

SIGNATURE_LIMIT = 64 * 1024
"""Bytes; a detached signature has some hundred."""


class GnupgDecryptor:
    """A key ring made of settings."""

    def __init__(self, settings: PgpSettings) -> None:
        """Keep the settings; entering makes the key ring."""
        self._settings = settings
        self._exit = ExitStack()
        self._retired: dict[str, str] = {}

    def __enter__(self) -> Self:
        """Import the keys and unlock them, or open the home that the settings name.

        Raises:
            Fatal: gpg is missing, a key block holds no key, or no private key opens.
        """
        if self._settings.home:
            self._gpg = open_gpg(self._settings.home)
            self._signers = set(self._settings.signers)
            self._held = {key_id for key_id, _ in secret_parts(self._gpg)}
        else:
            with ExitStack() as stack:
                home = stack.enter_context(Home())
                self._gpg = open_gpg(home.path)
                self._signers = self._import_signers()
                self._held = self._import_private(home)
                self._exit = stack.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End the agent and remove the private home."""
        self._exit.close()

    def keys(self) -> list[KeyInfo]:
        """List our private keys and the signers' public keys."""
        return mark_retired(list_keys(self._gpg), self._retired)

    def decrypt(self, encrypted: Path, clear: Path, signature: Path | None, bounds: Bounds) -> Decrypted:
        """Decrypt one file."""
        limit = bounds.limit(encrypted.stat().st_size)
        with Landing(clear) as landing:
            verdict = self._open(encrypted, landing, limit)
            check_opened(verdict, encrypted.name, self._held)
            found = list(verdict.signatures)
            if signature:
                found += self._detached(signature, encrypted, landing.path)
            signer = check_signed(
                found, encrypted.name, self._signers, required=self._settings.require_signature
            )
            landing.settle()
            return Decrypted(landing.size, landing.sha256, signer)

    def _open(self, encrypted: Path, landing: Landing, limit: int) -> Verdict:
        """Let gpg write into the landing, and hear what it says.

        gpg stops itself a little behind the limit, so that it never goes on for long after we refused.
        """

        def take(block: bytes) -> bool:
            if landing.size + len(block) > limit:
                raise Quarantine(
                    "decompression-bomb",
                    f"{encrypted.name}: decrypts to more than {limit} bytes. If that is right, raise "
                    "`max_clear_mib` or `max_expansion` of the connector",
                )
            landing.write(block)
            return False  # nothing to keep in memory

        self._gpg.on_data = take
        try:
            result = self._gpg.decrypt_file(
                io.BytesIO(), extra_args=["--max-output", str(limit + PIPE_BYTES), "--", str(encrypted)]
            )
        finally:
            self._gpg.on_data = None
        if result.on_data_failure:
            raise result.on_data_failure
        return read_status(result.stderr, result.returncode)

    def _detached(self, signature: Path, encrypted: Path, clear: Path) -> tuple[Signature, ...]:
        """Check a detached signature, which vendors make over the encrypted file or over the clear one."""
        if signature.stat().st_size > SIGNATURE_LIMIT:
            return (Signature(BAD),)
        for signed in (encrypted, clear):
            result = self._gpg.verify_file(str(signature), data_filename=str(signed))
            found = read_status(result.stderr, result.returncode).signatures
            if found and all(one.state != BAD for one in found):
                return found
        return (Signature(BAD),)

    def _import_signers(self) -> set[str]:
        what = "OpenPGP connection, extra `signers`"
        return {one for armour in self._settings.signers for one in import_key(self._gpg, armour, what)}

    def _import_private(self, home: Home) -> set[str]:
        """Import private keys and unlock them; the ids of those that can be used."""
        held = set()
        what = "OpenPGP connection, extra `private_keys`"
        for key in self._settings.private_keys:
            fingerprints = import_key(self._gpg, key.armour, what)
            self._retired |= dict.fromkeys(fingerprints, key.retired)
            with Agent(home.agent_socket()) as agent:
                parts = secret_parts(self._gpg, fingerprints)
                held |= {key_id for key_id, keygrip in parts if agent.unlock(keygrip, key.passphrase)}
        if not held:
            raise Fatal(
                f"{what}: no key there opens with its passphrase. Check the passphrases, and that the blocks "
                "are private keys that can decrypt"
            )
        return held
