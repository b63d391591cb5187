"""What runs out: OpenPGP keys, certificates in connections, and passwords whose end is stated."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from cryptography import x509

from include.commsarchive.ledger.alerts import AlertKind, Finding
from include.commsarchive.pgp.base import KeyInfo

STEPS = (45, 14, 3)
"""Days before the end at which somebody is told; keys are renewed by letters that go back and forth."""

EXPIRES = "expires"
"""The extra of a connection that states the last day of its password or secret, as YYYY-MM-DD."""

_BEGIN = b"-----BEGIN CERTIFICATE-----"


@dataclass(frozen=True, slots=True)
class Ending:
    """Something that ends at an instant, None for one that was revoked; never the secret itself."""

    what: str
    end: dt.datetime | None


def of_keys(keys: Iterable[KeyInfo]) -> Iterator[Ending]:
    """List the keys of a key ring that end, and whose end matters: not those that are retired."""
    for key in keys:
        if key.retired:
            continue
        what = f"{'our private key' if key.secret else 'the signer key'} {key.fingerprint}"
        if key.revoked:
            yield Ending(what, None)
        elif key.expires:
            yield Ending(what, dt.datetime.fromtimestamp(key.expires, dt.UTC))


def of_connection(name: str, extra: Mapping[str, Any]) -> Iterator[Ending]:
    """List what ends in a connection: the certificates among its extras, and the stated end of its password.

    Raises:
        ValueError: a stated end is no date, or a certificate cannot be read.
    """
    if stated := extra.get(EXPIRES):
        last = dt.date.fromisoformat(str(stated))
        end = dt.datetime.combine(last + dt.timedelta(days=1), dt.time.min, dt.UTC)
        yield Ending(f"the password of connection {name}", end)
    for value in extra.values():
        text = str(value).encode()
        if _BEGIN in text:
            chain = x509.load_pem_x509_certificates(text)
            end = min(one.not_valid_after_utc for one in chain)
            yield Ending(f"the certificate of connection {name}", end)


def expiring(
    connector: str, endings: Iterable[Ending], faults: Sequence[str], now: dt.datetime
) -> Finding | None:
    """Find what ends soon, or has ended. ``faults`` say what could not be looked at, and why.

    Each step nearer to the end is news.
    """
    said = [text for one in endings if (text := _say(one, now))]
    if not said and not faults:
        return None
    return Finding(
        AlertKind.EXPIRING,
        connector,
        "; ".join([*said, *(f"cannot be checked: {fault}" for fault in faults)]),
        "Our key: start a rotation on the page Keys, and finish it when the vendor uses the next one. The "
        "signer's: ask the vendor for the renewed key and add it. Passwords and certificates: renew them and "
        f"mend the connection, its extra `{EXPIRES}` included",
        tuple(said or faults),
    )


def _say(one: Ending, now: dt.datetime) -> str:
    if one.end is None:
        return f"{one.what} is revoked"
    if one.end <= now:
        return f"{one.what} has expired on {one.end:%Y-%m-%d}"
    near = [days for days in STEPS if one.end <= now + dt.timedelta(days=days)]
    return f"{one.what} expires within {near[-1]} days, on {one.end:%Y-%m-%d}" if near else ""
