"""Holds requests and answers against our description of the protocol's messages (`messages.xsd`)."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from lxml import etree

from tests.servers.ews.names import Element, S, elements

MESSAGES_XSD = Path(__file__).with_name("messages.xsd")


@cache
def _compiled() -> etree.XMLSchema:
    return etree.XMLSchema(etree.parse(MESSAGES_XSD))


class Schema:
    """Says what does not follow the schema; ``""`` means that everything does."""

    def check(self, message: Element) -> str:
        """Check one request or answer: what stands in the Body of its envelope."""
        schema = _compiled()
        if schema.validate(message):
            return ""
        return str(schema.error_log).partition("\n")[0]

    def check_answer(self, body: bytes) -> str:
        """Check the envelope of an answer that is no fault."""
        envelope = etree.fromstring(body, etree.XMLParser(huge_tree=True))
        return self.check(elements(envelope.find(f"{S}Body"))[0])
