"""Certificates are checked, against those of the house where these are named."""

from __future__ import annotations

import datetime as dt
import ipaddress
import ssl
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from include.commsarchive.errors import Fatal
from include.commsarchive.mailbox.ews.mailbox import EwsMailbox
from include.commsarchive.mailbox.ews.settings import settings_from
from include.commsarchive.message.mime import encode
from tests.unit.mailbox.ews.ews_setup import ANN


class Teapot(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(404)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Keep quiet."""


@pytest.fixture
def certificate(tmp_path: Path) -> Path:
    """Make a certificate of one's own for the loopback address."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "house")])
    now = dt.datetime.now(dt.UTC)
    address = x509.IPAddress(ipaddress.ip_address("127.0.0.1"))
    builder = x509.CertificateBuilder(
        name, name, key.public_key(), x509.random_serial_number(), now, now + dt.timedelta(days=1)
    )
    certificate = (
        builder.add_extension(x509.SubjectAlternativeName([address]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    private = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    (tmp_path / "key.pem").write_bytes(private)
    (tmp_path / "house.pem").write_bytes(certificate.public_bytes(pem))
    return tmp_path / "house.pem"


@pytest.fixture
def url(certificate: Path) -> Iterator[str]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, certificate.with_name("key.pem"))
    with HTTPServer(("127.0.0.1", 0), Teapot) as server:
        server.socket = context.wrap_socket(server.socket, server_side=True)
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"https://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


@pytest.mark.parametrize(
    ("trusted", "text"), [(False, "not trusted. Name the file"), (True, "answers HTTP 404")]
)
def test_a_certificate_of_the_house_is_trusted_when_it_is_named(
    url: str, certificate: Path, trusted: bool, text: str
) -> None:
    extra = {"auth": "basic"} | ({"ca_file": str(certificate)} if trusted else {})
    mailbox = EwsMailbox(settings_from(url, None, "svc", "secret", extra), encode)
    with pytest.raises(Fatal, match=text):
        mailbox.missing([ANN])
    mailbox.close()
