"""Our EWS server answers as Microsoft's documentation says that Exchange does."""

from __future__ import annotations

import base64
from collections.abc import Iterator

import pytest

from tests.servers.ews.names import T
from tests.servers.ews.raw_client import (
    GUID,
    INBOX,
    KEY,
    RAW,
    RawClient,
    compare,
    keyed,
    mime,
    path,
    tagged,
)
from tests.servers.ews.server import EwsServer

ANN = "ann@example.com"
SUBJECT = path("item:Subject")


@pytest.fixture
def server() -> Iterator[EwsServer]:
    with EwsServer([ANN]) as running:
        yield running


@pytest.fixture
def ann(server: EwsServer) -> RawClient:
    return RawClient(server)


def test_an_answer_bears_the_servers_marks(ann: RawClient) -> None:
    ann.headers = {"client-request-id": "ours", "return-client-request-id": "true"}
    answer = ann.folder(INBOX)
    assert answer.headers["Content-Type"] == "text/xml; charset=utf-8"
    assert answer.headers["request-id"]
    assert answer.headers["client-request-id"] == "ours"
    assert b'ServerVersionInfo MajorVersion="15" MinorVersion="2"' in answer.body


def test_properties_are_compared_as_numbers(ann: RawClient) -> None:
    (made,) = ann.create(
        mime("a") + tagged("0xe07", "Integer", "1") + tagged("4149", "String", "&lt;b@x&gt;")
    ).ids()
    uris = "".join(
        f'<t:ExtendedFieldURI PropertyTag="{tag}" PropertyType="{kind}"/>'
        for tag, kind in (("0x0E07", "Integer"), ("0X1035", "String"), ("0x0E07", "String"))
    )
    assert ann.get(made, more=uris).texts("Value") == ["1", "<b@x>"]


@pytest.mark.parametrize(
    ("flags", "is_read", "shown"), [("1", "false", "8"), ("0", "true", "9"), ("4", "", "12")]
)
def test_the_read_element_beats_the_flags(ann: RawClient, flags: str, is_read: str, shown: str) -> None:
    element = f"<t:IsRead>{is_read}</t:IsRead>" if is_read else ""
    asked = str(int(flags) | 8)
    (made,) = ann.create(mime("a") + tagged("0x0E07", "Integer", asked) + element).ids()
    uri = '<t:ExtendedFieldURI PropertyTag="0x0E07" PropertyType="Integer"/>'
    assert ann.get(made, more=uri).texts("Value") == [shown]


def test_an_item_is_an_unread_draft_unless_flags_say_otherwise(ann: RawClient) -> None:
    draft, filed = ann.create(mime("a"), mime("b") + tagged("0x0E07", "Integer", "1")).ids()
    shown = ann.get(draft, filed, more=path("item:IsDraft") + path("message:IsRead"))
    assert (shown.texts("IsDraft"), shown.texts("IsRead")) == (["true", "false"], ["false", "true"])


def test_times_are_utc_without_fractions(ann: RawClient) -> None:
    (made,) = ann.create(mime("a") + tagged("0x0E06", "SystemTime", "2024-01-02T11:30:00.123+01:00")).ids()
    assert ann.get(made, more=path("item:DateTimeReceived")).texts("DateTimeReceived") == [
        "2024-01-02T10:30:00Z"
    ]


def test_several_values_and_other_types_come_back(ann: RawClient) -> None:
    uri = f'<t:ExtendedFieldURI PropertySetId="{GUID}" PropertyName="Many" PropertyType="StringArray"/>'
    tag = '<t:ExtendedFieldURI PropertyTag="0x3019" PropertyType="Binary"/>'
    values = "<t:Values><t:Value>a</t:Value><t:Value>b</t:Value></t:Values>"
    given = f"<t:ExtendedProperty>{uri}{values}</t:ExtendedProperty>"
    (made,) = ann.create(mime("a") + given + tagged("0x3019", "Binary", "AAEC")).ids()
    assert ann.get(made, more=tag + uri).texts("Value") == ["AAEC", "a", "b"]


