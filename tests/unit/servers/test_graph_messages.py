"""The Graph emulator keeps messages as the facts say that Exchange does."""

from __future__ import annotations

import base64
import json
from email import message_from_bytes, policy
from typing import Any

import pytest

from tests.servers.graph.server import GraphServer
from tests.unit.servers.graph_client import ANN, EP, KEY, Caller, code, letter, with_key

IN_INBOX = f"/users/{ANN}/mailFolders/inbox/messages"


def without(name: str) -> dict[str, Any]:
    made = letter()
    return {**made, EP: [one for one in made[EP] if one["id"] != name]}


def test_a_message_created_without_flags_is_a_draft(caller: Caller) -> None:
    assert caller.create(without("Integer 0x0E07")).json()["isDraft"] is True


@pytest.mark.parametrize(
    ("flags", "given", "draft", "read"),
    [
        ("1", None, False, True),
        ("4", None, False, False),
        ("4", True, False, True),
        ("1", False, False, False),
        ("8", None, True, False),
        ("9", None, True, True),
    ],
)
def test_flags_decide_on_draft_and_read_unless_read_is_said(
    caller: Caller, flags: str, given: bool | None, draft: bool, read: bool
) -> None:
    body = without("Integer 0x0E07")
    body[EP] = [{"id": "integer 0xe07", "value": flags}]
    made = caller.create(body if given is None else {**body, "isRead": given}).json()
    assert (made["isDraft"], made["isRead"]) == (draft, read)


def test_dates_of_the_json_are_ignored_and_those_of_properties_count(
    caller: Caller, graph: GraphServer
) -> None:
    wrong = {"receivedDateTime": "2019-01-01T00:00:00Z", "sentDateTime": "2019-01-01T00:00:00Z"}
    made = caller.create(letter(**wrong)).json()
    assert (made["receivedDateTime"], made["sentDateTime"]) == (
        "2020-01-02T03:04:05Z",
        "2020-01-02T03:04:00Z",
    )
    late = caller.create({**without("SystemTime 0x0E06"), **wrong}).json()
    assert late["receivedDateTime"] == late["createdDateTime"] > "2026"


def test_a_server_that_honours_nothing_files_drafts_of_today(caller: Caller, graph: GraphServer) -> None:
    graph.service.honours.clear()
    body = letter()
    body[EP].append({"id": "String 0x001A", "value": "IPM.Note.Chat"})
    made = caller.create(body).json()
    assert made["isDraft"] is True
    assert made["receivedDateTime"] == made["sentDateTime"] == made["createdDateTime"]
    assert graph.store.mailbox(ANN).messages()[0].property("String 0x1A") == "IPM.Note"


def test_properties_are_shown_only_where_expanded_and_found_in_any_spelling(caller: Caller) -> None:
    made = caller.create(letter()).json()
    assert EP not in made
    expand = f"{EP}($filter=id eq 'SYSTEMTIME 0x0E06' or id eq '{KEY}' or id eq 'String 0x001A001F')"
    shown = caller.call("GET", f"/users/{ANN}/messages/{made['id']}", expand=expand, select="isDraft").json()
    assert {one["id"]: one["value"] for one in shown.pop(EP)} == {
        "SystemTime 0xe06": "2020-01-02T03:04:05Z",
        KEY: "k1",
        "String 0x1a": "IPM.Note",
    }
    assert set(shown) == {"@odata.etag", "id", "isDraft"}


def test_messages_are_found_by_key_within_one_folder(caller: Caller) -> None:
    ids = {key: caller.create(letter(key)).json()["id"] for key in ("a", "b", "c'd")}
    caller.create(letter("a"), folder="archive")
    found = caller.call("GET", IN_INBOX, filter=with_key("a", "c''d", "none")).json()["value"]
    assert {one["id"] for one in found} == {ids["a"], ids["c'd"]}
    assert len(caller.call("GET", f"/users/{ANN}/messages", filter=with_key("a")).json()["value"]) == 2


@pytest.mark.parametrize(
    ("wanted", "count"),
    [
        (f"{EP}/Any(x: x/id eq '{KEY.replace('3f1c', '3F1C')}' and x/value eq 'K1')", 1),
        (f"{EP}/Any(x: x/id eq '{KEY.lower()}' and x/value eq 'k1')", 0),
        (f"{EP}/any(x: x/id eq '{KEY}' and startswith(x/value, 'k')) and isDraft eq false", 1),
        ("internetMessageId eq '<k1@archive.example>'", 1),
        ("receivedDateTime ge 2020-01-03T00:00:00Z", 0),
        (f"{EP}/any(x: x/id eq 'Integer 0x0E07' and cast(x/value, Edm.Int32) eq 1) or isRead eq false", 1),
        ("not (subject eq 'lunch' and contains(subject, 'unc'))", 0),
    ],
)
def test_filters_compare_as_documented(caller: Caller, wanted: str, count: int) -> None:
    caller.create(letter())
    assert len(caller.call("GET", IN_INBOX, filter=wanted).json()["value"]) == count


def test_the_same_message_id_is_kept_twice(caller: Caller, graph: GraphServer) -> None:
    assert caller.create(letter()).json()["id"] != caller.create(letter()).json()["id"]
    assert graph.store.mailbox(ANN).paths() == {"Inbox": 2}


