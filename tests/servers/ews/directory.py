"""ResolveNames, ConvertId, GetServerTimeZones: what is asked before anything is filed."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Iterator
from functools import partial

from tests.servers.ews.caller import Caller
from tests.servers.ews.names import Element, M, elements, flag, leaf, tag
from tests.servers.ews.refusals import EwsError
from tests.servers.ews.store import Mailbox

_MOST = 100
"""Names that ResolveNames answers with (its documentation)."""
_ZONES = {"UTC": "(UTC) Coordinated Universal Time", "GMT Standard Time": "(UTC+00:00) London"}


class Several(EwsError):
    """ResolveNames found several: a warning that carries them."""

    def __init__(self, inner: str) -> None:
        super().__init__("ErrorNameResolutionMultipleResults")
        self.inner = inner


def resolve_names(caller: Caller, request: Element) -> Iterator[Callable[[], str]]:
    entry = (request.findtext(f"{M}UnresolvedEntry") or "").casefold()

    def resolve() -> str:
        exact = entry.startswith(("smtp:", "="))
        wanted = entry.removeprefix("smtp:").removeprefix("=")

        def matches(mailbox: Mailbox) -> bool:
            address, name = mailbox.address.casefold(), mailbox.name.casefold()
            if exact:
                return wanted in {address, name}
            return address.startswith(wanted) or any(
                word.startswith(wanted) for word in (name, *name.split())
            )

        found = [mailbox for mailbox in caller.store.mailboxes if matches(mailbox)]
        if not found:
            raise EwsError("ErrorNameResolutionNoResults")
        inner = tag(
            "m:ResolutionSet",
            "".join(tag("t:Resolution", _shown(mailbox)) for mailbox in found[:_MOST]),
            TotalItemsInView=str(len(found)),
            IncludesLastItemInRange=flag(len(found) <= _MOST),
        )
        if len(found) > 1:
            raise Several(inner)
        return inner

    yield resolve


def _shown(mailbox: Mailbox) -> str:
    return tag(
        "t:Mailbox",
        leaf("t:Name", mailbox.name)
        + leaf("t:EmailAddress", mailbox.address)
        + "<t:RoutingType>SMTP</t:RoutingType><t:MailboxType>Mailbox</t:MailboxType>",
    )


def convert_id(_caller: Caller, request: Element) -> Iterator[Callable[[], str]]:
    wanted = request.get("DestinationFormat", "EwsId")

    def convert(one: Element) -> str:
        given = one.get("Id", "")
        try:
            if one.get("Format") == "HexEntryId":
                raw = bytes.fromhex(given)
            else:
                raw = base64.b64decode(given, validate=True)
            _, address, _ = raw[3:].lstrip(b"\0").split(b"\0")
        except (ValueError, binascii.Error) as error:
            raise EwsError("ErrorInvalidIdMalformed") from error
        written = raw.hex().upper() if wanted == "HexEntryId" else base64.b64encode(raw).decode()
        attributes = {
            "Format": wanted,
            "Id": written,
            "Mailbox": address.decode(),
            "xsi:type": "t:AlternateIdType",
        }
        return tag("m:AlternateId", **attributes)

    for one in elements(request.find(f"{M}SourceIds")):
        yield partial(convert, one)


def get_server_time_zones(_caller: Caller, request: Element) -> Iterator[Callable[[], str]]:
    wanted = [one.text or "" for one in elements(request.find(f"{M}Ids"))] or list(_ZONES)

    def get() -> str:
        zones = "".join(tag("t:TimeZoneDefinition", Id=one, Name=_ZONES.get(one, one)) for one in wanted)
        return tag("m:TimeZoneDefinitions", zones)

    yield get
