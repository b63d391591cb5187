"""The Graph emulator's folders, people and sign-in are as Microsoft documents them."""

from __future__ import annotations

import msal
import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from tests.servers.graph.server import GraphServer
from tests.servers.graph.store import State
from tests.servers.graph.tokens import CLIENT_ID, CLIENT_SECRET, App
from tests.unit.servers.graph_client import ANN, BOB, SCOPE, Caller, code, letter

CHILDREN = f"/users/{ANN}/mailFolders/inbox/childFolders"


def test_a_folder_is_made_once_and_found_by_its_name(caller: Caller) -> None:
    made = caller.call("POST", CHILDREN, {"displayName": "Chat Archive"})
    assert made.status_code == 201
    again = caller.call("POST", CHILDREN, {"displayName": "chat archive"})
    assert code(again) == (409, "ErrorFolderExists")
    caller.call("POST", CHILDREN, {"displayName": "Other"})
    found = caller.call("GET", CHILDREN, filter="displayName eq 'Chat Archive'").json()["value"]
    assert [one["id"] for one in found] == [made.json()["id"]]


def test_hidden_folders_are_listed_only_when_asked_for(caller: Caller) -> None:
    caller.call("POST", CHILDREN, {"displayName": "Hidden", "isHidden": True})
    assert caller.call("GET", CHILDREN).json()["value"] == []
    answer = caller.call("GET", f"{CHILDREN}?includeHiddenFolders=true").json()
    assert [one["displayName"] for one in answer["value"]] == ["Hidden"]


def test_folders_are_reached_by_id_by_key_and_through_their_parents(
    caller: Caller, graph: GraphServer
) -> None:
    made = caller.call("POST", CHILDREN, {"displayName": "Chat"}).json()["id"]
    for path in (
        f"/users/{ANN.upper()}/mailFolders/{made}/messages",
        f"/Users('{ANN}')/MailFolders('{made}')/Messages",
        f"/users/{ANN}/mailFolders/inbox/childFolders/{made}/messages",
    ):
        assert caller.call("POST", path, letter()).status_code == 201, path
    assert graph.store.mailbox(ANN).paths() == {"Inbox/Chat": 3}
    assert caller.call("GET", f"/users/{ANN}/mailFolders/{made}").json()["totalItemCount"] == 3


def test_purges_take_messages_only_where_the_server_lets_them(caller: Caller, graph: GraphServer) -> None:
    assert caller.create(letter(), folder="recoverableitemspurges").status_code == 201
    assert graph.store.mailbox(ANN).paths() == {"Recoverable Items/Purges": 1}
    graph.service.purges = False
    assert code(caller.create(letter(), folder="RecoverableItemsPurges")) == (400, "ErrorInvalidIdMalformed")
    assert graph.store.count() == 1


@pytest.mark.parametrize("state", [one for one in State if one is not State.FINE])
def test_a_mailbox_that_cannot_be_had_says_why(caller: Caller, graph: GraphServer, state: State) -> None:
    graph.store.mailbox(ANN).state = state
    assert code(caller.create(letter())) == state.value[:2]
    assert caller.create(letter(), BOB).status_code == 201


def test_nobody_the_unlicensed_and_the_full_are_told_apart(caller: Caller, graph: GraphServer) -> None:
    assert code(caller.create(letter(), "nobody@example.com")) == (404, "ErrorInvalidUser")
    graph.store.add_user("new@example.com", licensed=False)
    assert code(caller.create(letter(), "new@example.com")) == (404, "MailboxNotEnabledForRESTAPI")
    graph.store.mailbox(ANN).quota = 100
    assert code(caller.create(letter())) == (507, "ErrorQuotaExceeded")
    assert graph.store.count() == 0


def test_people_are_looked_up_by_id_or_principal_name_alone(caller: Caller, graph: GraphServer) -> None:
    eve = graph.store.add_user(
        "eve@example.com", principal_name="e123@example.onmicrosoft.com", aliases=["e@example.com"]
    )
    for name in (eve.id, eve.principal_name):
        assert caller.call("GET", f"/users/{name}").json()["mail"] == "eve@example.com"
    assert code(caller.call("GET", "/users/eve@example.com")) == (404, "Request_ResourceNotFound")
    wanted = "proxyAddresses/any(a:a eq 'smtp:e@example.com')"
    found = caller.call("GET", "/users", filter=wanted, select="id,accountEnabled,assignedPlans").json()[
        "value"
    ]
    assert [one["id"] for one in found] == [eve.id]
    assert found[0]["assignedPlans"][0]["service"] == "exchange"
    assert "accountEnabled" not in caller.call("GET", f"/users/{eve.id}").json()


