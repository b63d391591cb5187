"""What gpg says of a file, and what we make of it. Pure: status lines in, verdict or refusal out.

Status lines: GnuPG's doc/DETAILS, "General status codes". That gpg is content is not enough: it also is
with a message that nobody encrypted, and it calls a clear text good that it did not write to its end.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection
from dataclasses import dataclass

from include.commsarchive.errors import Quarantine, Retriable

GOOD = "good"
BAD = "bad"
UNKNOWN = "unknown"
_STATES = {
    "GOODSIG": GOOD,
    "BADSIG": BAD,
    "ERRSIG": UNKNOWN,
    "EXPSIG": "expired",
    "EXPKEYSIG": "made with a key that has expired",
    "REVKEYSIG": "made with a key that was revoked",
}
_TROUBLE = {"BADMDC", "DECRYPTION_FAILED", "ERROR", "NODATA", "UNEXPECTED"}
_HIDDEN = "0" * 16
"""Key id of a recipient who is not named: gpg tries all keys, and counts each that fails as an error."""
_NO_SECRET_KEY = 17
_LOCKED = {11, _NO_SECRET_KEY, 85}
"""libgpg-error: bad passphrase, no secret key, no pinentry (we never let gpg ask)."""
_AGENT_GONE = {77, 269, 270, 271}
"""libgpg-error: no agent running, and the three failures of talking to one."""


@dataclass(slots=True)
class Signature:
    """One signature: what gpg thinks of it, and by which key (primary fingerprint, or key id if unknown)."""

    state: str = UNKNOWN
    signer: str = ""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What gpg said of one file.

    ``wanted`` are the ids of the keys that it is encrypted to, ``errors`` libgpg-error's codes of why
    they did not open it.
    """

    exit_code: int
    wanted: tuple[str, ...]
    errors: frozenset[int]
    session_key: bool
    protected: bool
    intact: bool
    trouble: bool
    plaintexts: int
    signatures: tuple[Signature, ...]


def read_status(text: str, exit_code: int) -> Verdict:
    """Read what gpg wrote to its status and error output."""
    lines = [line.split()[1:] for line in text.splitlines() if line.startswith("[GNUPG:] ")]
    said: defaultdict[str, list[list[str]]] = defaultdict(list)
    for key, *values in lines:
        said[key].append(values)
    failures = [values[1] for values in said["ERROR"] if values[0] == "pkdecrypt_failed"]
    return Verdict(
        exit_code=exit_code,
        wanted=tuple(dict.fromkeys(values[0] for values in said["ENC_TO"])),
        errors=frozenset(
            [int(code) & 0xFFFF for code in failures] + [_NO_SECRET_KEY] * len(said["NO_SECKEY"])
        ),
        session_key=bool(said["DECRYPTION_KEY"] or said["DECRYPTION_INFO"]),
        protected=all(mdc != "0" or aead not in ([], ["0"]) for mdc, _, *aead in said["DECRYPTION_INFO"]),
        intact=bool(said["DECRYPTION_OKAY"]),
        trouble=any(said[key] for key in _TROUBLE),
        plaintexts=len(said["PLAINTEXT"]),
        signatures=tuple(_signatures(lines)),
    )


def _signatures(lines: list[list[str]]) -> list[Signature]:
    """Gather what was said of each signature; every one begins with NEWSIG."""
    found: list[Signature] = []
    for key, *values in lines:
        if key == "NEWSIG":
            found.append(Signature())
        elif key == "VALIDSIG" and found:
            found[-1].signer = values[-1]
        elif key in _STATES and found:
            found[-1].state, found[-1].signer = _STATES[key], values[0]
    return found


def check_opened(verdict: Verdict, name: str, held: Collection[str]) -> None:
    """Refuse a file that did not open to exactly one whole, protected clear text.

    Raises:
        Quarantine: ``no-key``, ``not-encrypted``, ``no-integrity-protection`` or ``damaged``.
        Retriable: gpg or its agent was killed.
    """
    if verdict.exit_code < 0 or verdict.errors & _AGENT_GONE:
        raise Retriable(
            f"{name}: gpg or gpg-agent was killed. Try again; if it stays, look for lack of memory"
        )
    if verdict.wanted and not verdict.session_key and verdict.errors and verdict.errors <= _LOCKED:
        raise Quarantine(
            "no-key",
            f"{name}: encrypted to {', '.join(verdict.wanted)}; the keys we can use are "
            f"{', '.join(sorted(held)) or 'none'}. Add the private key, or send the vendor our public key",
        )
    if not verdict.wanted:
        raise Quarantine("not-encrypted", f"{name}: not encrypted to any OpenPGP key. Ask the vendor to")
    if verdict.session_key and not verdict.protected and verdict.plaintexts:
        raise Quarantine(
            "no-integrity-protection",
            f"{name}: encrypted without integrity protection, so it could have been altered. Ask the "
            "vendor to use MDC or AEAD",
        )
    excused = _HIDDEN in verdict.wanted or any(one.state != GOOD for one in verdict.signatures)
    sound = verdict.intact and verdict.plaintexts == 1 and not verdict.trouble
    if not sound or (verdict.exit_code != 0 and not excused):
        raise Quarantine(
            "damaged",
            f"{name}: cut short or altered. Fetch it again, or ask the vendor to send it again",
        )


def check_signed(
    signatures: Collection[Signature], name: str, signers: Collection[str], *, required: bool
) -> str:
    """Give the fingerprint of the configured signer, ``""`` where none signed and none is required.

    A signature that does not fit its file is refused even where none is required: something was altered.

    Raises:
        Quarantine: ``bad-signature``, ``unsigned`` or ``unknown-signer``.
    """
    if any(signature.state == BAD for signature in signatures):
        raise Quarantine("bad-signature", f"{name}: the signature does not fit the file. Fetch both again")
    known = sorted((one for one in signatures if one.signer in signers), key=lambda one: one.state != GOOD)
    if known and known[0].state == GOOD:
        return known[0].signer
    if not required:
        return ""
    if not signatures:
        raise Quarantine("unsigned", f"{name}: no signature, and one is required. Ask the vendor to sign")
    if known:
        raise Quarantine(
            "bad-signature",
            f"{name}: the signature by {known[0].signer} is {known[0].state}. Put the signer's renewed "
            "public key in the connection, or ask the vendor to sign with a valid one",
        )
    others = ", ".join(one.signer or "nobody that gpg can name" for one in signatures)
    raise Quarantine(
        "unknown-signer",
        f"{name}: signed by {others}, none of the configured signers {', '.join(sorted(signers))}. If "
        "the vendor confirms that key, add it",
    )
