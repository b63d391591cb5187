"""Write the sample days of the interchange formats: ``python -m include.samples.interchange_samples``.

A Persistent Chat channel with a shared file; what a gateway made of an Instant Bloomberg chat and of a call
as DIG; a channel and a chat of two as Vantage. The people are those of the screenplays.
"""

from __future__ import annotations

import base64
import datetime as dt
from pathlib import Path
from xml.sax.saxutils import escape, quoteattr

from include.samples.documents import document, write_files, zipped
from include.samples.screenplay import PEOPLE, mail_of

HERE = Path(__file__).parent
DAY = "2024-03-13"
SOURCES = ("persistent_chat", "dig", "vantage")
_AXES = "US axes for Wednesday\n\n3s  25mm bid\n5s  two way\n"
_GUID = "1f0c2d3e-4a5b-4c6d-8e7f-0123456789ab.pdf"
_DIG = "http://dig.apc.xmlns.commons.platform.actiance.com/itm/interaction"


def main() -> None:
    """Write each source's day into a folder of its own."""
    for source in SOURCES:
        write_files(HERE / source / DAY, delivery(source))


def delivery(source: str) -> dict[str, bytes]:
    """Make the files of a source's day, by name."""
    return {"persistent_chat": _persistent_chat, "dig": _dig, "vantage": _vantage}[source]()


def _persistent_chat() -> dict[str, bytes]:
    said = [
        ("JOIN", "nina", "08:00:00", ""),
        ("CHAT", "tobias", "08:01:10", "3y WI 4.25 / 4.24,\nsize on the bid"),
        ("CHAT", "nina", "08:01:00", "morning, where is 3y WI?"),
        ("FILEUPLOAD", "nina", "08:02:00", _GUID),
        ("CHAT", "isla", "08:02:30", "thanks & noted"),
        ("FILEDOWNLOAD", "isla", "08:02:40", "an older file.xlsx"),
        ("PART", "nina", "08:03:00", ""),
    ]
    first, *rest = (_message(*one, number) for number, one in enumerate(said))
    xml = (
        '<?xml version="1.0" encoding="utf-8"?>\n<Conversations><Conversation>'
        '<Channel uri="ma-chan://quillbrook.example/42" name="Rates desk" islogged="true"/>\n'
        f"{first.replace('Message', 'FirstMessage')}<Messages>\n{''.join(rest)}</Messages>\n"
        f"{_when('StartTimeUTC', '08:00:00')}{_when('EndTimeUTC', '08:03:00')}"
        "</Conversation></Conversations>\n"
    )
    members = [("conversations_1.xml", xml.encode()), (_GUID, document("axes.pdf", _AXES))]
    return {"persistent_chat_20240313.zip": zipped(members)}


def _message(kind: str, who: str, time: str, content: str, number: int) -> str:
    name, address = _name(who), mail_of(who)
    email = "" if who == "tobias" else address
    written = quoteattr(content, {"\n": "&#10;"})
    return (
        f'<Message type="{kind}" content={written} id="{number if kind == "CHAT" else 0}">'
        f'<Sender UserName="{name}" id="{list(PEOPLE).index(who)}" email="{email}" internal="true" '
        f'uri="{address}"/>'
        f"{_when('DateTimeUTC', time)}</Message>\n"
    )


def _when(tag: str, time: str) -> str:
    moment, ms = dt.datetime.fromisoformat(f"{DAY}T{time}+00:00"), _ms(time)
    ticks = ms * 10_000 + 621_355_968_000_000_000
    return f'<{tag} since1970="{ms}" string="{moment:%Y-%m-%dT%H:%M:%S}.0000000Z" long="{ticks}"/>'


def _ms(time: str) -> int:
    return int(dt.datetime.fromisoformat(f"{DAY}T{time}+00:00").timestamp() * 1000)