def test_pages_go_on_and_may_hold_fewer_than_asked_for(caller: Caller, graph: GraphServer) -> None:
    made = {caller.create(letter(str(number))).json()["id"] for number in range(5)}
    graph.limits.page = 2
    sizes, found, link = [], set(), IN_INBOX
    while link:
        answer = caller.call("GET", link, **({} if "skip" in link else {"top": "4", "select": "id"})).json()
        sizes.append(len(answer["value"]))
        found |= {one["id"] for one in answer["value"]}
        link = answer.get("@odata.nextLink", "")
    assert (sizes, found) == ([2, 2, 1], made)


def test_mime_makes_a_draft_in_drafts(caller: Caller, graph: GraphServer) -> None:
    raw = b"From: zoe@example.org\r\nDate: Thu, 02 Jan 2020 03:04:00 +0000\r\nSubject: Hi\r\n\r\nThere\r\n"
    url, headers = f"{graph.url}/v1.0/users/{ANN}/messages", {"Content-Type": "text/plain"}
    made = caller.http.post(url, data=base64.b64encode(raw), headers=headers).json()
    assert (made["isDraft"], made["sentDateTime"]) == (True, "2020-01-02T03:04:00Z")
    assert graph.store.mailbox(ANN).paths() == {"Drafts": 1}
    answer = caller.http.post(url, data=b"not base64!", headers=headers)
    assert code(answer) == (400, "ErrorMimeContentInvalidBase64String")


def test_the_mime_of_a_message_is_built_anew_from_what_is_kept(caller: Caller) -> None:
    file = {"@odata.type": "#microsoft.graph.fileAttachment", "name": "a.txt", "contentType": "text/plain"}
    made = letter(attachments=[{**file, "contentBytes": base64.b64encode(b"file").decode()}])
    made["internetMessageHeaders"] = [{"name": "x-archive", "value": "lost"}]
    message = caller.create(made).json()
    path = f"/users/{ANN}/messages/{message['id']}"
    mail = message_from_bytes(caller.call("GET", f"{path}/$value").content, policy=policy.default)
    assert mail["Date"].datetime.isoformat() == "2020-01-02T03:04:00+00:00"
    assert (mail["Message-ID"], mail["x-archive"]) == ("<k1@archive.example>", None)
    assert [one.get_content() for one in mail.iter_attachments()] == ["file"]
    kept = caller.call("GET", f"{path}/attachments").json()["value"][0]
    assert base64.b64decode(kept["contentBytes"]) == b"file"
    assert caller.call("GET", f"{path}/attachments/{kept['id']}/$value").content == b"file"


def test_headers_are_those_of_the_property_and_only_when_selected(caller: Caller) -> None:
    body = letter()
    body[EP].append({"id": "String 0x007D", "value": "Received: by x;\r\n today\r\nX-Room: 7\r\n"})
    path = f"/users/{ANN}/messages/{caller.create(body).json()['id']}"
    assert "internetMessageHeaders" not in caller.call("GET", path).json()
    assert caller.call("GET", path, select="internetMessageHeaders").json()["internetMessageHeaders"] == [
        {"name": "Received", "value": "by x; today"},
        {"name": "X-Room", "value": "7"},
    ]


def test_a_deleted_message_is_recoverable_and_gone_from_its_folder(
    caller: Caller, graph: GraphServer
) -> None:
    made = caller.create(letter()).json()["id"]
    assert caller.call("DELETE", f"/users/{ANN}/messages/{made}").status_code == 204
    assert caller.call("GET", IN_INBOX, filter=with_key("k1")).json()["value"] == []
    assert graph.store.mailbox(ANN).paths() == {"Recoverable Items/Deletions": 1}


@pytest.mark.parametrize(
    ("more", "refusal"),
    [
        ({EP: [{"id": "Integer 0x0E07", "value": "one"}]}, (400, "ErrorInvalidExtendedPropertyValue")),
        ({EP: [{"id": "Number 0x0E07", "value": "1"}]}, (400, "ErrorInvalidExtendedProperty")),
        ({"toRecipients": [{"emailAddress": {"name": "nobody"}}]}, (400, "ErrorInvalidRecipients")),
        (
            {"internetMessageHeaders": [{"name": "Received", "value": "x"}]},
            (400, "InvalidInternetMessageHeader"),
        ),
        ({"threadIndex": "x"}, (400, "RequestBodyRead")),
        ({"isRead": "true"}, (400, "RequestBodyRead")),
        ({"ccRecipients": {"emailAddress": {"address": ANN}}}, (400, "RequestBodyRead")),
        ({"from": {"emailAddress": {"mail": ANN}}}, (400, "RequestBodyRead")),
        ({"body": {"contentType": "markdown", "content": "x"}}, (400, "RequestBodyRead")),
        ({"subject": "x" * (4 << 20)}, (413, "BadRequest")),
    ],
)
def test_what_is_not_a_message_is_refused(
    caller: Caller, graph: GraphServer, more: dict[str, Any], refusal: tuple[int, str]
) -> None:
    assert code(caller.create(letter(**more))) == refusal
    assert graph.store.count() == 0


def test_what_does_not_say_that_it_is_json_is_none(caller: Caller) -> None:
    caller.http.headers["Content-Type"] = "application/octet-stream"
    url = f"{caller.server.url}/v1.0{IN_INBOX}"
    assert code(caller.http.post(url, data=json.dumps(letter()))) == (415, "UnsupportedMediaType")


def test_a_filter_may_be_too_complex(caller: Caller, graph: GraphServer) -> None:
    graph.limits.clauses = 2
    assert caller.call("GET", IN_INBOX, filter=with_key("a", "b")).ok
    refused = caller.call("GET", IN_INBOX, filter=with_key("a", "b", "c"))
    assert code(refused) == (400, "ErrorRestrictionTooComplex")
