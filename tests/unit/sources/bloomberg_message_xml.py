"""Bloomberg mail XML for tests, as a vendor's program would write it."""

from __future__ import annotations

import io
from collections.abc import Mapping
from xml.sax.saxutils import escape

from include.commsarchive.model import Item, Refused
from include.commsarchive.sources.base import Chunk, Options, Stored
from include.commsarchive.sources.bloomberg_message import BloombergMessage

SENT = 1_710_360_900  # 2024-03-13 16:15:00 in New York
SOURCE = BloombergMessage()


def user(first: str, last: str, address: str, *, uuid: str = "", corporate: str = "") -> str:
    own = f"<FirmNumber>55501</FirmNumber><BloombergUUID>{uuid}</BloombergUUID>" if uuid else ""
    company = "QUILL BROOK CAPITAL" if uuid or corporate else "HALDEN &amp; CO"
    return (
        f"<UserInfo><FirstName>{first}</FirstName><LastName>{last}</LastName>{own}"
        f"<AccountName>{company}</AccountName><BloombergEmailAddress>{address}</BloombergEmailAddress>"
        f"<CorporateEmailAddress>{corporate}</CorporateEmailAddress></UserInfo>"
    )


NINA = user(
    "NINA", "OAKES", "OAKES7@Bloomberg.net", uuid="7000001", corporate="nina.oakes@quillbrook.example"
)
WEN = user(
    "WEN", "HARTMANN", "WHARTMANN@Bloomberg.net", uuid="7000003", corporate="wen.hartmann@quillbrook.example"
)
RUFUS = user("RUFUS", "PELL", "RPELL2@Bloomberg.net")
MEG = user("MEG", "STROUD", "MSTROUD8@Bloomberg.net")


def to(who: str, how: str | None = "TO", more: str = "") -> str:
    attribute = "" if how is None else f' DeliveryType = "{how}"'
    return f"<Recipient{attribute}>{who}{more}</Recipient>\n"


def message(
    body: str,
    *,
    sender: str = RUFUS,
    recipients: str = to(NINA),
    number: int = 1,
    subject: str = "10Y axes",
    times: str = f"<MsgTime>2024-03-13-16.15.00.000000</MsgTime>\n<MsgTimeUTC>{SENT}</MsgTimeUTC>\n",
    head: str = "",
    tail: str = "",
    files: str = "",
) -> str:
    """A message; ``head`` stands before the sender, ``tail`` after the body."""
    return (
        f"<Message>\n<MsgID>65F1D2A300010F2E{number:08X}</MsgID>\n{times}<MsgLang>CODE 65001</MsgLang>\n"
        f"{head}<Sender>{sender}</Sender>\n{recipients}<Subject>\n{escape(subject)}\n</Subject>\n"
        f"{files}<MsgBody>\n{body}\n</MsgBody>\n{tail}</Message>\n"
    )


def disclaimer(reference: str, text: str) -> str:
    return (
        f"<Disclaimer><DisclaimerReference>{reference}</DisclaimerReference>"
        f"<DisclaimerText>{text}</DisclaimerText></Disclaimer>\n"
    )


def dump(*records: str, version: str = "MSGXML 1.6") -> bytes:
    return f"<FileDump>\n<Version>{version}</Version>\n{''.join(records)}</FileDump>\n".encode()


def chunks(raw: bytes, options: Options | None = None) -> list[Chunk | Refused]:
    return list(SOURCE.chunks("a.xml", io.BytesIO(raw), options or Options()))


def read(
    raw: bytes, options: Options | None = None, attachments: Mapping[str, Stored] | None = None
) -> tuple[list[Item], list[Refused]]:
    """Read an export: its items, and what was refused of it."""
    items, refused = [], []
    for chunk in chunks(raw, options):
        results = (
            [chunk]
            if isinstance(chunk, Refused)
            else SOURCE.parse(chunk, attachments or {}, options or Options())
        )
        for result in results:
            if isinstance(result, Refused):
                refused.append(result)
            else:
                items.append(result)
    return items, refused
