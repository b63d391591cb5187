"""The operations of EWS that we use: each is one request, and each part of its answer a value."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from exchangelib import services
from exchangelib.errors import EWSError
from exchangelib.properties import FolderId
from exchangelib.services.common import EWSAccountService, folder_ids_element, item_ids_element
from exchangelib.util import MNS, SOAPNS, add_xml_child, create_element, set_xml_value
from lxml import etree

from include.commsarchive.errors import Fatal
from include.commsarchive.mailbox.ews.elements import Element, Filed
from include.commsarchive.mailbox.ews.line import VERSION
from include.commsarchive.mailbox.ews.verdict import FATAL, GARBLED, Trouble, trouble
from include.commsarchive.retry_after import LONGEST_WAIT

Part = Any
"""An element of an answer, or the `Trouble` that stands in its place."""


class Once(EWSAccountService):
    """Sends a request once, in one version of the protocol, and never sleeps."""

    ERRORS_TO_CATCH_IN_RESPONSE = (Trouble,)
    WARNINGS_TO_CATCH_IN_RESPONSE = (Trouble,)
    request_id = ""

    def ask(self, number: int, **what: Any) -> list[Part]:
        """Send one request with so many parts, and give as many parts of the answer.

        Raises:
            Trouble: there is no answer, or none that can be understood.
            Fatal: the server refuses us.
        """
        try:
            messages = self._get_response_xml(self.get_payload(**what))
            parts = list(self._get_elements_in_response(messages))
        except EWSError as error:
            raise self._named(Trouble(doubt=GARBLED, code=type(error).__name__)) from None
        except Trouble as one:
            raise self._named(one) from None
        if len(parts) > number:
            raise self._named(Trouble(doubt=GARBLED, code="too many parts"))
        return parts + [Trouble(doubt=GARBLED, code="missing part")] * (number - len(parts))

    def _named(self, one: Trouble) -> Trouble:
        one.request_id = one.request_id or self.request_id
        return one

    def _get_response_xml(self, payload: Element) -> list[Element]:
        body = self.wrap(payload, api_version=VERSION.api_version)
        with self.account.room:
            answer = self.account.line.post(body, self._extra_headers())
        self.request_id = answer.request_id
        try:
            envelope = etree.fromstring(
                answer.content, etree.XMLParser(huge_tree=True, resolve_entities=False)
            )
        except etree.XMLSyntaxError:
            raise Trouble(doubt=GARBLED, code="no XML") from None
        found = envelope.find(f"{{{SOAPNS}}}Body")
        if found is None:
            raise Trouble(doubt=GARBLED, code="no SOAP")
        messages: list[Element] = self._get_soap_messages(found)
        return messages

    @classmethod
    def _raise_soap_errors(cls, fault: Element) -> None:
        code = fault.findtext("{*}detail/{*}ResponseCode", "").strip()
        code = code or fault.findtext("{*}faultcode", "").strip().rpartition(":")[2]
        _refuse(code)
        raise trouble(code, _back_off(fault.find("{*}detail/{*}MessageXml")))

    @staticmethod
    def _get_exception(
        code: str | None, text: str | None, msg_xml: Element = None, rule_errors: Element = None
    ) -> Trouble:
        del text, rule_errors
        code = _value(msg_xml, "InnerErrorResponseCode") or code or ""
        _refuse(code)
        return trouble(code, _back_off(msg_xml))


def _refuse(code: str) -> None:
    if remedy := FATAL.get(code):
        raise Fatal(f"Exchange refuses the request: {code}. {remedy}")


def _value(msg_xml: Element, name: str) -> str:
    """A value that stands beside an error."""
    values = [] if msg_xml is None else msg_xml.findall("{*}Value")
    return next((one.text or "" for one in values if one.get("Name") == name), "")


def _back_off(msg_xml: Element) -> float:
    """Seconds that the server asks to wait."""
    milliseconds = _value(msg_xml, "BackOffMilliseconds")
    return min(int(milliseconds), LONGEST_WAIT * 1000) / 1000 if milliseconds.isdecimal() else 0.0


class CreateItem(Once, services.CreateItem):
    """Save copies in a folder."""

    def get_payload(self, copies: Sequence[Filed], folder: FolderId) -> Element:
        """Write the request."""
        payload = create_element("m:CreateItem", attrs={"MessageDisposition": "SaveOnly"})
        payload.append(folder_ids_element([folder], VERSION, tag="m:SavedItemFolderId"))
        payload.append(set_xml_value(create_element("m:Items"), copies, VERSION))
        return payload


class CreateFolder(Once, services.CreateFolder):
    """Make a folder for mail below another."""

    def get_payload(self, name: str, parent: FolderId) -> Element:
        """Write the request."""
        payload = create_element("m:CreateFolder")
        payload.append(folder_ids_element([parent], VERSION, tag="m:ParentFolderId"))
        folder = create_element("t:Folder")
        add_xml_child(folder, "t:FolderClass", "IPF.Note")
        add_xml_child(folder, "t:DisplayName", name)
        payload.append(set_xml_value(create_element("m:Folders"), [folder]))
        return payload


class DeleteItem(Once, services.DeleteItem):
    """Remove copies for good, as far as no hold keeps them."""

    def get_payload(self, items: Sequence[Any]) -> Element:
        """Write the request."""
        payload = create_element("m:DeleteItem", attrs={"DeleteType": "HardDelete"})
        payload.append(item_ids_element(items, VERSION))
        return payload


class GetFolder(Once, services.GetFolder):
    """Look at folders by their ids."""


class GetItem(Once, services.GetItem):
    """Read copies by their ids."""


class Search(Once):
    """A search: its only part is the page, or the bare success of a server that has found nothing."""

    element_container_name = None
    paging_container_name = None

    @classmethod
    def _get_elements_in_container(cls, container: Element) -> list[Element]:
        page = container.find(f"{{{MNS}}}RootFolder")
        return [container if page is None else page]


class FindItem(Search, services.FindItem):
    """Search a folder for copies."""


class FindFolder(Search, services.FindFolder):
    """Search a folder for folders."""
