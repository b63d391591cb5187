"""Write the sample days of mail in files: ``python -m include.samples.mail_samples``.

An ordinary mail, a journal report and a mail in Global Relay's style; a mailbox file with a thread; an FX
Connect retention mail with its journalled copy. The people are those of the screenplays.
"""

from __future__ import annotations

import base64
from pathlib import Path

from include.samples.documents import document, write_files

HERE = Path(__file__).parent
DAY = "2024-03-13"
SOURCES = ("eml", "mbox", "fx_connect")
_NINA = "Nina Oakes <nina.oakes@quillbrook.example>"
_TOBIAS = "Tobias Grant <tobias.grant@quillbrook.example>"
_ZOE = "=?utf-8?q?Zo=C3=AB_Lindqvist?= <zoe.lindqvist@quillbrook.example>"
_RUFUS = "Rufus Pell <rufus.pell@halden.example>"
_CHART = "4.21 4.24 4.22 4.27 4.31 4.28 4.33"
_RUN = "Bond,Bid,Offer\nCorviglia 28,101.20,101.45\nNorthmoor 31,97.05,97.40\n"
_SESSION = "6f1d0b5e-77"


def main() -> None:
    """Write each source's day into a folder of its own."""
    for source in SOURCES:
        write_files(HERE / source / DAY, delivery(source))


def delivery(source: str) -> dict[str, bytes]:
    """Make the files of a source's day, by name."""
    return {"eml": _eml, "mbox": _mbox, "fx_connect": _fx_connect}[source]()


def _eml() -> dict[str, bytes]:
    return {
        "mail-20240313-0001.eml": _ordinary(),
        "mail-20240313-0002.eml": _journalled("nina.oakes@quillbrook.example", _research()),
        "mail-20240313-0003.eml": _global_relay(),
    }


def _ordinary() -> bytes:
    """A mail with HTML, a picture in it, and a worksheet."""
    html = (
        "<html><head><style>p{color:#123}</style></head><body><p>Zo&euml;, Nina,</p>"
        "<p>the credit run is <b>attached</b>; 10y as of noon:</p>"
        '<p><img src="cid:chart" alt="10y"></p>'
        '<p>More on <a href="https://quillbrook.example/runs">our page</a>.</p></body></html>\n'
    )
    text = (
        "Zoë, Nina,\n\nthe credit run is attached; 10y as of noon:\n\n"
        "More on https://quillbrook.example/runs\n"
    )
    body = _multipart("alternative", "inner", _text("plain", text), _text("html", html))
    chart = _file("10y.png", "image/png", document("10y.png", _CHART), "inline", "chart")
    run = _file(
        "credit run.xlsx",
        "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
        document("run.xlsx", _RUN),
    )
    head = _head(
        "Priya Nair <priya.nair@quillbrook.example>", f"{_ZOE},\n {_NINA}", "12:05:00", "Credit run, noon"
    )
    head += f"Cc: {_RUFUS}\n"
    return _wire(head + _multipart("mixed", "outer", _multipart("related", "middle", body, chart), run))


def _research() -> str:
    head = _head(_RUFUS, "clients@halden.example", "07:30:00", "=?utf-8?q?Morning_note_=E2=80=93_supply?=")
    return head + _text(
        "plain", "Two long auctions this week. We like 7s against the wings.\n\n-- \nHalden\n"
    )


def _journalled(recipient: str, mail: str) -> bytes:
    """A journal report: an envelope, and the mail as it was sent."""
    number = mail.partition("Message-ID: ")[2].partition("\n")[0]
    envelope = f"Sender: rufus.pell@halden.example\nMessage-Id: {number}\nBcc: {recipient}\n"
    head = _head("journal@quillbrook.example", "archive@quillbrook.example", "07:30:02", "Journal report")
    inner = f"Content-Type: message/rfc822\n\n{mail}"
    return _wire(
        f"{head}X-MS-Journal-Report:\n{_multipart('mixed', 'report', _text('plain', envelope), inner)}"
    )


def _global_relay() -> bytes:
    """A channel's day as Mattermost mails it."""
    said = [
        ("08:40:00", "nina.oakes", "who has the Corviglia call notes?"),
        ("08:41:10", "stefan.brandt", "me. Summary: spread target 85 &amp; no new issue this year"),
        ("08:42:00", "nina.oakes", "ta"),
    ]
    cells = (
        ("username", "@{who}"), ("usertype", "user"), ("email", "{who}@quillbrook.example"),
        ("joined", f"{DAY}T08:39:00Z"), ("left", f"{DAY}T08:45:00Z"), ("duration", "6 minutes"),
    )  # fmt: skip
    row = "".join(f'<td class="{name}">{text}</td>\n' for name, text in cells)
    people = "".join(f"<tr>\n{row.format(who=who)}</tr>\n" for who in ("nina.oakes", "stefan.brandt"))
    spans = (
        ("sent_time", DAY + "T{time}Z"), ("username", "@{who}"), ("usertype", "user"),
        ("email", "({who}@quillbrook.example):"), ("message", "{text}"),
    )  # fmt: skip
    line = "".join(f'<span class="{name}">{text}</span>\n' for name, text in spans)
    lines = "".join(
        f'<li class="message">\n{line.format(time=time, who=who, text=text)}</li>\n'
        for time, who, text in said
    )
    heads = "".join(f'<th class="{name}">{name.title()}</th>' for name, _ in cells)
    html = (
        "<h1>Mattermost Compliance Export</h1>\n<ul>"
        f'<li><span class="bold">Channel:&nbsp;</span>Research &amp; desk</li>'
        f'<li><span class="bold">Started:&nbsp;</span>{DAY}T08:39:00Z</li></ul>\n'
        f'<table class="participants">\n<tr>{heads}</tr>\n{people}</table>\n'
        f'<div class="message-list">\n<ul>\n{lines}</ul>\n</div>\n'
    )
    to = f"{_NINA},\n Stefan Brandt <stefan.brandt@quillbrook.example>"
    head = _head(_NINA, to, "08:45:00", "Mattermost Compliance Export: Research & desk")
    channel = "X-Mattermost-ChannelType: private\nX-Mattermost-ChannelID: 8rk3desk\n"
    head += f"X-GlobalRelay-MsgType: Mattermost\n{channel}X-Mattermost-ChannelName: Research & desk\n"
    plain = "".join(f"* {DAY}T{time}Z @{who}\n" for time, who, _ in said)
    return _wire(head + _multipart("alternative", "relay", _text("plain", plain), _text("html", html)))


