"""From an item to its two bodies, text and HTML, made from the same rows."""

from __future__ import annotations

from collections.abc import Iterator

from include.commsarchive.message.lines import lines_fit
from include.commsarchive.message.page import page
from include.commsarchive.message.participants import participants
from include.commsarchive.message.roster import Row, roster
from include.commsarchive.message.times import span
from include.commsarchive.message.transcript import residue, transcript
from include.commsarchive.message.visible import one_line
from include.commsarchive.model import Item

_LONGEST_LINE = 900


def render(item: Item, source: str) -> tuple[str, str]:
    r"""Give an item's text and HTML bodies, with ``\n`` line ends; ``source`` is its source's title.

    Both hold every event, participant and file. What people typed is shown as they typed it, escaped,
    with hidden characters made visible. The HTML is ASCII with character references and loads
    nothing from anywhere.
    """
    people = roster(item)
    facts = [("Source", one_line(source)), *_facts(item, people)]
    notices = [one_line(mark) for mark in item.marks]
    listed, listed_rows = participants(item, people)
    said, said_rows = transcript(item.events, people)
    more, more_rows = residue(item.events, people)
    title = one_line(item.subject)
    text = [title, "=" * min(len(title), 72), ""]
    text += [f"{label}: {value}" for label, value in facts]
    text += [f"NOTICE: {notice}" for notice in notices]
    text += [f"\nParticipants ({len(people)})", listed, said]
    if more:
        text.append(f"\n--- Also in the source ---\n\n{more}")
    text.append("")
    html = page(title, facts, notices, listed_rows, said_rows, more_rows)
    return "\n".join(text), _fold(html.encode("ascii", "xmlcharrefreplace").decode())


def _facts(item: Item, people: dict[str, Row]) -> list[tuple[str, str]]:
    """Say when it was and what else the source says of the whole."""
    times = [event.at for event in item.events] or ([] if item.at is None else [item.at])
    facts = []
    if item.thread:
        facts.append(("Conversation", one_line(item.thread)))
    if times:
        facts.append(("When", span(min(times), max(times))))
    if item.sender:
        facts.append(("From", people[item.sender.key].label))
    if item.part:
        facts.append(("Part", f"{item.part} of a long conversation that was cut"))
    return facts + [(one_line(label), one_line(value)) for label, value in item.facts]


def _fold(html: str) -> str:
    """Keep lines short enough to travel as 7bit (RFC 5322 2.1.1: 998) with breaks that nobody sees."""
    if lines_fit(html, _LONGEST_LINE):
        return html
    return "\n".join(["<wbr\n>".join(_pieces(line)) for line in html.split("\n")])


def _pieces(line: str) -> Iterator[str]:
    while len(line) > _LONGEST_LINE:
        cut = line.rfind(" ", _LONGEST_LINE // 2, _LONGEST_LINE) + 1 or _LONGEST_LINE
        for opening, closing in ("<>", "&;"):  # never inside a tag or a character reference
            start = line.rfind(opening, 0, cut)
            if start > line.rfind(closing, 0, cut):
                cut = start
        yield line[:cut]
        line = line[cut:]
    yield line
