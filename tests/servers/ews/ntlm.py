"""The server's half of NTLM: a challenge, and the check that an answer knows the password (MS-NLMP)."""

from __future__ import annotations

import hmac
import struct
from collections.abc import Callable
from dataclasses import dataclass

from spnego._ntlm_raw.crypto import hmac_md5, ntowfv1, ntowfv2

_SIGNATURE = b"NTLMSSP\0"
_FLAGS = 0xA28A0205
"""Unicode, NTLM, a target that is a domain, extended session security, target information, version, keys."""
_CHALLENGE = bytes.fromhex("0123456789abcdef")
_VERSION = bytes.fromhex("0a0063450000000f")


@dataclass(frozen=True)
class Claim:
    """Whom an answer claims to be from, and whether it knows that one's password."""

    user: str
    domain: str
    knows: Callable[[str], bool]


def message_type(token: bytes) -> int:
    """1 asks for a challenge, 3 answers it, 0 is no NTLM."""
    return int(struct.unpack_from("<I", token, 8)[0]) if token[:8] == _SIGNATURE and len(token) > 12 else 0


def challenge() -> bytes:
    """The message that asks for proof. Every challenge is the same one: nobody listens on loopback."""
    name = "EXAMPLE".encode("utf-16-le")
    pairs = b"".join(struct.pack("<HH", kind, len(name)) + name for kind in (2, 1)) + bytes(4)
    head = 56
    return (
        _SIGNATURE
        + struct.pack("<IHHII", 2, len(name), len(name), head, _FLAGS)
        + _CHALLENGE
        + bytes(8)
        + struct.pack("<HHI", len(pairs), len(pairs), head + len(name))
        + _VERSION
        + name
        + pairs
    )


def read_answer(token: bytes) -> Claim:
    """Take an answer to the challenge apart; only NTLMv2 proves anything."""
    proof, domain, user = (_field(token, offset) for offset in (20, 28, 36))
    user_name, domain_name = user.decode("utf-16-le"), domain.decode("utf-16-le")

    def knows(password: str) -> bool:
        key = ntowfv2(user_name, ntowfv1(password), domain_name)
        return hmac.compare_digest(hmac_md5(key, _CHALLENGE + proof[16:]), proof[:16])

    return Claim(user_name, domain_name, knows)


def _field(token: bytes, offset: int) -> bytes:
    length, _, start = struct.unpack_from("<HHI", token, offset)
    return token[start : start + length]
