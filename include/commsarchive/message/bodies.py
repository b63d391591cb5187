"""From an item to its two bodies, text and HTML, made from the same rows."""

from __future__ import annotations

from include.commsarchive.message.page import page
from include.commsarchive.message.participants import participants
from include.commsarchive.message.roster import Row, roster
from include.commsarchive.message.times import span
from include.commsarchive.message.transcript import residue, transcript
from include.commsarchive.message.visible import one_line
from include.commsarchive.model import Item


def render(item: Item) -> tuple[str, str]:
    r"""Give an item's text and HTML bodies, with ``\n`` line ends.

    Both hold every event, participant and file. What people typed is shown as they typed it, escaped,
    with hidden characters made visible. The HTML is ASCII with character references and loads
    nothing from anywhere.
    """
    people = roster(item)
    facts = _facts(item, people)
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
    return "\n".join(text), html.encode("ascii", "xmlcharrefreplace").decode()


def _facts(item: Item, people: dict[str, Row]) -> list[tuple[str, str]]:
    """Say where it comes from, when it was and what else the source says of the whole."""
    times = [event.at for event in item.events] or ([] if item.at is None else [item.at])
    facts = [("Source", one_line(item.source.replace("_", " ").title()))]
    if item.thread:
        facts.append(("Conversation", one_line(item.thread)))
    if times:
        facts.append(("When", span(min(times), max(times))))
    if item.sender:
        facts.append(("From", people[item.sender.key].label))
    if item.part:
        facts.append(("Part", f"{item.part} of a long conversation that was cut"))
    return facts + [(one_line(label), one_line(value)) for label, value in item.facts]
