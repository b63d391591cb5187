"""What an SFTP failure means: who must act, and how. No text holds a password, key or account."""

from __future__ import annotations

import asyncssh

from include.commsarchive.errors import CommsArchiveError, Fatal, Retriable

_Failure = type[OSError] | type[asyncssh.Error]

_MEANINGS: tuple[tuple[tuple[_Failure, ...], type[Fatal | Retriable], str], ...] = (
    ((TimeoutError,), Retriable, "no answer in time. Check that the server is up and lets our address in"),
    ((OSError,), Retriable, "{reason}. Check host, port and firewall"),
    (
        (asyncssh.SFTPPermissionDenied,),
        Fatal,
        "permission denied. Ask the vendor to let this account read it",
    ),
    (
        (asyncssh.HostKeyNotVerifiable,),
        Fatal,
        (
            "the server presents an unknown host key: {offered}. Either the vendor changed it or "
            "somebody stands between: compare it with the vendor's word, then add it to the extra "
            "`host_key`, one key a line"
        ),
    ),
    (
        (asyncssh.PermissionDenied,),
        Fatal,
        (
            "login refused. Check login, password and key, and that the vendor has our public key and "
            "lets our address in"
        ),
    ),
    (
        (asyncssh.KeyExchangeFailed, asyncssh.IllegalUserName, asyncssh.ProtocolNotSupported),
        Fatal,
        (
            "{reason}. For an old server name its algorithms in the extra `ciphers`; for a host key of "
            "another type add that key to `host_key`"
        ),
    ),
    ((asyncssh.Error,), Retriable, "{reason}. Try again; ask the vendor if it stays"),
)


def explain(error: OSError | asyncssh.Error, place: str, what: str, offered: str = "") -> CommsArchiveError:
    """Turn a failure at a server (``place``) while doing ``what`` into ours.

    ``offered`` is the type and fingerprint of the host key that the server presented, if it is unknown.
    """
    reason = error.reason if isinstance(error, asyncssh.Error) else error.strerror or str(error)
    verdict, advice = next(
        (verdict, advice) for failures, verdict, advice in _MEANINGS if isinstance(error, failures)
    )
    return verdict(f"{place}: {what}: {advice.format(reason=reason, offered=offered or reason)}")
