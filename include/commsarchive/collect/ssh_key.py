"""Make the SSH key pair with which a connector logs in."""

from __future__ import annotations

from dataclasses import dataclass, field

import asyncssh

from include.commsarchive.errors import Fatal

ALGORITHMS: dict[str, tuple[str, dict[str, int]]] = {
    "ed25519": ("ssh-ed25519", {}),
    "rsa4096": ("ssh-rsa", {"key_size": 4096}),
}
"""RSA for vendors whose software does not know the other."""


@dataclass(frozen=True, slots=True)
class SshKeyPair:
    """The public half as one line of ``authorized_keys``, the private one in OpenSSH's format."""

    fingerprint: str
    public: str
    private: str = field(repr=False)


def make_ssh_key(comment: str, passphrase: str = "", *, algorithm: str = "ed25519") -> SshKeyPair:
    """Make a key pair; with a passphrase the private half is encrypted.

    Raises:
        Fatal: the algorithm is unknown.
    """
    if algorithm not in ALGORITHMS:
        raise Fatal(f"SSH key: unknown algorithm {algorithm}. Choose of {', '.join(ALGORITHMS)}")
    kind, options = ALGORITHMS[algorithm]
    key = asyncssh.generate_private_key(kind, comment, **options)
    return SshKeyPair(
        fingerprint=key.get_fingerprint(),
        public=key.export_public_key().decode(),
        private=key.export_private_key(passphrase=passphrase or None).decode(),
    )
