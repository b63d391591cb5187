"""What the certificates of servers are checked against."""

from __future__ import annotations

import ssl

from include.commsarchive.errors import Fatal


def trusted(where: str, extra: str, path: str) -> ssl.SSLContext:
    """Give what servers' certificates are checked against: a PEM file, or for ``""`` the system's own.

    Raises:
        Fatal: the file that this ``extra`` of a connection names is none, or holds no certificate.
    """
    try:
        return ssl.create_default_context(cafile=path or None)
    except OSError as error:  # what OpenSSL says is one, too
        raise Fatal(
            f"{where}: extra `{extra}` {path} is no PEM file of certificates. Name one that begins with "
            "-----BEGIN CERTIFICATE-----, or remove the extra"
        ) from error