def test_the_directory_pages_and_refuses_long_filters(caller: Caller, graph: GraphServer) -> None:
    graph.store.add_users([f"u{number}@example.com" for number in range(150)])
    link, found = "/users", []
    while link:
        page = caller.call("GET", link).json()
        found += [one["mail"] for one in page["value"]]
        link = page.get("@odata.nextLink", "")
    assert len(set(found)) == len(found) == 152
    wanted = " or ".join(f"mail eq 'u{number}@example.com'" for number in range(16))
    assert code(caller.call("GET", "/users", filter=wanted)) == (400, "Request_UnsupportedQuery")


def test_members_of_groups_of_groups_are_found_once(caller: Caller, graph: GraphServer) -> None:
    ann, bob = (graph.store.known_as(one) for one in (ANN, BOB))
    assert ann is not None
    assert bob is not None
    inner = graph.store.add_group("Desk", [ann, bob])
    outer = graph.store.add_group("Floor", [inner, ann])
    direct = caller.call("GET", f"/groups/{outer.id}/members").json()["value"]
    assert [one["@odata.type"] for one in direct] == ["#microsoft.graph.group", "#microsoft.graph.user"]
    path = f"/groups/{outer.id}/transitiveMembers/microsoft.graph.user"
    assert sorted(one["mail"] for one in caller.call("GET", path).json()["value"]) == [ANN, BOB]


def test_an_application_without_a_role_is_refused_in_two_ways(caller: Caller, graph: GraphServer) -> None:
    graph.tokens.apps[CLIENT_ID].roles = frozenset()
    assert code(caller.create(letter())) == (403, "ErrorAccessDenied")
    assert code(caller.call("GET", "/users")) == (403, "Authorization_RequestDenied")


def test_tokens_are_needed_and_grow_old(graph: GraphServer) -> None:
    caller = Caller(graph)
    with caller.http:
        assert code(caller.create(letter())) == (401, "InvalidAuthenticationToken")
        graph.tokens.lifetime = -1
        assert caller.sign_in().json()["token_type"] == "Bearer"
        assert code(caller.create(letter())) == (401, "InvalidAuthenticationToken")
        graph.tokens.lifetime = 60
        caller.sign_in()
        assert caller.create(letter()).status_code == 201


def test_a_wrong_secret_an_unknown_application_and_a_bad_scope_are_refused(graph: GraphServer) -> None:
    caller = Caller(graph)
    with caller.http:
        for given, status, error in (
            ({"client_secret": "wrong"}, 401, "invalid_client"),
            ({"client_id": "other"}, 400, "unauthorized_client"),
            ({"scope": "Mail.ReadWrite"}, 400, "invalid_scope"),
        ):
            answer = caller.sign_in(**given)
            assert (answer.status_code, answer.json()["error"]) == (status, error)


def msal_token(graph: GraphServer, credential: object) -> dict[str, object]:
    app = msal.ConfidentialClientApplication(
        CLIENT_ID,
        client_credential=credential,
        authority=graph.authority,
        instance_discovery=False,
        verify=str(graph.certificate),
    )
    found: dict[str, object] = app.acquire_token_for_client([SCOPE])
    return found


def certificate(key: rsa.RSAPrivateKey) -> dict[str, str]:
    """What msal takes as a certificate to sign in with."""
    thumbprint = hashes.Hash(hashes.SHA1())  # noqa: S303 - a name for the key, of the protocol's choice
    thumbprint.update(
        key.public_key().public_bytes(serialization.Encoding.DER, serialization.PublicFormat.PKCS1)
    )
    pem = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return {"private_key": pem.decode(), "thumbprint": thumbprint.finalize().hex()}


def test_microsofts_own_library_signs_in_with_a_secret_or_a_certificate(
    graph: GraphServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"):  # requests would trust these instead
        monkeypatch.delenv(name, raising=False)
    assert "access_token" in msal_token(graph, CLIENT_SECRET)
    ours, other = (rsa.generate_private_key(65537, 2048) for _ in range(2))
    public = ours.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    assert msal_token(graph, certificate(ours))["error"] == "invalid_client"
    graph.tokens.apps[CLIENT_ID] = App(secret="", public_key=public.decode())
    token = msal_token(graph, certificate(ours))["access_token"]
    assert graph.tokens.bearer(f"Bearer {token}").client_id == CLIENT_ID
    assert msal_token(graph, certificate(other))["error"] == "invalid_client"