@pytest.mark.parametrize(
    ("uri", "value", "code"),
    [
        ('PropertyTag="0x8001" PropertyType="String"', "a", "ErrorInvalidExtendedProperty"),
        (
            f'PropertyTag="0x0E07" PropertySetId="{GUID}" PropertyType="Integer"',
            "1",
            "ErrorInvalidExtendedProperty",
        ),
        (f'PropertySetId="{GUID}" PropertyType="String"', "a", "ErrorInvalidExtendedProperty"),
        ('PropertyTag="0x0E07" PropertyType="Integer"', "one", "ErrorInvalidExtendedPropertyValue"),
        ('PropertyTag="0x0E06" PropertyType="SystemTime"', "yesterday", "ErrorInvalidExtendedPropertyValue"),
        ('PropertyTag="0x0E1F" PropertyType="Boolean"', "yes", "ErrorInvalidExtendedPropertyValue"),
    ],
)
def test_one_wrong_property_fails_its_item_alone(ann: RawClient, uri: str, value: str, code: str) -> None:
    wrong = f"<t:ExtendedProperty><t:ExtendedFieldURI {uri}/><t:Value>{value}</t:Value></t:ExtendedProperty>"
    answer = ann.create(mime("a"), mime("b") + wrong, mime("c"))
    assert answer.codes == ["NoError", code, "NoError"]
    assert [part.get("ResponseClass") for part in answer.parts] == ["Success", "Error", "Success"]


def test_mime_that_is_no_base64_fails_its_item(ann: RawClient) -> None:
    assert ann.create("<t:MimeContent>?</t:MimeContent>").codes == ["ErrorMimeContentInvalidBase64String"]


@pytest.mark.parametrize(
    ("item", "code"), [("nonsense", "ErrorInvalidIdMalformed"), ("AAMkZm9v", "ErrorItemNotFound")]
)
def test_ids_of_nothing_are_told_apart(ann: RawClient, item: str, code: str) -> None:
    assert ann.get(item).codes == [code]


def test_folders_that_are_not_there_are_not_found(ann: RawClient, server: EwsServer) -> None:
    archive = '<t:DistinguishedFolderId Id="archivemsgfolderroot"/>'
    purges = '<t:DistinguishedFolderId Id="recoverableitemspurges"/>'
    assert ann.folder(INBOX, archive, purges, '<t:FolderId Id="AAMkZm9v"/>').codes == [
        "NoError",
        "ErrorFolderNotFound",
        "NoError",
        "ErrorFolderNotFound",
    ]
    server.store.mailbox(ANN).add_archive()
    assert ann.folder(archive).codes == ["NoError"]


def test_a_restriction_has_255_nodes_at_most(ann: RawClient) -> None:
    def searched(keys: int) -> list[str]:
        tests = "".join(compare("IsEqualTo", KEY, str(number)) for number in range(keys))
        return ann.find(f"<t:Or>{tests}</t:Or>").codes

    assert searched(63) == ["NoError"]
    assert searched(64) == ["ErrorRestrictionTooLong"]


def test_a_search_finds_by_key_number_text_and_time(ann: RawClient) -> None:
    items = [
        mime(name) + tagged("0x0E06", "SystemTime", f"2024-01-0{day}T00:00:00Z") + keyed(f"k{day}")
        for day, name in enumerate(("apple", "Banana", "cherry"), 1)
    ]
    ann.create(*items, mime("damson"))
    received = path("item:DateTimeReceived")
    prefix = '<t:Contains ContainmentMode="Prefixed" ContainmentComparison="IgnoreCase">'
    found = {
        f"<t:Or>{compare('IsEqualTo', KEY, 'k1')}{compare('IsEqualTo', KEY, 'k3')}</t:Or>": {
            "apple",
            "cherry",
        },
        compare("IsEqualTo", KEY, "K1"): set(),
        compare("IsGreaterThan", received, "2024-01-01T00:00:00Z"): {"Banana", "cherry", "damson"},
        f"<t:And>{compare('IsLessThan', received, '2024-01-03T00:00:00Z')}"
        f"<t:Not>{compare('IsEqualTo', SUBJECT, 'apple')}</t:Not></t:And>": {"Banana"},
        f"<t:Not><t:Exists>{KEY}</t:Exists></t:Not>": {"damson"},
        f'{prefix}{SUBJECT}<t:Constant Value="ban"/></t:Contains>': {"Banana"},
        compare("IsEqualTo", path("message:IsRead"), "false"): {"apple", "Banana", "cherry", "damson"},
        '<t:Excludes><t:ExtendedFieldURI PropertyTag="0x0E07" PropertyType="Integer"/>'
        '<t:Bitmask Value="0x8"/></t:Excludes>': set(),
    }
    assert {query: set(ann.find(query, more=SUBJECT).texts("Subject")) for query in found} == found


