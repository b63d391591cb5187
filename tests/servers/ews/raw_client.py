"""Requests written by hand, for tests of the server itself: nothing that a library would mend or hide."""

from __future__ import annotations

import base64
import http.client
from collections.abc import Mapping
from dataclasses import dataclass, field

from lxml import etree

from tests.servers.ews.names import MESSAGES, SOAP, TYPES, Element, M, elements
from tests.servers.ews.server import PASSWORD, EwsServer
from tests.servers.programs import HOST

RAW = b"From: Bob <b@x>\r\nTo: ann@example.com\r\nSubject: %s\r\nMessage-ID: <%s@x>\r\n\r\nhello\r\n"
GUID = "3f1c9a60-1111-4222-8333-5d5d5d5d5d5d"
KEY = f'<t:ExtendedFieldURI PropertySetId="{GUID}" PropertyName="Key" PropertyType="String"/>'
INBOX = '<t:DistinguishedFolderId Id="inbox"/>'


@dataclass(frozen=True)
class Answer:
    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def xml(self) -> Element:
        return etree.fromstring(self.body)

    @property
    def codes(self) -> list[str]:
        """What is said of each part, or of the whole."""
        return [one.text or "" for one in self.xml.iter("{*}ResponseCode")]

    def texts(self, name: str) -> list[str]:
        """Texts of all elements of a name."""
        return [one.text or "" for one in self.xml.iter(f"{{*}}{name}")]

    def ids(self, name: str = "ItemId") -> list[str]:
        return [one.get("Id", "") for one in self.xml.iter(f"{{*}}{name}")]

    @property
    def parts(self) -> list[Element]:
        found = self.xml.find(f".//{M}ResponseMessages")
        return elements(found)


@dataclass
class RawClient:
    """Sends what stands in the Body of an envelope."""

    server: EwsServer
    user: str = "ann@example.com"
    password: str = PASSWORD
    acts_as: str = ""
    headers: dict[str, str] = field(default_factory=dict)

    def send(self, body: str, header: str = "") -> Answer:
        if self.acts_as:
            header += (
                "<t:ExchangeImpersonation><t:ConnectingSID><t:PrimarySmtpAddress>"
                f"{self.acts_as}</t:PrimarySmtpAddress></t:ConnectingSID></t:ExchangeImpersonation>"
            )
        envelope = (
            f'<s:Envelope xmlns:s="{SOAP}" xmlns:t="{TYPES}" xmlns:m="{MESSAGES}">'
            f"<s:Header>{header}</s:Header><s:Body>{body}</s:Body></s:Envelope>"
        )
        return self.post(envelope.encode())

    def post(self, data: bytes) -> Answer:
        pair = base64.b64encode(f"{self.user}:{self.password}".encode()).decode()
        headers = {
            "Authorization": f"Basic {pair}",
            "Content-Type": "text/xml; charset=utf-8",
            **self.headers,
        }
        host, _, path = self.server.url.removeprefix("http://").partition("/")
        connection = http.client.HTTPConnection(HOST, int(host.rpartition(":")[2]), timeout=10)
        try:
            connection.request("POST", f"/{path}", data, headers)
            response = connection.getresponse()
            return Answer(response.status, dict(response.getheaders()), response.read())
        finally:
            connection.close()

    def create(self, *items: str, folder: str = INBOX) -> Answer:
        """CreateItem; each item is what stands in its Message element."""
        messages = "".join(f"<t:Message>{one}</t:Message>" for one in items)
        return self.send(
            f'<m:CreateItem MessageDisposition="SaveOnly"><m:SavedItemFolderId>{folder}</m:SavedItemFolderId>'
            f"<m:Items>{messages}</m:Items></m:CreateItem>"
        )

    def get(self, *ids: str, more: str = "", base: str = "IdOnly", mime: bool = False) -> Answer:
        """GetItem."""
        paths = f"<t:AdditionalProperties>{more}</t:AdditionalProperties>" if more else ""
        content = "<t:IncludeMimeContent>true</t:IncludeMimeContent>" if mime else ""
        items = "".join(f'<t:ItemId Id="{one}"/>' for one in ids)
        return self.send(
            f"<m:GetItem><m:ItemShape><t:BaseShape>{base}</t:BaseShape>{content}{paths}</m:ItemShape>"
            f"<m:ItemIds>{items}</m:ItemIds></m:GetItem>"
        )

    def find(self, restriction: str = "", *, view: str = "", sort: str = "", more: str = "") -> Answer:
        """FindItem in the Inbox."""
        paths = f"<t:AdditionalProperties>{more}</t:AdditionalProperties>" if more else ""
        limit = f"<m:Restriction>{restriction}</m:Restriction>" if restriction else ""
        order = f"<m:SortOrder>{sort}</m:SortOrder>" if sort else ""
        return self.send(
            '<m:FindItem Traversal="Shallow"><m:ItemShape><t:BaseShape>IdOnly</t:BaseShape>'
            f"{paths}</m:ItemShape>{view}{limit}{order}<m:ParentFolderIds>{INBOX}</m:ParentFolderIds></m:FindItem>"
        )

    def folder(self, *folders: str) -> Answer:
        """GetFolder."""
        return self.send(
            "<m:GetFolder><m:FolderShape><t:BaseShape>Default</t:BaseShape></m:FolderShape>"
            f"<m:FolderIds>{''.join(folders)}</m:FolderIds></m:GetFolder>"
        )


def mime(name: str) -> str:
    """MimeContent of a small mail with a subject."""
    raw = RAW % (name.encode(), name.encode())
    return f"<t:MimeContent>{base64.b64encode(raw).decode()}</t:MimeContent>"


def tagged(number: str, kind: str, value: str) -> str:
    uri = f'<t:ExtendedFieldURI PropertyTag="{number}" PropertyType="{kind}"/>'
    return f"<t:ExtendedProperty>{uri}<t:Value>{value}</t:Value></t:ExtendedProperty>"


def keyed(value: str) -> str:
    return f"<t:ExtendedProperty>{KEY}<t:Value>{value}</t:Value></t:ExtendedProperty>"


def path(uri: str) -> str:
    return f'<t:FieldURI FieldURI="{uri}"/>'


def compare(operator: str, uri: str, value: str) -> str:
    constant = f'<t:FieldURIOrConstant><t:Constant Value="{value}"/></t:FieldURIOrConstant>'
    return f"<t:{operator}>{uri}{constant}</t:{operator}>"