def _dig() -> dict[str, bytes]:
    inside = base64.b64encode(document("axes.pdf", _AXES)).decode()
    file = (
        '<itm:file-events><itm:file-event file-event-id="f1" file-event-type="attachment" action="create">'
        "<itm:file-object><itm:file-object-id>fo1</itm:file-object-id>"
        f'<itm:event-time timestamp="{DAY}T16:02:00.000Z"/>'
        "<itm:participant-id>nina</itm:participant-id>"
        f'<itm:file-content name="axes.pdf" content-type="application/pdf" encoding="base64">{inside}'
        "</itm:file-content></itm:file-object></itm:file-event></itm:file-events>"
    )
    chat = [
        _text("1", "nina", "16:00:00", "", "participant join message"),
        _text("2", "rufus", "16:00:40", "could you show <b>10y</b> in 40mm?"),
        _text("3", "nina", "16:01:00", "99-10 / 99-11"),
        _text("4", "nina", "16:01:20", "99-10 / 99-10+", action="update", parent="o3"),
        _text(
            "5", "rufus", "16:01:40", "Halden Securities deals with professionals only.", "disclaimer message"
        ),
        _text("6", "nina", "16:02:10", "axes attached"),
    ]
    xml = (
        f'<?xml version="1.0" encoding="UTF-8"?>\n<itm:transcript xmlns:itm="{_DIG}/transcript/1.0" '
        f'xmlns:itm-types="{_DIG}/types/1.0" id="t1" source-endpoint-id="Actiance Vantage" '
        f'source-endpoint-version="1" time-stamp="2024-03-14T00:00:00.000Z">\n'
        f"{_interaction('1', 'c1', 'PCHAT-0x10000AB12CD34', ('nina', 'rufus'), file, ''.join(chat))}"
        f"{_interaction('2', 'c2', 'A call', ('zoe', 'kenji'), '', '')}</itm:transcript>\n"
    )
    return {"firm.transcripts.20240313.xml": xml.encode()}


def _interaction(
    number: str, room: str, subject: str, people: tuple[str, ...], files: str, texts: str
) -> str:
    listed = "".join(_participant(who) for who in people)
    said = f"<itm:text-events>\n{texts}</itm:text-events>" if texts else ""
    return (
        f'<itm:interaction interaction-event-id="{number}" historical-data-flag="false">'
        f'<itm-types:time-frame><itm-types:start-time timestamp="{DAY}T16:00:00.000Z"/>'
        f'<itm-types:end-time timestamp="{DAY}T16:03:00.000Z"/></itm-types:time-frame>'
        f"<itm:communication-object-id>{room}</itm:communication-object-id>"
        '<itm-types:modality classification="uc" type="federated" vendor="Bloomberg"><itm-types:channel>IM'
        "</itm-types:channel><itm-types:network>InstantBloomberg</itm-types:network></itm-types:modality>"
        f'<itm-types:subject content-type="text/plain">{subject}</itm-types:subject>\n'
        f"<itm:participants>{listed}</itm:participants>{files}{said}</itm:interaction>\n"
    )


def _participant(who: str) -> str:
    ours = PEOPLE[who]["company"] == "quill"
    return (
        f'<itm:participant participant-id="{who}" participant-role="participant">'
        '<itm:network-info endpoint-id-type="login">'
        "<itm-types:network>InstantBloomberg</itm-types:network>"
        f"<itm-types:endpoint-id>{PEOPLE[who]['login']}</itm-types:endpoint-id>"
        f"<itm-types:display-name>{_name(who)}</itm-types:display-name></itm:network-info><itm:user-info>"
        f"<itm-types:user-type>{'internal' if ours else 'federated'}</itm-types:user-type>"
        f"<itm-types:email-address>{mail_of(who)}</itm-types:email-address></itm:user-info></itm:participant>\n"
    )


def _text(
    number: str,
    who: str,
    time: str,
    body: str,
    style: str = "normal message",
    *,
    action: str = "create",
    parent: str = "",
) -> str:
    above = f"<itm:parent-text-object-id>{parent}</itm:parent-text-object-id>" if parent else ""
    said = (
        f'<itm:text-content content-type="text/html"><![CDATA[\n{body}\n]]></itm:text-content>'
        if body
        else ""
    )
    return (
        f'<itm:text-event text-event-id="e{number}" action="{action}"><itm:text-object>'
        f"<itm:text-object-id>o{number}</itm:text-object-id>{above}<itm:system-flag>false</itm:system-flag>"
        f"<itm:text-object-style>{style}</itm:text-object-style>"
        f'<itm:event-time timestamp="{DAY}T{time}.000Z"/><itm:participant-id>{who}</itm:participant-id>{said}'
        "</itm:text-object></itm:text-event>\n"
    )


