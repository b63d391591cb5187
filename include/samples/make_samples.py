"""Write the demo's exports from the screenplays: ``python -m include.samples.make_samples``.

The format is described by its reader, `include.commsarchive.sources.instant_bloomberg`.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import re
from pathlib import Path
from urllib.parse import quote
from xml.sax.saxutils import escape

from include.samples.documents import document, tar_gz, write_files
from include.samples.screenplay import (
    COMPANIES,
    PEOPLE,
    PLAYS,
    Line,
    Play,
    Scene,
    epoch,
    play_names,
    read_play,
)

ACCOUNT = "f855501"
HERE = Path(__file__).parent
_TAGS = {
    "enters": "ParticipantEntered",
    "leaves": "ParticipantLeft",
    "invites": "Invite",
    "views": "History",
    "system": "SystemMessage",
    "shares": "Attachment",
}
_SILENT = {"enters", "leaves", "views", "shares"}


def main() -> None:
    """Write every delivery into a folder of its own, named for its day."""
    for name in play_names():
        write_files(HERE / folder_of(name), delivery(read_play(name)))


def folder_of(name: str) -> str:
    """Say where a delivery lies; what was issued again lies apart, for its files have the same names."""
    day, addition = name[:10], name[10:].replace("-", "_")
    return f"instant_bloomberg{addition}/{day}"


def delivery(play: Play) -> dict[str, bytes]:
    """Make the files of one delivery, by name."""
    return _Delivery(play).files()


class _Delivery:
    def __init__(self, play: Play) -> None:
        self.play = play
        self.old = play.version != "1.9"
        self.members: dict[str, bytes] = {}

    def files(self) -> dict[str, bytes]:
        """Chats, attachments, manifest."""
        day, parts = f"{self.play.day:%y%m%d}", self.play.parts
        chats = f"{ACCOUNT}.{'ib' if self.old else 'ib19'}.{day}.xml"
        size = -(-len(self.play.scenes) // parts)
        files = {}
        for part in range(parts):
            follows = f"{chats}{part + 1}" if part + 1 < parts else ""
            scenes = self.play.scenes[part * size : (part + 1) * size]
            files[f"{chats}{part or ''}"] = self._dump(scenes, follows).encode()
        attachments = f"{ACCOUNT}.{'' if self.old else 'ib19.'}att.{day}"
        members, stamp = list(self.members.items()), epoch(f"{self.play.day} 20:30:00")
        for part in range(parts):
            number = f".{part}" if parts > 1 else ""
            files[f"{attachments}{number}.tar.gz"] = tar_gz(members[part::parts], stamp)
        manifest = "".join(name + self.play.line_end for name in sorted(files))
        return files | {f"daily_manifest_{day}.txt": manifest.encode()}

    def _dump(self, scenes: list[Scene], follows: str) -> str:
        return (
            '<?xml version="1.0" encoding="UTF-8" standalone="no"?>\n<FileDump>\n'
            + _element("Version", f"IBXML {self.play.version}" if self.old else self.play.version)
            + "".join(self._conversation(scene) for scene in scenes)
            + (_element("NextFile", follows) if follows else "")
            + "</FileDump>\n"
        )

    def _conversation(self, scene: Scene) -> str:
        kind = "P" if scene.room.startswith("PCHAT") else "C"
        times = [line.at for line in scene.lines]
        text = (
            f'<Conversation Perspective=" " RoomType="{kind}">\n{_element("RoomID", scene.room)}'
            + _time("StartTime", min(times))
            + "".join(self._event(scene, line) for line in scene.lines)
            + _time("EndTime", max(times))
            + "</Conversation>\n"
        )
        for name in scene.lost:
            text = re.sub(f"<{name}>[^<]*</{name}>\n", "", text)
        return text

    def _event(self, scene: Scene, line: Line) -> str:
        tag = _TAGS.get(line.verb, "Message")
        written = escape(line.text) if scene.escaped else line.text
        content = "" if line.verb in _SILENT else f"<Content>{written}</Content>\n"
        when = _time("DateTime", line.at)
        mobile = ' DeviceType="M"' if line.mobile else ""
        if line.verb == "invites":
            body = self._user("Inviter", line.who) + self._user("Invitee", line.what) + content + when
        elif line.verb == "views":
            since = epoch(line.what.removeprefix("history since "))
            body = self._user("User", line.who) + when + _time("StartTime", since) + _time("EndTime", line.at)
        else:
            body = self._user("User", line.who) + when + content
        return (
            f'<{tag} InteractionType="{line.mode}"{mobile}>\n'
            f"{body}{_element('ConversationID', scene.room)}"
            f"{self._file(line) if line.verb == 'shares' else ''}</{tag}>\n"
        )

    def _user(self, tag: str, who: str) -> str:
        person = PEOPLE[who]
        company = COMPANIES[person["company"]]
        own = {
            "ClientID1": person["client"],
            "UUID": person["uuid"],
            "FirmNumber": company["firm"],
            "AccountNumber": company["account"],
        }
        login = person["login"].upper() if self.old else person["login"]
        return (
            f"<{tag}>"
            + _element("LoginName", login, "")
            + _element("FirstName", person["first"], "")
            + _element("LastName", person["last"], "\n  ")
            + "".join(_element(name, value, "") for name, value in own.items() if person["uuid"] and value)
            + _element("CompanyName", company["name"][:20].rstrip() if self.old else company["name"], "\n  ")
            + _element("EmailAddress", f"{login}@{'B' if self.old else 'b'}loomberg.net", "")
            + _element("CorporateEmailAddress", person["mail"], "")
            + f"</{tag}>\n"
        )

    def _file(self, line: Line) -> str:
        name = line.what.removesuffix(" (missing)")
        content = document(name, _source(name))
        token = hashlib.sha256(content).hexdigest()[:24].upper()
        stem, _, extension = name.rpartition(".")
        if self.old:
            file_id = member = f"{token}.{extension}"
        else:
            # Inside one tar some members carry the encoded and some the decoded form of the name.
            uuid = PEOPLE[line.who]["uuid"] or str(8_000_000 + int(token[:5], 16))
            file_id = f"{uuid}_{quote(stem.lower())}_{token}.{extension}"
            member = f"{uuid}_{stem.lower()}_{token}.{extension}" if len(self.members) % 2 else file_id
        if name == line.what:
            self.members[member] = content
        return (
            _element("FileName", name) + _element("FileID", file_id) + _element("FileSize", str(len(content)))
        )


def _source(name: str) -> str:
    """Find the plain text that an attachment is made from: the file itself, or ``NAME.txt``."""
    plain = PLAYS / "files" / name
    return (plain if plain.exists() else plain.with_name(f"{name}.txt")).read_text(encoding="utf-8")


def _element(name: str, text: str, end: str = "\n") -> str:
    return f"<{name}>{escape(text)}</{name}>{end}"


def _time(name: str, at: int) -> str:
    moment = dt.datetime.fromtimestamp(at, dt.UTC)
    return _element(name, f"{moment:%m/%d/%Y %H:%M:%S}", "") + _element(f"{name}UTC", str(at))


if __name__ == "__main__":
    main()
