"""The events of an item as lines of text and rows of HTML, made side by side.

A day's millions of events pass here: what can be done for a whole item at once (escaping, breaking
lines) or once per person (labels) is done outside the loop.
"""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from include.commsarchive.message.roster import NOBODY, Row
from include.commsarchive.message.times import DAY, MINUTES, SECONDS, clock, day_title, stamp
from include.commsarchive.message.visible import APART, one_line, visible, visible_all
from include.commsarchive.model import Attachment, Event, Kind

_INDENT = "\n    "  # starts a text's further lines: nothing typed can pass for a line of ours
_VERBS = {
    Kind.MESSAGE: "wrote",
    Kind.DISCLAIMER: "disclaimer",
    Kind.JOIN: "joined",
    Kind.LEAVE: "left",
    Kind.CARRY_OVER: "remains from before",
    Kind.INVITE: "invited",
    Kind.FILE: "shared",
    Kind.HISTORY: "viewed the history",
    Kind.SYSTEM: "system note",
    Kind.MODE: "changed the mode of the room",
    Kind.EDIT: "edited a message",
    Kind.DELETE: "deleted a message",
    Kind.REACTION: "reacted",
}
_LOUD = {Kind.MESSAGE: "m", Kind.EDIT: "m", Kind.DELETE: "m", Kind.FILE: "m", Kind.DISCLAIMER: "d"}


def transcript(events: Sequence[Event], people: dict[str, Row]) -> tuple[str, str]:
    """Render events in order: lines of text, and rows of a two-column HTML table."""
    if not events:
        return "", ""
    whole = visible_all([event.text for event in events])
    texts, markups = whole.replace("\n", _INDENT).split(APART), markup(whole).split(APART)
    lines: list[str] = []
    rows: list[str] = []
    today = speaker = None
    for event, text, marked in zip(events, texts, markups, strict=True):
        day, rest = divmod(event.at, DAY)
        second, fraction = divmod(rest, 1000)
        time = clock(rest) if fraction else MINUTES[second // 60] + SECONDS[second % 60]
        if day != today:
            today, speaker = day, None
            lines.append(f"\n--- {day_title(day)} (UTC) ---\n")
            rows.append(f"<tr><th><td class=y>{day_title(day)}</td>")
        if event.kind is not Kind.MESSAGE or event.attachment or event.other or event.window:
            line, row = _deed(event, people, text, marked)
            lines.append(f"[{time}] * {line}")
            rows.append(f"<tr><th>{time}{row}")
            speaker = None
            continue
        person = people[event.who.key] if event.who else NOBODY
        if person is not speaker:
            speaker = person
            rows.append(person.heading)
        if event.marks:
            lines.append(f"[{time}] {person.label} ({_marks(event)}): {text}")
            rows.append(f"<tr><th>{time}<td>{marked} {_chips(event)}</td>")
        else:
            lines.append(f"[{time}] {person.label}: {text}")
            grid = " class=g" if "<br" in marked and "&#160;" in marked else ""
            rows.append(f"<tr><th>{time}<td{grid}>{marked}</td>")
    return "\n".join(lines), "\n".join(rows)


def markup(whole: str) -> str:
    """Turn visible text into markup that keeps its spaces and line breaks, in Outlook too."""
    return escape(whole, quote=False).replace("  ", " &#160;").replace("\n", "<br\n>")


def residue(events: Sequence[Event], people: dict[str, Row]) -> tuple[str, str]:
    """Render what the source said that no field of ours holds: lines of text, and HTML rows."""
    lines, rows = [], []
    for event in events:
        if event.residue:
            kept = visible(event.residue)
            label = people[event.who.key].label if event.who else ""
            about = f"{stamp(event.at)} {event.kind} {label}".rstrip()
            lines.append(f"[{about}] {kept.replace(chr(10), _INDENT)}")
            rows.append(f"<tr><td>{escape(about)}<br><code>{markup(kept)}</code></td>")
    return "\n".join(lines), "\n".join(rows)


def _deed(event: Event, people: dict[str, Row], text: str, marked: str) -> tuple[str, str]:
    """Render what is not plain speech: who did what, to whom, with which file, and what was typed."""
    words = [_VERBS[event.kind]]
    shown = words[:]
    if event.who:
        words.insert(0, people[event.who.key].label)
        shown.insert(0, people[event.who.key].markup)
    if event.other:
        words.append(people[event.other.key].label)
        shown.append(people[event.other.key].markup)
    if event.window:
        words.append(f"from {stamp(event.window[0])} to {stamp(event.window[1])} UTC")
        shown.append(words[-1])
    if event.attachment:
        name, problem = one_line(event.attachment.name) or "(no name)", _problem(event.attachment)
        size = _size(event.attachment)
        words.append(f'"{name}" ({size}){problem and f" [{problem}]"}')
        shown.append(f"<b>{escape(name)}</b> ({size}){problem and f' <em>{escape(problem)}</em>'}")
    if event.marks:
        words.append(f"({_marks(event)})")
        shown.append(_chips(event))
    line, row = " ".join(words), " ".join(shown)
    if text:
        line, row = f"{line}: {text}", f"{row}: <span>{marked}</span>"
    return line, f"<td class={_LOUD.get(event.kind, 's')}>{row}</td>"


def _size(file: Attachment) -> str:
    size = file.size if file.blob else file.stated_size
    return "of unknown size" if size is None else _bytes(size)


def _problem(file: Attachment) -> str:
    if not file.blob:
        return "missing: not in the export"
    if file.problem == "size-mismatch" and file.stated_size is not None:
        return f"not the stated {_bytes(file.stated_size)}"
    return one_line(file.problem)


def _bytes(size: int) -> str:
    return f"{size:,} byte{'' if size == 1 else 's'}"


def _marks(event: Event) -> str:
    return one_line(", ".join(event.marks))


def _chips(event: Event) -> str:
    return " ".join([f"<i>{escape(one_line(mark))}</i>" for mark in event.marks])
