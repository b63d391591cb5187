"""Write three sample days of Symphony, one in each form: ``python -m include.samples.symphony_samples``.

Monday is what a collector of events lays down, Tuesday a content export in the Actiance flavour, Wednesday
one in the EML flavour. The people are those of the screenplays.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import json
from pathlib import Path
from xml.sax.saxutils import escape

from include.samples.documents import document, write_files, zipped
from include.samples.screenplay import PEOPLE, epoch, mail_of

HERE = Path(__file__).parent
DAYS = ("2024-03-11", "2024-03-12", "2024-03-13")
_OURS, _THEIRS = 12_987_981_103_600, 13_606_456_395_800
"""User ids begin with the pod: ours and another firm's."""
_AXES = "US axes for Tuesday\n\n3s  25mm bid\n5s  two way\n10s better seller\n"
_DISCLAIMER = "Sales and trading communication, not research. Kestrel Bank AG deals with professional clients only."
_ROOM = {
    "streamId": "7TxODHvqnX5a9628am5IG3___o0ZgFNCdA",
    "streamType": "ROOM",
    "roomName": "Kestrel x Quill Brook: UST",
    "external": True,
    "crossPod": True,
}
_DESK = {"streamId": "gXFV8vN37dNqjojYS_y2wX___o2KxfmUdA", "streamType": "ROOM", "roomName": "Rates desk", "external": False}
_PAIR = {"streamId": "ubaSiuUsc_j-_lVQ8vhAz3___opSJdJZdA", "streamType": "IM", "external": False}


def main() -> None:
    """Write every day into a folder of its own."""
    for day in DAYS:
        write_files(HERE / "symphony" / day, delivery(day))


def delivery(day: str) -> dict[str, bytes]:
    """Make the files of one day, by name."""
    return {"2024-03-11": _events, "2024-03-12": _actiance, "2024-03-13": _mails}[day](day)


def _events(day: str) -> dict[str, bytes]:
    script = _Script(day)
    axes = document("axes.pdf", _AXES)
    file = {"id": "internal_189%2FaXesTuesday%3D%3D", "name": "axes for tuesday.pdf", "size": len(axes), "images": []}
    script.note("08:00:00", "roomCreated", "greta", _ROOM, roomProperties={"name": _ROOM["roomName"], "external": True})
    script.note("08:00:05", "userJoinedRoom", "greta", _ROOM, affectedUser=_user("nina"))
    script.says("08:00:40", "greta", "morning Nina, <cash tag=\"T 4 34\"/> 99-11+ / 99-12", _ROOM, disclaimer=_DISCLAIMER)
    asked = script.says("08:01:10", "nina", "ta. where is the <b>3y WI</b>?", _ROOM)
    script.says("08:01:30", "greta", "4.255 / 4.25", _ROOM, parentMessageId=asked, disclaimer=_DISCLAIMER)
    typo = script.says("08:02:00", "nina", "I pay 4.25 for 250mm", _ROOM, replacedBy="msg004")
    script.says("08:02:20", "nina", "I pay 4.25 for 25mm", _ROOM, replacing=typo, initialMessageId=typo, initialTimestamp=_ms(f"{day} 08:02:00"))
    script.says("08:02:40", "greta", "25mm done, thanks", _ROOM, disclaimer=_DISCLAIMER)
    script.says("08:10:00", "nina", "bought 25mm 3y WI at 4.25 from Kestrel", _DESK)
    script.says("08:10:30", "tobias", "ok. axes for tomorrow attached", _DESK, attachments=[file])
    script.says("08:11:00", "isla", "noted", _DESK, userAgent="IOS-24.1")
    oops = script.says("09:00:00", "tobias", "lunch? wrong window", _PAIR)
    script.note("09:00:20", "messageSuppressed", "tobias", _PAIR, messageId=oops)
    script.says("09:01:00", "wen", "which window? :)", _PAIR)
    stem = f"symphony_quill_{day.replace('-', '')}"
    lines = "".join(json.dumps(record, ensure_ascii=False) + "\n" for record in script.records)
    return {f"{stem}.jsonl": lines.encode(), f"{stem}.att.zip": zipped([(f"msg007/{file['id']}/{file['name']}", axes)])}


