"""What runs out is told at each step, and said so when it cannot be looked at."""

from __future__ import annotations

import datetime as dt

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ed25519
from cryptography.x509.oid import NameOID

from include.commsarchive.alarms.expiry import Ending, expiring, of_connection, of_keys
from include.commsarchive.pgp.base import KeyInfo

NOW = dt.datetime(2026, 3, 16, tzinfo=dt.UTC)


def ending(days: float) -> Ending:
    return Ending("the password of connection x", NOW + dt.timedelta(days=days))


def certificate(last: dt.datetime) -> str:
    key = ed25519.Ed25519PrivateKey.generate()
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "app")])
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(last - dt.timedelta(days=400))
        .not_valid_after(last)
        .sign(key, None)
    )
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return (private + made.public_bytes(serialization.Encoding.PEM)).decode()


@pytest.mark.parametrize(
    ("days", "said"),
    [(46, ""), (44, "within 45 days"), (13, "within 14 days"), (2, "within 3 days"), (0, "has expired")],
)
def test_each_step_nearer_is_another_thing(days: int, said: str) -> None:
    found = expiring("chat", [ending(days)], [], NOW)
    assert (found is None) == (said == "")
    if found:
        [thing] = found.things
        assert said in thing
        assert said in found.why


def test_what_cannot_be_looked_at_is_said() -> None:
    found = expiring("chat", [], ["no Airflow connection x"], NOW)
    assert found is not None
    assert "cannot be checked: no Airflow connection x" in found.why


def test_the_stated_end_of_a_password_is_its_last_good_day() -> None:
    [one] = of_connection("vendor", {"expires": "2026-03-31", "private_key": "x"})
    assert one == Ending("the password of connection vendor", dt.datetime(2026, 4, 1, tzinfo=dt.UTC))
    assert list(of_connection("vendor", {"host_key": "x"})) == []
    with pytest.raises(ValueError, match="next year"):
        list(of_connection("vendor", {"expires": "next year"}))


def test_a_certificate_among_the_extras_is_read_beside_its_private_key() -> None:
    pem = certificate(NOW + dt.timedelta(days=30))
    [one] = of_connection("exchange", {"tenant": "t", "certificate_data": pem})
    assert one == Ending("the certificate of connection exchange", NOW + dt.timedelta(days=30))


def test_keys_that_never_end_are_left_out_and_revoked_ones_are_told() -> None:
    key = KeyInfo("F" * 40, "F" * 16, "us", True, True, True, 0, None, False)
    revoked = KeyInfo("E" * 40, "E" * 16, "vendor", False, True, True, 0, None, True)
    found = expiring("chat", of_keys([key, revoked]), [], NOW)
    assert found is not None
    assert found.things == (f"the signer key {'E' * 40} is revoked",)