def test_a_search_by_key_sees_what_came_after_the_last_search_and_not_what_went(ann: RawClient) -> None:
    query = compare("IsEqualTo", KEY, "k")
    (first,) = ann.create(mime("a") + keyed("k")).ids()
    assert ann.find(query).ids() == [first]
    (second,) = ann.create(mime("b") + keyed("k")).ids()
    assert set(ann.find(query).ids()) == {first, second}
    ann.send(
        '<m:DeleteItem DeleteType="HardDelete"><m:ItemIds>'
        f'<t:ItemId Id="{first}"/></m:ItemIds></m:DeleteItem>'
    )
    assert ann.find(query).ids() == [second]


def view(size: int, offset: int, base: str = "Beginning") -> str:
    return f'<m:IndexedPageItemView MaxEntriesReturned="{size}" Offset="{offset}" BasePoint="{base}"/>'


def test_pages_say_what_comes_next(ann: RawClient) -> None:
    ann.create(*(mime(name) for name in "abcde"))
    sort = f'<t:FieldOrder Order="Descending">{SUBJECT}</t:FieldOrder>'
    first = ann.find(view=view(2, 0), sort=sort, more=SUBJECT)
    last = ann.find(view=view(2, 4), sort=sort, more=SUBJECT)
    end = ann.find(view=view(2, 0, "End"), sort=sort, more=SUBJECT)
    assert (first.texts("Subject"), last.texts("Subject"), end.texts("Subject")) == (
        ["e", "d"],
        ["a"],
        ["b", "a"],
    )
    marks = ("IndexedPagingOffset", "TotalItemsInView", "IncludesLastItemInRange")
    shown = [
        [found.get(mark) for mark in marks]
        for one in (first, last)
        for found in one.xml.iter("{*}RootFolder")
    ]
    assert shown == [["2", "5", "false"], ["5", "5", "true"]]


def test_more_than_the_limit_comes_only_in_pages(ann: RawClient, server: EwsServer) -> None:
    ann.create(*(mime(name) for name in "abc"))
    server.behaviour.find_limit = 2
    assert ann.find().codes == ["ErrorExceededFindCountLimit"]
    assert len(ann.find(view=view(100, 0)).ids()) == 2


def test_a_search_cuts_long_texts_and_shows_no_bodies(ann: RawClient) -> None:
    (made,) = ann.create(mime("a") + keyed("x" * 300)).ids()
    assert ann.find(more=KEY).texts("Value") == ["x" * 255]
    assert ann.get(made, more=KEY).texts("Value") == ["x" * 300]
    assert ann.find(more=path("item:Body")).codes == ["ErrorInvalidPropertyRequest"]
    assert ann.find(compare("IsEqualTo", path("item:Body"), "a")).codes == ["ErrorUnsupportedPathForQuery"]


def test_all_properties_are_shown_in_the_order_of_the_schema(ann: RawClient, server: EwsServer) -> None:
    raw = RAW.replace(
        b"To:", b"Cc: Carl <carl@example.com>\r\nBcc: dora@example.com\r\nReferences: <r@x>\r\nTo:"
    )
    content = base64.b64encode(raw % (b"=?utf-8?q?=C3=BC?=", b"1")).decode()
    (made,) = ann.create(f"<t:MimeContent>{content}</t:MimeContent>").ids()
    shown = ann.get(made, base="AllProperties", mime=True)
    assert server.invalid == []
    assert shown.texts("Subject") == ["ü"]
    assert shown.texts("References") == ["<r@x>"]
    people = {kind: [one.text for one in shown.xml.iter(f"{T}{kind}")] for kind in ("DisplayTo", "DisplayCc")}
    assert people == {"DisplayTo": ["ann@example.com"], "DisplayCc": ["Carl"]}
    assert shown.texts("EmailAddress").count("dora@example.com") == 1
    kept = base64.b64decode(shown.texts("MimeContent")[0])
    assert kept != raw % (b"=?utf-8?q?=C3=BC?=", b"1")
    assert kept.endswith(b"\r\n\r\nhello\r\n")