def _actiance(day: str) -> dict[str, bytes]:
    axes = document("axes.pdf", _AXES)

    def event(tag: str, who: str, time: str, *more: tuple[str, str]) -> str:
        told = (("LoginName", mail_of(who)), ("DateTimeUTC", str(_ms(f"{day} {time}"))), *more)
        return f"<{tag}>{''.join(f'<{name}>{escape(text)}</{name}>' for name, text in told)}</{tag}>\n"

    def here(who: str, time: str, tag: str = "ParticipantEntered") -> str:
        ours = "true" if PEOPLE[who]["company"] == "quill" else "false"
        return event(tag, who, time, ("UserType", "user"), ("InternalFlag", ours), ("CorporateEmailID", mail_of(who)))

    def says(who: str, time: str, number: str, text: str, *more: tuple[str, str]) -> str:
        return event("Message", who, time, ("MessageId", number), *more, ("Content", text))

    edited = ("UpdatedDateTimeUTC", str(_ms(f"{day} 10:03:00")))
    path = (("UserFileName", "axes.pdf"), ("FileName", "files/77/axes.pdf"))
    body = "".join(
        [
            *(here(who, "10:00:00") for who in ("nina", "camille")),
            says("camille", "10:01:00", "m1", "Bonjour Nina, could we see 10y in 40mm?"),
            says("nina", "10:02:00", "m2", "99-10 / 99-10+, firm", ("UpdatedType", "EditedNewMsg"), edited),
            says("nina", "10:02:00", "m2b", "99-10 / 99-11, firm", ("UpdatedType", "EditedOriginalMsg"), edited, ("EditedNewMsgId", "m2")),
            says("camille", "10:04:00", "m3", "I sell at 99-10"),
            event("FileTransferStarted", "nina", "10:05:00", *path),
            event("FileTransferEnded", "nina", "10:05:00", *path, ("Status", "Completed")),
            *(here(who, "10:06:00", "ParticipantLeft") for who in ("camille", "nina")),
        ]
    )
    xml = (
        '<?xml version="1.0" encoding="UTF-8"?>\n<FileDump>\n<Conversation Perspective="Tern Island x Quill Brook">\n'
        f"<RoomID>ternIsland0000000000000___o0Zg</RoomID>\n<StartTimeUTC>{_ms(f'{day} 10:00:00')}</StartTimeUTC>\n"
        f"{body}<EndTimeUTC>{_ms(f'{day} 10:06:00')}</EndTimeUTC>\n</Conversation>\n</FileDump>\n"
    )
    content = zipped([("symphony_export.xml", xml.encode()), ("files/77/axes.pdf", axes)])
    name = _name("a", day)
    return {name: content, f"{name}.md5": f"{hashlib.md5(content).hexdigest()}  {name}\n".encode()}


def _mails(day: str) -> dict[str, bytes]:
    chats = [
        ("nina", ["tobias", "wen"], "16:30:00", "16:30:00 Nina Oakes: flat into the close?\n16:30:20 Wen Hartmann: 1.2k DV01, fine\n"),
        ("zoe", ["kenji"], "22:15:00", "22:15:00 Zoë Lindqvist: 146 put exercised?\n22:15:40 Kenji Morioka 森岡: No, expired. ありがとう\n"),
    ]
    mails = []
    for number, (who, to, time, text) in enumerate(chats, start=1):
        when = dt.datetime.fromisoformat(f"{day}T{time}+00:00")
        recipients = ", ".join(f"<{mail_of(one)}>" for one in to)
        head = f"From: <{mail_of(who)}>\r\nTo: {recipients}\r\nDate: {when:%a, %d %b %Y %H:%M:%S} +0000\r\n"
        head += f"Message-ID: <{number}.{day}@quill.symphony.example>\r\nMIME-Version: 1.0\r\n"
        head += "Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\n"
        mails.append((f"{number}.eml", (head + text.replace("\n", "\r\n")).encode()))
    content, name = zipped(mails), _name("e", day)
    return {name: content, f"{name}.sha256": hashlib.sha256(content).hexdigest().encode()}


class _Script:
    """Events of a day, in order."""

    def __init__(self, day: str) -> None:
        self.day = day
        self.records: list[dict[str, object]] = []
        self._messages = 0

    def says(self, time: str, who: str, text: str, stream: dict[str, object], **more: object) -> str:
        """Somebody writes; the message's id."""
        number = f"msg{self._messages:03}"
        self._messages += 1
        message = {"messageId": number, "timestamp": _ms(f"{self.day} {time}"), "user": _user(who), "stream": stream}
        message["message"] = f'<div data-format="PresentationML" data-version="2.0">{text}</div>'
        self._add(time, "messageSent", who, {"message": message | more})
        return number

    def note(self, time: str, kind: str, who: str, stream: dict[str, object], **more: object) -> None:
        """Something happens to a room or a message."""
        self._add(time, kind, who, {"stream": stream, **more})

    def _add(self, time: str, kind: str, who: str, body: dict[str, object]) -> None:
        record = {"id": f"ev{len(self.records):03}", "timestamp": _ms(f"{self.day} {time}"), "type": kind.upper()}
        self.records.append(record | {"initiator": {"user": _user(who)}, "payload": {kind: body}})


def _user(who: str) -> dict[str, object]:
    person = PEOPLE[who]
    ours = person["company"] == "quill"
    name = f"{person['first']} {person['last']}".title()
    number = (_OURS if ours else _THEIRS) + list(PEOPLE).index(who)
    told = {"userId": number, "displayName": name, "username": person["login"]}
    return told if who == "isla" else told | {"email": mail_of(who)}


def _ms(moment: str) -> int:
    return epoch(moment) * 1000


def _name(flavour: str, day: str) -> str:
    before = dt.date.fromisoformat(day) - dt.timedelta(days=1)
    return f"{flavour}_quill_SD-{before}-23_ED-{day}-23_GD-{day}_{_ms(f'{day} 23:10:00')}.zip"


if __name__ == "__main__":
    main()
