"""People, files and one conversation with every kind of event, for the tests of this room."""

from __future__ import annotations

from include.commsarchive.model import Attachment, Event, Item, Kind, Person

NINA = Person(
    "uuid:7000001",
    "NINA OAKES",
    "oakes7@bloomberg.net",
    "nina.oakes@quillbrook.example",
    "QUILL BROOK CAPITAL",
    (("Login", "oakes7"), ("UUID", "7000001")),
    internal=True,
)
ZOE = Person(
    "uuid:7000002",
    "ZOË MÜLLER",
    "zmueller@bloomberg.net",
    "zoe.mueller@quillbrook.example",
    "QUILL BROOK CAPITAL",
    (("Login", "zmueller"), ("UUID", "7000002")),
    internal=True,
)
RUFUS = Person(
    "login:rpell2",
    "RUFUS PELL",
    "rpell2@bloomberg.net",
    company="HALDEN <SECURITIES> & CO",
    ids=(("Login", "rpell2"),),
)
OMAR = Person("login:ohaddad", "עומר חדד", "broken address", company="TEL AVIV FIXED INCOME")

START = 1_710_360_300_000  # 2024-03-13 20:05:00 UTC
PDF = Attachment("axes today.pdf", "65F2.pdf", "application/pdf", 9, 9, "a" * 64)
GONE = Attachment(
    "curve <b>snapshot</b>.xlsx", "65F3.xlsx", "application/vnd.ms-excel", 90_213, problem="missing"
)
SHORT = Attachment("raster größe.png", "65F4", "image/png", 1000, 5, "b" * 64, "size-mismatch")
BLOBS = {PDF.blob: b"%PDF-1.7\n", SHORT.blob: b"\x89PNG\r"}


def events() -> list[Event]:
    """Give one event of each kind at least, over two days, with speech between them."""
    day = 5 * 3_600_000
    return [
        Event(Kind.CARRY_OVER, START, OMAR, "[Bloomberg created note: Remains logged in.]"),
        Event(Kind.JOIN, START, NINA, marks=("mobile",)),
        Event(Kind.INVITE, START + 4000, NINA, "join for the 10y?", other=RUFUS),
        Event(Kind.JOIN, START + 20_000, RUFUS),
        Event(Kind.DISCLAIMER, START + 20_000, RUFUS, "*** HALDEN (1234) Disclaimer: not an offer."),
        Event(Kind.MESSAGE, START + 30_000, RUFUS, "bid 99-16 & offered @ 99-18 for 5>10mm"),
        Event(Kind.MESSAGE, START + 35_000, RUFUS, "firm for 2 min"),
        Event(Kind.MESSAGE, START + 41_000, NINA, "mine at 18, 10mm pls", marks=("mobile",)),
        Event(
            Kind.MESSAGE,
            START + 50_000,
            ZOE,
            "show me:\n  2Y   99.875\n  5Y   98.120\n\nThanks, Zoë \U0001f44d",
        ),
        Event(Kind.FILE, START + 60_000, RUFUS, attachment=PDF),
        Event(Kind.FILE, START + 61_000, RUFUS, attachment=GONE),
        Event(Kind.FILE, START + 62_000, ZOE, "the grid", attachment=SHORT),
        Event(Kind.MESSAGE, START + 63_000, OMAR, "שלום, מה המחיר ל-5Y?"),
        Event(Kind.MESSAGE, START + 64_000, OMAR, "<script>alert(1)</script> \u202egnp.exe\u202c \x07"),
        Event(Kind.HISTORY, START + 120_000, NINA, window=(START - 86_400_000, START + 120_000)),
        Event(Kind.MESSAGE, START + 121_000, RUFUS, "this was before", marks=("history",)),
        Event(Kind.SYSTEM, START + 150_000, None, "room renamed"),
        Event(Kind.MODE, START + 151_000, NINA, "moderated"),
        Event(Kind.EDIT, START + 152_000, ZOE, "show me 2s/5s/30s"),
        Event(Kind.DELETE, START + 153_000, ZOE),
        Event(Kind.REACTION, START + 154_000, NINA, "\U0001f44d"),
        Event(Kind.LEAVE, START + 180_000, RUFUS),
        Event(Kind.MESSAGE, START + day + 1250, ZOE, "still here", residue='<Rating scale="5">4</Rating>'),
        Event(Kind.LEAVE, START + day + 2000, NINA),
    ]


def conversation() -> Item:
    """Give an item that has everything that an item can have."""
    return Item(
        source="instant_bloomberg",
        native_ids=("PCHAT-0x10000AB12CD34", "1710360300"),
        thread="PCHAT-0x10000AB12CD34",
        subject="Instant Bloomberg: NINA OAKES, RUFUS PELL and 2 others",
        event_class="Conversation",
        at=START,
        sender=NINA,
        to=(RUFUS, ZOE),
        cc=(OMAR,),
        events=events(),
        part=2,
        marks=("repaired: invalid characters were replaced",),
        facts=(("Room type", "persistent chat"),),
    )


class Source:
    """A source's title and classes, as `stage` asks for them."""

    title = "Instant Bloomberg"
    message_class = "IPM.NOTE.InstantBloomberg"
    item_class = "ipm.externaldata.instantbloomberg"
