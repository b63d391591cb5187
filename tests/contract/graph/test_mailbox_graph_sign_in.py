"""Signing in at Exchange Online: secrets, certificates, tokens and permissions."""

from __future__ import annotations

import datetime as dt

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat
from cryptography.x509.oid import NameOID

from include.commsarchive.errors import Fatal
from include.commsarchive.mailbox.graph.mailbox import GraphMailbox
from tests.contract.graph.graph_setup import connect, held, settle
from tests.contract.mailbox_contract import ANN, BOB
from tests.letters import FOLDER, make_letter
from tests.servers.faults import Fault
from tests.servers.graph.server import GraphServer
from tests.servers.graph.store import State
from tests.servers.graph.tokens import CLIENT_ID, CLIENT_SECRET


def test_a_token_that_runs_out_is_renewed_in_mid_batch(mailbox: GraphMailbox, server: GraphServer) -> None:
    mailbox.append([make_letter("first")])
    server.tokens.expire()
    outcomes = [settle(mailbox, make_letter(str(number))) for number in range(3)]
    assert all(outcome.server_id for outcome in outcomes)
    assert len(held(server)) == 4
    assert server.tokens.issued == 2


def test_a_refusal_of_new_tokens_stops_the_run(mailbox: GraphMailbox, server: GraphServer) -> None:
    server.faults.every(Fault.status(401), lambda call: call.what == "GET users")
    with pytest.raises(Fatal, match=r"connection cloud: Graph refuses new tokens, too \(401\)\. Check"):
        mailbox.find(ANN, FOLDER, ["x"])


def test_a_wrong_secret_is_fatal_and_never_shown(server: GraphServer) -> None:
    server.tokens.apps[CLIENT_ID].secret = "another"
    mailbox = connect(server)
    with pytest.raises(Fatal, match="AADSTS7000215") as refused:
        mailbox.append([make_letter("x")])
    mailbox.close()
    assert CLIENT_SECRET not in str(refused.value)


def test_a_certificate_will_do_instead_of_a_secret(server: GraphServer) -> None:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "commsarchive")])
    now = dt.datetime.now(dt.UTC)
    builder = x509.CertificateBuilder(name, name, key.public_key(), 1, now, now + dt.timedelta(days=1))
    public = builder.sign(key, hashes.SHA256()).public_bytes(Encoding.PEM)
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    app = server.tokens.apps[CLIENT_ID]
    app.secret = ""
    app.public_key = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
    mailbox = connect(server, password="", certificate_data=(private + public).decode())
    assert mailbox.append([make_letter("x")])[0].server_id
    mailbox.close()


@pytest.mark.usefixtures("wording")
def test_an_application_without_permissions_stops_the_run(mailbox: GraphMailbox, server: GraphServer) -> None:
    app = server.tokens.apps[CLIENT_ID]
    app.roles = frozenset({"User.Read.All"})
    with pytest.raises(Fatal, match=r"permission Mail\.ReadWrite"):
        mailbox.missing([ANN, BOB])
    app.roles = frozenset({"Mail.ReadWrite"})
    other = connect(server)
    with pytest.raises(Fatal, match=r"permission User\.Read\.All"):
        other.missing([ANN])
    other.close()


def test_mailboxes_that_we_may_not_open_do_not_stop_a_run_that_could_open_others(
    mailbox: GraphMailbox, server: GraphServer
) -> None:
    assert mailbox.missing([ANN]) == {}
    for address in ("one@firm.example", "two@firm.example"):
        server.store.add_user(address)
        server.store.mailbox(address).state = State.DENIED
    denied = mailbox.missing(["one@firm.example", "two@firm.example"])
    assert set(denied.values()) == {"access-denied-to-mailbox"}
