"""Write the samples of Bloomberg mail: ``python -m include.samples.bloomberg_message_samples``.

The mails of a day stand in ``bloomberg_message_plays``: a head (``version``, and ``without`` the company
whose disclaimer is not in that day's dictionary), then mails, each from its ``==`` line on: what it is, a
head of its own, an empty line, and the body. ``!`` lines are damage: ``! lost Sender`` (that element is
gone), ``! mismatched``, ``! unescaped``, ``! twice``. Times are New York's. The cast is that of the
screenplays.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from xml.sax.saxutils import escape
from zoneinfo import ZoneInfo

from include.samples.documents import document, tar_gz, write_files
from include.samples.screenplay import COMPANIES, PEOPLE, PLAYS, epoch

ACCOUNT = "f855501"
HERE = Path(__file__).parent
MAILS = HERE / "bloomberg_message_plays"
NEW_YORK = ZoneInfo("America/New_York")
_OTHERS = {
    "on behalf of": "OnBehalfOf",
    "shared messenger": "SharedMessenger",
    "original sender": "OrigSender",
}


@dataclass
class Mail:
    """One mail as it was written down: its head by name, its damage, its body."""

    head: dict[str, list[str]] = field(default_factory=dict)
    damage: list[str] = field(default_factory=list)
    body: str = ""

    def says(self, name: str) -> str:
        """Give what the head says."""
        return ", ".join(self.head.get(name, []))

    def names(self, name: str) -> list[str]:
        """Give the people, or files, that the head names."""
        return [one for line in self.head.get(name, []) for one in line.split(", ")]


def main() -> None:
    """Write every delivery into a folder of its own, named for its day."""
    for day in days():
        write_files(HERE / "bloomberg_message" / day, delivery(day))


def days() -> list[str]:
    """List the days there are."""
    return sorted(path.stem for path in MAILS.glob("2*.txt"))


def delivery(day: str) -> dict[str, bytes]:
    """Make the files of one day, by name: mails, disclaimers, attachments, manifest."""
    text, *mails = re.split(
        r"^== .*\n", (MAILS / f"{day}.txt").read_text(encoding="utf-8"), flags=re.MULTILINE
    )
    head = _read(text)
    made = _Delivery(dt.date.fromisoformat(day), head.says("version"), head.names("without"))
    written = "".join(made.message(number, _read(mail)) for number, mail in enumerate(mails, start=1))
    date = f"{made.day:%y%m%d}"
    files = {
        f"{ACCOUNT}.msg.{date}.xml": made.dump(written),
        f"{ACCOUNT}.dscl.{date}.xml": made.dump("".join(made.disclaimers())),
        f"{ACCOUNT}.msg.att.{date}.tar.gz": tar_gz(list(made.members.items()), epoch(f"{day} 20:30:00")),
    }
    return files | {f"daily_manifest_{date}.txt": "".join(f"{name}\n" for name in sorted(files)).encode()}


def _read(text: str) -> Mail:
    head, _, body = text.partition("\n\n")
    mail = Mail(body=body.strip("\n"))
    for line in head.splitlines():
        name, _, value = line.partition(": ")
        if line.startswith("! "):
            mail.damage.append(line.removeprefix("! "))
        elif value:
            mail.head.setdefault(name, []).append(value)
    return mail


@dataclass
class _Delivery:
    day: dt.date
    version: str
    without: list[str]
    members: dict[str, bytes] = field(default_factory=dict)
    named: set[str] = field(default_factory=set)

    def dump(self, records: str) -> bytes:
        return (
            '<?xml version="1.0" encoding="UTF-8" standalone="no"?>\n'
            f"<FileDump>\n<Version>MSGXML {self.version}</Version>\n{records}</FileDump>\n"
        ).encode()

    def disclaimers(self) -> Iterator[str]:
        for name, company in COMPANIES.items():
            if company["disclaimer"] and name not in self.without:
                yield (
                    f"<Disclaimer>\n<DisclaimerReference>{company['account']}</DisclaimerReference>\n"
                    f"<DisclaimerText>{escape(company['disclaimer'])}</DisclaimerText>\n</Disclaimer>\n"
                )

    def message(self, number: int, mail: Mail) -> str:
        local = dt.datetime.fromisoformat(f"{self.day} {mail.says('at')}").replace(tzinfo=NEW_YORK)
        stamp = int(local.timestamp())
        company = COMPANIES[PEOPLE[mail.says("from")]["company"]]
        body = mail.body if "unescaped" in mail.damage else escape(mail.body)
        text = (
            f"<Message>\n<MsgID>{stamp:08X}{number:016X}</MsgID>\n"
            f"<MsgTime>{local:%Y-%m-%d-%H.%M.%S}.000000</MsgTime>\n"
            + (f"<MsgTimeUTC>{stamp}</MsgTimeUTC>\n" if self.version > "1.4" else "")
            + "<MsgLang>CODE 65001</MsgLang>\n"
            + "".join(
                f"<{tag}>{_user(who)}</{tag}>\n" for name, tag in _OTHERS.items() for who in mail.names(name)
            )
            + f"<Sender>{_user(mail.says('from'))}</Sender>\n"
            + "".join(
                f'<Recipient DeliveryType = "{how.upper()}">{_user(who)}</Recipient>\n'
                for how in ("to", "cc", "bcc")
                for who in mail.names(how)
            )
            + f"<Subject>\n{escape(mail.says('subject'))}\n</Subject>\n"
            + "".join(self._file(name) for name in mail.names("file"))
            + (self._attachment("alt_body.html", f"<pre>{body}</pre>".encode()) if mail.says("html") else "")
            + "".join(
                f"<Attachment><Reference>{one}</Reference></Attachment>\n" for one in mail.names("reference")
            )
            + f"<MsgBody>\n{body}\n</MsgBody>\n"
            + (
                f"<DisclaimerReference>{company['account']}</DisclaimerReference>\n"
                if company["disclaimer"]
                else ""
            )
            + (f"<Greeting>\n{mail.says('greeting')}\n</Greeting>\n" if mail.says("greeting") else "")
            + "</Message>\n"
        )
        return _damaged(text, mail.damage)

    def _file(self, line: str) -> str:
        name = line.removesuffix(" (missing)")
        plain = PLAYS / "files" / name
        source = plain if plain.exists() else plain.with_name(f"{name}.txt")
        content = document(name, source.read_text(encoding="utf-8"))
        return self._attachment(name, content, delivered=name == line)

    def _attachment(self, name: str, content: bytes, *, delivered: bool = True) -> str:
        """List a file: by FileID from 1.6 on, before that by its name alone."""
        token = hashlib.sha256(content).hexdigest()[:24].upper()
        file_id = f"{token}.{name.rpartition('.')[2]}" if self.version > "1.5" else ""
        if delivered:
            self.members[file_id or name] = content
        listed = f"<FileID>{file_id}</FileID>" if file_id else ""
        size = f"<FileSize>{len(content)}</FileSize>"
        return f"<Attachment><FileName>{escape(name)}</FileName>{listed}{size}</Attachment>\n"


def _damaged(text: str, damage: list[str]) -> str:
    for one in damage:
        if one == "twice":
            text += text
        elif one == "mismatched":
            text = text.replace("</Subject>", "</Subjct>")
        elif name := one.removeprefix("lost ") if one.startswith("lost ") else "":
            text = re.sub(f"<{name}>.*?</{name}>\n", "", text, flags=re.DOTALL)
    return text


def _user(who: str) -> str:
    person = PEOPLE[who]
    company = COMPANIES[person["company"]]
    own = bool(person["uuid"])
    fields = {
        "FirstName": person["first"],
        "LastName": person["last"],
        "FirmNumber": company["firm"] if own else "",
        "AccountName": company["name"],
        "AccountNumber": company["account"] if own else "",
        "BloombergUUID": person["uuid"],
        "BloombergEmailAddress": f"{person['login'].upper()}@Bloomberg.net",
        "CorporateEmailAddress": person["mail"],
        "ClientID1": person["client"],
    }
    always = ("FirstName", "LastName", "AccountName", "BloombergEmailAddress", "CorporateEmailAddress")
    inner = "".join(f"<{tag}>{escape(text)}</{tag}>" for tag, text in fields.items() if text or tag in always)
    return f"<UserInfo>{inner}</UserInfo>"


if __name__ == "__main__":
    main()
