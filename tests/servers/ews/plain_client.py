"""exchangelib as it comes, for tests of the server itself.

``is_read`` is the caller's business: exchangelib sends false where nobody says otherwise.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import exchangelib
from exchangelib import ExtendedProperty, Folder, Message

from tests.servers.ews.server import APP, SERVICE, EwsServer

KEY_SET = "3f1c9a60-1111-4222-8333-5d5d5d5d5d5d"
KEY_NAME = "ArchiveItemId"


class Key(ExtendedProperty):  # type: ignore[misc]
    property_set_id = KEY_SET
    property_name = KEY_NAME
    property_type = "String"


class Flags(ExtendedProperty):  # type: ignore[misc]
    property_tag = 0x0E07
    property_type = "Integer"


class Received(ExtendedProperty):  # type: ignore[misc]
    property_tag = 0x0E06
    property_type = "SystemTime"


class Sent(ExtendedProperty):  # type: ignore[misc]
    property_tag = 0x0039
    property_type = "SystemTime"


class Class(ExtendedProperty):  # type: ignore[misc]
    property_tag = 0x001A
    property_type = "String"


PROPERTIES = {
    "plain_key": Key,
    "plain_flags": Flags,
    "plain_received": Received,
    "plain_sent": Sent,
    "plain_class": Class,
}


class _Credentials(exchangelib.OAuth2Credentials):  # type: ignore[misc]
    loopback = ""

    @property
    def token_url(self) -> str:
        return self.loopback


@contextmanager
def opened(server: EwsServer, mailbox: str, login: str = exchangelib.BASIC) -> Iterator[exchangelib.Account]:
    """An account that impersonates the owner of a mailbox; OAuth wants ``OAUTHLIB_INSECURE_TRANSPORT``."""
    for name, kind in PROPERTIES.items():
        Message.register(name, kind)
    credentials: Any = exchangelib.Credentials(SERVICE.name, SERVICE.password)
    if login == exchangelib.OAUTH2:
        identity = exchangelib.Identity(primary_smtp_address=mailbox)
        credentials = _Credentials(
            client_id=APP.client_id, client_secret=APP.secret, tenant_id="t", identity=identity
        )
        _Credentials.loopback = server.token_url
    config = exchangelib.Configuration(
        service_endpoint=server.url,
        credentials=credentials,
        auth_type=login,
        retry_policy=exchangelib.FailFast(),
    )
    account = exchangelib.Account(
        mailbox, config=config, autodiscover=False, access_type=exchangelib.IMPERSONATION
    )
    try:
        yield account
    finally:
        account.protocol.close()
        for name in PROPERTIES:
            Message.deregister(name)


def ensure(parent: Any, name: str) -> Any:
    """A folder below another, made where it is missing."""
    for child in parent.children:
        if child.name == name:
            return child
    folder = Folder(parent=parent, name=name, folder_class="IPF.Note")
    folder.save()
    return folder
