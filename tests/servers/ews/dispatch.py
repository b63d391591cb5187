"""From a SOAP request to its answer: which operation, part by part, and what is to go wrong with it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from lxml import etree

from tests.servers.ews import directory, folder_operations, item_operations
from tests.servers.ews.caller import Caller
from tests.servers.ews.names import MESSAGES, SOAP, TYPES, XSI, Element, S, T, elements, local
from tests.servers.ews.refusals import (
    STOPS_THE_BATCH,
    EwsError,
    EwsFault,
    busy,
    refusal_message,
    response_message,
)
from tests.servers.faults import Fault, Kind

Operation = Callable[[Caller, Element], Iterator[Callable[[], str]]]
"""Gives the parts of a batch, each of which does its work when called."""

OPERATIONS: dict[str, Operation] = {
    "GetFolder": folder_operations.get_folder,
    "FindFolder": folder_operations.find_folder,
    "CreateFolder": folder_operations.create_folder,
    "CreateItem": item_operations.create_item,
    "GetItem": item_operations.get_item,
    "FindItem": item_operations.find_item,
    "DeleteItem": item_operations.delete_item,
    "CreateAttachment": item_operations.create_attachment,
    "GetAttachment": item_operations.get_attachment,
    "ResolveNames": directory.resolve_names,
    "ConvertId": directory.convert_id,
    "GetServerTimeZones": directory.get_server_time_zones,
}
_CHANGES = frozenset({"CreateItem", "CreateFolder", "CreateAttachment"})
"""What a quota or a limit of sizes can refuse."""
_EMPTY = {
    **dict.fromkeys(("CreateItem", "GetItem"), "<m:Items/>"),
    **dict.fromkeys(("CreateAttachment", "GetAttachment"), "<m:Attachments/>"),
    **dict.fromkeys(("GetFolder", "CreateFolder"), "<m:Folders/>"),
    "GetServerTimeZones": "<m:TimeZoneDefinitions/>",
}
"""What a failed part of an answer must hold by the schema."""

VERSIONS = frozenset(
    {
        "Exchange2007",
        "Exchange2007_SP1",
        "Exchange2010",
        "Exchange2010_SP1",
        "Exchange2010_SP2",
        "Exchange2013",
    }
    | {"Exchange2013_SP1", "Exchange2015", "Exchange2016"}
)
_HEAD = (
    f'<?xml version="1.0" encoding="utf-8"?><s:Envelope xmlns:s="{SOAP}"><s:Header>'
    '<h:ServerVersionInfo MajorVersion="15" MinorVersion="2" MajorBuildNumber="2562" MinorBuildNumber="17" '
    f'Version="V2017_07_11" xmlns:h="{TYPES}" xmlns="{TYPES}"/></s:Header>'
    f'<s:Body xmlns:xsi="{XSI}" xmlns:xsd="http://www.w3.org/2001/XMLSchema">'
)
"""Exchange Server SE."""


@dataclass(frozen=True)
class Soap:
    """A request taken apart: the envelope, the operation, and whom it wants to act as (None: nobody)."""

    envelope: Element
    request: Element
    acts_as: str | None

    @property
    def operation(self) -> str:
        return local(self.request)


def read(body: bytes) -> Soap:
    """Take a request apart.

    Raises:
        EwsFault: it is no request that is served here.
    """
    try:
        envelope = etree.fromstring(body, etree.XMLParser(huge_tree=True, resolve_entities=False))
    except etree.XMLSyntaxError as error:
        raise EwsFault("ErrorSchemaValidation") from error
    holder = envelope.find(f"{S}Body")
    inner = elements(holder)
    if len(inner) != 1 or local(inner[0]) not in OPERATIONS:
        raise EwsFault("ErrorInvalidRequest")
    version = envelope.find(f"{S}Header/{T}RequestServerVersion")
    if version is not None and version.get("Version") not in VERSIONS:
        raise EwsFault("ErrorInvalidServerVersion")
    connecting = elements(envelope.find(f"{S}Header/{T}ExchangeImpersonation/{T}ConnectingSID"))
    return Soap(envelope, inner[0], (connecting[0].text or "").strip() if connecting else None)


def answer(caller: Caller, soap: Soap) -> bytes:
    """Do what a request asks for; the envelope of the answer.

    Raises:
        EwsFault: the request fails as a whole.
    """
    fault, name = caller.fault, soap.operation
    if fault is not None and fault.kind is Kind.SERVER_BUSY and not fault.after:
        raise busy(fault.wait)
    if fault is not None and fault.kind is Kind.NO_MAILBOX:
        raise EwsFault("ErrorNonExistentMailbox")
    messages = "".join(_messages(caller, soap))
    if fault is not None and fault.kind is Kind.SERVER_BUSY:
        raise busy(fault.wait)
    return (
        f'{_HEAD}<m:{name}Response xmlns:m="{MESSAGES}" xmlns:t="{TYPES}"><m:ResponseMessages>{messages}'
        f"</m:ResponseMessages></m:{name}Response></s:Body></s:Envelope>"
    ).encode()


def _messages(caller: Caller, soap: Soap) -> Iterator[str]:
    name, stopped = soap.operation, False
    empty, after = _EMPTY.get(name, ""), caller.fault is not None and caller.fault.after
    for number, part in enumerate(OPERATIONS[name](caller, soap.request)):
        if stopped:
            yield refusal_message(name, EwsError("ErrorBatchProcessingStopped"), warning=True, inner=empty)
            continue
        code = _planned(caller, name, number)
        try:
            inner = part() if code is None or after else ""
        except EwsFault:
            raise
        except directory.Several as several:
            yield refusal_message(name, several, inner=several.inner)
        except EwsError as error:
            yield refusal_message(name, error, inner=empty)
            stopped = error.code in STOPS_THE_BATCH
        else:
            yield (
                refusal_message(name, EwsError(code), inner=empty) if code else response_message(name, inner)
            )
            stopped = code in STOPS_THE_BATCH and not after


def _planned(caller: Caller, operation: str, number: int) -> str | None:
    """The code with which a part is to fail."""
    fault: Fault | None = caller.fault
    if fault is None:
        return None
    if fault.kind is Kind.MAILBOX_MOVE:
        return str(fault.kind)
    if fault.kind is Kind.PARTIAL and number % 2:
        return caller.behaviour.partial_code
    if fault.kind in {Kind.QUOTA_EXCEEDED, Kind.TOO_LARGE} and operation in _CHANGES:
        return str(fault.kind)
    return None