def test_a_mail_within_a_mail_is_an_item_attachment(ann: RawClient) -> None:
    inner = base64.b64encode(RAW % (b"inner", b"i")).decode()
    (made,) = ann.create(mime("outer")).ids()
    answer = ann.send(
        f'<m:CreateAttachment><m:ParentItemId Id="{made}"/><m:Attachments><t:ItemAttachment>'
        f"<t:Name>in</t:Name><t:Message><t:MimeContent>{inner}</t:MimeContent></t:Message></t:ItemAttachment></m:Attachments>"
        "</m:CreateAttachment>"
    )
    (file,) = answer.ids("AttachmentId")
    got = ann.send(
        "<m:GetAttachment><m:AttachmentShape><t:IncludeMimeContent>true</t:IncludeMimeContent></m:AttachmentShape>"
        f'<m:AttachmentIds><t:AttachmentId Id="{file}"/></m:AttachmentIds></m:GetAttachment>'
    )
    assert got.texts("Subject") == ["inner"]
    assert base64.b64decode(got.texts("MimeContent")[0]) == RAW % (b"inner", b"i")


@pytest.mark.parametrize(
    ("kind", "on_hold", "where"),
    [
        ("HardDelete", False, []),
        ("HardDelete", True, ["Recoverable Items/Purges"]),
        ("SoftDelete", False, ["Recoverable Items/Deletions"]),
        ("MoveToDeletedItems", False, ["Deleted Items"]),
    ],
)
def test_what_is_deleted_goes_where_it_must(
    ann: RawClient, server: EwsServer, kind: str, on_hold: bool, where: list[str]
) -> None:
    server.store.mailbox(ANN).on_hold = on_hold
    (made,) = ann.create(mime("a")).ids()
    ids = f'<m:ItemIds><t:ItemId Id="{made}"/></m:ItemIds>'
    assert ann.send(f'<m:DeleteItem DeleteType="{kind}">{ids}</m:DeleteItem>').codes == ["NoError"]
    assert [item.folder.path for item in server.store.mailbox(ANN).items] == where


def test_names_that_fit_several_people_are_a_warning(ann: RawClient, server: EwsServer) -> None:
    server.store.add("bob@example.com", "Bob One")
    server.store.add("bob2@example.com", "Bob Two")

    def resolve(entry: str) -> list[object]:
        body = f'<m:ResolveNames ReturnFullContactData="false"><m:UnresolvedEntry>{entry}</m:UnresolvedEntry>'
        answer = ann.send(f"{body}</m:ResolveNames>")
        return [*answer.codes, answer.parts[0].get("ResponseClass"), *answer.texts("EmailAddress")]

    both = ["bob@example.com", "bob2@example.com"]
    assert resolve("bob") == ["ErrorNameResolutionMultipleResults", "Warning", *both]
    assert resolve("smtp:bob@example.com") == ["NoError", "Success", "bob@example.com"]
    assert resolve("nobody") == ["ErrorNameResolutionNoResults", "Error"]
    assert server.invalid == []


def test_ids_are_converted_and_tell_the_mailbox(ann: RawClient) -> None:
    (inbox,) = ann.folder(INBOX).ids("FolderId")
    source = f'<t:AlternateId Format="EwsId" Id="{inbox}" Mailbox="anybody"/>'
    answer = ann.send(
        f'<m:ConvertId DestinationFormat="HexEntryId"><m:SourceIds>{source}</m:SourceIds></m:ConvertId>'
    )
    (found,) = answer.xml.iter("{*}AlternateId")
    assert found.get("Mailbox") == ANN
    assert bytes.fromhex(found.get("Id", ""))


def test_what_the_schema_does_not_allow_is_refused(ann: RawClient, server: EwsServer) -> None:
    answer = ann.create("<t:IsRead>true</t:IsRead>" + mime("a"))
    assert (answer.status, answer.codes) == (500, ["ErrorSchemaValidation"])
    assert len(server.invalid) == 1
    assert ann.post(b"<not xml").codes == ["ErrorSchemaValidation"]
    assert server.store.mailbox(ANN).items == []


def test_a_version_that_no_exchange_has_is_refused(ann: RawClient) -> None:
    body = "<m:GetServerTimeZones/>"
    assert ann.send(body, '<t:RequestServerVersion Version="Exchange2099"/>').codes == [
        "ErrorInvalidServerVersion"
    ]
    assert ann.send(body, '<t:RequestServerVersion Version="Exchange2016"/>').codes == ["NoError"]