def _mbox() -> dict[str, bytes]:
    thread = [
        (_NINA, _RUFUS, "09:12:00", "Rates dinner", "Rufus, is the table still on for Thursday?\n"),
        (
            _RUFUS,
            f"{_NINA},\n {_TOBIAS}",
            "09:20:00",
            "Re: Rates dinner",
            "Yes, 19:00, six people.\n\nFrom where shall I pick you up?\n\n> is the table still on?\n",
        ),
        (_TOBIAS, _RUFUS, "09:31:00", "Re: Rates dinner", "From the office, please.\n"),
    ]
    mails, before = [], ""
    for sender, to, time, subject, text in thread:
        head = _head(sender, to, time, subject)
        number = head.partition("Message-ID: ")[2].partition("\n")[0]
        head += f"In-Reply-To: {before.rpartition(' ')[2]}\nReferences: {before}\n" if before else ""
        before = f"{before} {number}".strip()
        quoted = text.replace("\nFrom ", "\n>From ")
        mails.append(f"From MAILER-DAEMON Wed Mar 13 {time} 2024\n{head}{_text('plain', quoted)}\n")
    return {"mailbox-20240313.mbox": "".join(mails).encode()}


def _fx_connect() -> dict[str, bytes]:
    rows = [
        ("14:05:00.1234567Z", "Zoë Lindqvist", "EURUSD spot, 25 mio, two way please"),
        ("14:05:09.0000000", "Jonas Weber", "1.0931 / 33<br>firm for 10 seconds"),
        ("14:05:15.5000000Z", "Zoë Lindqvist", "mine at 33"),
        ("14:05:18.0000000Z", "Jonas Weber", "done, you buy 25 at 1.0933 &amp; thanks"),
    ]
    said = "".join(
        f"<tr class='even'><td>{DAY}T{time}</td><td>{who}</td><td>{text}</td></tr>"
        for time, who, text in rows
    )
    facts = "".join(
        f"<b>{name}:</b> {value}<br>"
        for name, value in [
            ("Our Dealer", "Zoë Lindqvist"),
            ("Counterparty", "Kestrel Bank AG"),
            ("Transaction Id", "FXC-20240313-000812"),
            ("Trade Session Id", _SESSION),
        ]
    )
    heads = "<tr><th>Date Sent (UTC)</th><th>Sender</th><th>Message</th></tr>"
    html = f"<html><body>{facts}<table>{heads}{said}</table></body></html>\n"
    system = "SystemFXConnect@fxconnect.example"
    head = _head(system, _ZOE, "14:06:00", "[FXC Retention] KESTREL_000812") + "X-VerQu-Hydra-Id: 1\n"
    mail = head + _multipart("alternative", "fxc", _text("plain", ".\n"), _text("html", html))
    return {
        "fxc-20240313-000812.eml": _wire(mail),
        "fxc-20240313-000812-journal.eml": _journalled("zoe.lindqvist@quillbrook.example", mail),
    }


def _head(sender: str, to: str, time: str, subject: str) -> str:
    number = f"<{time.replace(':', '')}.{DAY}@{sender.rstrip('>').rpartition('@')[2]}>"
    return (
        f"From: {sender}\nTo: {to}\nDate: Wed, 13 Mar 2024 {time} +0000\nSubject: {subject}\n"
        f"Message-ID: {number}\nMIME-Version: 1.0\n"
    )


def _text(kind: str, text: str) -> str:
    return f"Content-Type: text/{kind}; charset=utf-8\nContent-Transfer-Encoding: 8bit\n\n{text}"


def _file(name: str, kind: str, content: bytes, how: str = "attachment", content_id: str = "") -> str:
    known = f"Content-ID: <{content_id}>\n" if content_id else ""
    return (
        f'Content-Type: {kind}\nContent-Disposition: {how}; filename="{name}"\n{known}'
        f"Content-Transfer-Encoding: base64\n\n{base64.encodebytes(content).decode()}"
    )


def _multipart(kind: str, boundary: str, *parts: str) -> str:
    joined = "".join(f"--{boundary}\n{part}\n" for part in parts)
    return f'Content-Type: multipart/{kind}; boundary="{boundary}"\n\n{joined}--{boundary}--\n'


def _wire(mail: str) -> bytes:
    """Give a mail the line ends of RFC 5322."""
    return mail.replace("\n", "\r\n").encode()


if __name__ == "__main__":
    main()
