r"""Read screenplays: what people said and did in one delivery, written down as in a theatre.

The head of a screenplay says ``version 1.3`` or ``1.9``, and if need be ``parts 2`` (continuation
files), ``manifest crlf`` and ``like DAY`` (start from that day's scenes). Then come scenes::

    == ROOM                       a conversation; == ROOM again DAY takes that day's over, to be continued
    07:58:00                      the time (UTC), or 2024-03-10 22:30:00 for another day; after that time
                                  passes by itself, as fast as people type
    [history]                     what follows was captured by a history view; [both], [normal]
    nina enters                   leaves, stays or stays logged in (carried over from the day before)
    nina: text                    \n breaks the line
    nina (mobile): text           this, as any line, done on a telephone
    nina disclaims                her firm's disclaimer
    nina invites rufus: text
    nina system: text
    nina shares FILE              from the folder ``files``; FILE (missing) is listed but not delivered
    nina views history since 2024-03-10 20:00:00
    ! lost RoomID, StartTime      damage: these elements are gone from the conversation
    ! unescaped                   damage: text goes in raw, \v is a control character

Blank lines and those with ``#`` in front are for the reader.
"""

from __future__ import annotations

import csv
import datetime as dt
import re
from dataclasses import dataclass, field
from pathlib import Path

PLAYS = Path(__file__).parent / "plays"
_TIME = re.compile(r"(?:(\d{4}-\d\d-\d\d) )?(\d\d:\d\d:\d\d)")
_LINE = re.compile(
    r"(?P<who>[a-z]+)(?P<mobile> \(mobile\))?(?: (?P<verb>[a-z]+))?(?: (?P<what>.*?))?(?:: (?P<text>.*))?"
)
_MODES = {"[history]": "H", "[both]": "NH", "[normal]": "N"}
_VERBS = {"says", "enters", "leaves", "stays", "disclaims", "invites", "system", "shares", "views"}
_STAYS = {"": "Remains as a participant of the room.", "logged in": "Remains logged in."}


def _table(name: str) -> dict[str, dict[str, str]]:
    with (PLAYS / name).open(encoding="utf-8", newline="") as file:
        return {next(iter(row.values())): row for row in csv.DictReader(file)}


PEOPLE = _table("people.csv")
COMPANIES = _table("companies.csv")


@dataclass(frozen=True)
class Line:
    """One event, at ``at`` (epoch seconds). ``mode`` is the vendor's InteractionType."""

    at: int
    mode: str
    who: str
    mobile: bool
    verb: str
    what: str
    text: str


@dataclass
class Scene:
    """One conversation, with the damage to do to it."""

    room: str
    lines: list[Line] = field(default_factory=list)
    lost: tuple[str, ...] = ()
    escaped: bool = True


@dataclass
class Play:
    """One delivery: what the vendor puts on its server for a day."""

    day: dt.date
    version: str = "1.9"
    parts: int = 1
    line_end: str = "\n"
    scenes: list[Scene] = field(default_factory=list)

    def scene(self, room: str) -> Scene | None:
        """Find a conversation by its room."""
        return next((scene for scene in self.scenes if scene.room == room), None)


def play_names() -> list[str]:
    """List the screenplays there are, in the order in which they are delivered."""
    return sorted(path.stem for path in PLAYS.glob("2*.txt"))


def read_play(name: str) -> Play:
    """Read a screenplay; its name starts with the day (``YYYY-MM-DD``).

    Raises:
        ValueError: a line cannot be understood.
    """
    play = Play(dt.date.fromisoformat(name[:10]))
    scene = None
    for number, raw in enumerate((PLAYS / f"{name}.txt").read_text(encoding="utf-8").splitlines(), start=1):
        line = raw.strip()
        try:
            if line.startswith("== "):
                scene = _open_scene(play, line.removeprefix("== "))
                clock = _Clock(play.day, scene)
            elif line and not line.startswith("#"):
                _head(play, line) if scene is None else clock.read(line)
        except (ValueError, KeyError) as error:
            raise ValueError(f"{name}.txt, line {number}: cannot read {line!r}") from error
    return play


def _head(play: Play, line: str) -> None:
    match line.split():
        case ["like", day]:
            model = read_play(day)
            play.version, play.parts, play.scenes = model.version, model.parts, model.scenes
        case ["version", ("1.3" | "1.9") as version]:
            play.version = version
        case ["parts", number]:
            play.parts = int(number)
        case ["manifest", "crlf"]:
            play.line_end = "\r\n"
        case _:
            raise ValueError(line)


def _open_scene(play: Play, title: str) -> Scene:
    """Begin a conversation, or go on with one of this or (``again``) of another day."""
    room, _, day = title.partition(" again ")
    scene = play.scene(room) or (read_play(day).scene(room) if day else Scene(room))
    if scene is None:
        raise ValueError(title)
    if scene not in play.scenes:
        play.scenes.append(scene)
    return scene


class _Clock:
    """Reads the lines of a scene and lets time pass between them."""

    def __init__(self, day: dt.date, scene: Scene) -> None:
        self.day, self.scene, self.mode = day, scene, "N"
        self.at = scene.lines[-1].at if scene.lines else 0

    def read(self, line: str) -> None:
        """Take in one line of the scene."""
        if line in _MODES:
            self.mode = _MODES[line]
        elif line.startswith("! lost "):
            self.scene.lost = tuple(line.removeprefix("! lost ").split(", "))
        elif line == "! unescaped":
            self.scene.escaped = False
        elif time := _TIME.fullmatch(line):
            self.at = epoch(f"{time[1] or self.day} {time[2]}")
        else:
            self._act(line)

    def _act(self, line: str) -> None:
        said = _LINE.fullmatch(line)
        verb = (said and said["verb"]) or "says"
        if said is None or said["who"] not in PEOPLE or verb not in _VERBS:
            raise ValueError(line)
        who, what, text = said["who"], said["what"] or "", said["text"] or ""
        if verb == "disclaims":
            company = COMPANIES[PEOPLE[who]["company"]]
            text = f"*** {company['name']} ({company['account']}) Disclaimer: {company['disclaimer']}"
        elif verb == "stays":
            text = f"[Bloomberg created note: {_STAYS[what]}]"
        text = text.replace(r"\n", "\n").replace(r"\v", "\v")
        self.scene.lines.append(Line(self.at, self.mode, who, bool(said["mobile"]), verb, what, text))
        if verb != "stays":
            self.at += 2 + len(text) // 5


def mail_of(who: str) -> str:
    """Give a person's corporate address, made of the name where the table has none."""
    person = PEOPLE[who]
    return person["mail"] or f"{person['first']}.{person['last'].split()[0]}@{person['company']}.example".lower()


def epoch(moment: str) -> int:
    """Turn ``YYYY-MM-DD HH:MM:SS`` (UTC) into epoch seconds."""
    return int(dt.datetime.fromisoformat(f"{moment}+00:00").timestamp())