def _vantage() -> dict[str, bytes]:
    axes = (("UserFileName", "axes.pdf"), ("FileName", "20240313/a1/axes.pdf"))
    edited = ("UpdatedDateTimeUTC", str(_ms("13:02:10")))
    channel = [
        *(_vantage_event("ParticipantEntered", who, "13:00:00") for who in ("nina", "tobias")),
        _vantage_event("ParticipantEntered", "pricebot", "13:00:00", ("UserType", "bot")),
        _vantage_event(
            "Invite", "greta", "13:00:30", ("InviterLoginName", mail_of("nina")), ("Content", "added")
        ),
        _says("m1", "nina", "13:01:00", "Greta, 7y against 10y: where do you see it?"),
        _says("m2", "greta", "13:01:40", "flat, maybe 0.5 < Monday's close & soft"),
        _says("m3", "pricebot", "13:01:41", "7s10s +11.2 / +11.4"),
        _says("m4", "nina", "13:02:00", "I pay 11.3 in 30k", ("UpdatedType", "EditedNewMsg"), edited),
        _says(
            "m4a", "nina", "13:02:00", "I pay 11.3 in 300k", ("UpdatedType", "EditedOriginalMsg"), edited,
            ("EditedNewMsgId", "m4"),
        ),
        _vantage_event("FileTransferStarted", "tobias", "13:03:00", *axes),
        _vantage_event("FileTransferEnded", "tobias", "13:03:00", *axes, ("Status", "Completed")),
        *(_vantage_event("ParticipantLeft", who, "13:10:00") for who in ("greta", "tobias", "nina")),
    ]  # fmt: skip
    direct = [
        *(_vantage_event("ParticipantEntered", who, "15:00:00") for who in ("zoe", "kenji")),
        _says("d1", "zoe", "15:00:20", "年度末のお取引ありがとうございます"),
        _says("d2", "zoe", "15:01:00", "wrong chat, sorry"),
        _says("d2", "zoe", "15:01:00", "delete wrong chat, sorry", ("UpdatedType", "Deleted"),
              ("UpdatedDateTimeUTC", str(_ms("15:01:30")))),
        _says("d3", "kenji", "15:02:00", "こちらこそ、宜しくお願いします"),
    ]  # fmt: skip
    xml = (
        '<?xml version="1.0" encoding="UTF-8"?>\n<FileDump>\n'
        f"{_conversation('Rates', 'private - rates - 9hx1', channel)}"
        f"{_conversation('Zoe Lindqvist', 'direct - zoe - kenji - 4kd2', direct)}</FileDump>\n"
    )
    members = [("vantage.xml", xml.encode()), ("20240313/a1/axes.pdf", document("axes.pdf", _AXES))]
    return {"vantage_20240313.zip": zipped(members)}


def _conversation(name: str, room: str, events: list[str]) -> str:
    return f'<Conversation Perspective="{name}"><RoomID>{room}</RoomID>\n{"".join(events)}</Conversation>\n'


def _says(number: str, who: str, time: str, text: str, *more: tuple[str, str]) -> str:
    return _vantage_event("Message", who, time, ("MessageId", number), *more, ("Content", text))


def _vantage_event(tag: str, who: str, time: str, *more: tuple[str, str]) -> str:
    login = mail_of(who) if who in PEOPLE else who
    ours = who in PEOPLE and PEOPLE[who]["company"] == "quill"
    mail = [("CorporateEmailID", login)] if who in PEOPLE else []
    told = [("LoginName", login), ("DateTimeUTC", str(_ms(time))), ("InternalFlag", str(ours).lower())]
    elements = "".join(f"<{name}>{escape(text)}</{name}>" for name, text in (*told, *mail, *more))
    return f"<{tag}>{elements}</{tag}>\n"


def _name(who: str) -> str:
    return f"{PEOPLE[who]['first']} {PEOPLE[who]['last']}".title()


if __name__ == "__main__":
    main()
