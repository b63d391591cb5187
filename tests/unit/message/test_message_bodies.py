from __future__ import annotations

import datetime as dt
import re
from dataclasses import dataclass, replace

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from lxml import html as lxml_html

from include.commsarchive.message.bodies import render
from include.commsarchive.message.visible import visible
from include.commsarchive.model import Attachment, Event, Item, Kind, Person
from tests.unit.message.people import GONE, NINA, OMAR, RUFUS, START, ZOE, Source, conversation

TAGS = {
    *("html", "head", "meta", "title", "style", "body", "div", "h1", "h2", "table", "tr", "th", "td"),
    *("b", "i", "em", "small", "span", "br", "wbr", "details", "summary", "code"),
}
ATTRIBUTES = {"class", "lang", "charset", "name", "content"}
PEOPLE = (NINA, RUFUS, ZOE, OMAR)
TITLE = Source.title


@dataclass
class Said:
    """One event as a reader of a body finds it: speech, or something done."""

    time: str
    rest: str
    done: bool = False


def page(item: Item) -> lxml_html.HtmlElement:
    return lxml_html.document_fromstring(render(item, TITLE)[1])


def words(cell: lxml_html.HtmlElement) -> str:
    """Give the text of a cell as a browser shows it."""
    for broken in cell.iter("br"):
        broken.tail = "\n" + (broken.tail or "")
    return str(cell.text_content()).replace("\xa0", " ")


def in_html(item: Item) -> list[Said]:
    """Read the events back from the HTML; speech gets its speaker from the heading above it."""
    found = []
    speaker = ""
    for row in page(item).xpath("//table[@class='c']//tr"):
        time, cell = row.xpath("th")[0].text_content(), row.xpath("td")[0]
        if not time:
            speaker = "".join(cell.xpath("b//text()"))
        elif cell.get("class") in (None, "g"):
            for chip in cell.xpath("i"):
                chip.drop_tree()
            found.append(Said(time, f"{speaker}: {words(cell)}"))
        else:
            found.append(Said(time, words(cell), done=True))
    return found


def in_text(item: Item) -> list[Said]:
    """Read the events back from the text: ours start with a bracket, theirs go on indented."""
    transcript = (
        render(item, TITLE)[0].split("\n\nParticipants (")[1].split("\n--- Also in the source ---")[0]
    )
    lines = re.findall(r"^\[(.*?)\] (\* )?(.*(?:\n    .*)*)", transcript, flags=re.MULTILINE)
    return [Said(time, rest.replace("\n    ", "\n"), bool(star)) for time, star, rest in lines]


def clock(at: int) -> str:
    moment = dt.datetime(1970, 1, 1) + dt.timedelta(milliseconds=at)  # noqa: DTZ001 - UTC throughout
    return moment.strftime("%H:%M:%S") + (f".{at % 1000:03d}" if at % 1000 else "")


typed = st.text(max_size=60) | st.sampled_from(
    (
        "a  b\n  c",
        "[20:05:00] NINA OAKES: fake",
        "<b onclick=x></td></table>",
        "&amp;",
        "\x1e",
        "x" * 3000,
        "é" * 900,
    )
)
messages = st.builds(
    Event,
    kind=st.just(Kind.MESSAGE),
    at=st.integers(min_value=START, max_value=START + 10**9),
    who=st.sampled_from(PEOPLE),
    text=typed,
)
deeds = st.builds(
    Event,
    kind=st.sampled_from([kind for kind in Kind if kind is not Kind.MESSAGE]),
    at=st.integers(min_value=-(10**15), max_value=10**15),
    who=st.sampled_from((*PEOPLE, None)),
    text=typed,
    other=st.sampled_from((*PEOPLE, None)),
    window=st.none() | st.tuples(st.integers(), st.integers()),
    marks=st.lists(typed, max_size=2).map(tuple),
    attachment=st.none()
    | st.builds(Attachment, name=typed, stated_size=st.none() | st.integers(min_value=0)),
    residue=typed,
)


@given(events=st.lists(messages, max_size=8))
@example(events=[Event(Kind.MESSAGE, START, None, "nobody said this")])
def test_every_message_comes_back_from_both_bodies_word_for_word(events: list[Event]) -> None:
    item = replace(conversation(), events=events)
    want = [Said(clock(e.at), f"{e.who.name if e.who else '(unknown)'}: {visible(e.text)}") for e in events]
    assert in_text(item) == want
    assert in_html(item) == [Said(one.time, one.rest.replace("\xa0", " ")) for one in want]


@given(events=st.lists(messages | deeds, max_size=6), subject=typed, marks=st.lists(typed, max_size=2))
def test_nothing_typed_becomes_markup_or_breaks_the_page(
    events: list[Event], subject: str, marks: list[str]
) -> None:
    typist = Person("k", "<b onclick=x>", "<a@b>", company="<b onclick=x>", ids=(("<i>", "</td>"),))
    item = replace(conversation(), events=events, subject=subject, marks=(*marks, typist.name), sender=typist)
    text, html = render(item, TITLE)
    tree = lxml_html.document_fromstring(html)
    assert {element.tag for element in tree.iter()} <= TAGS
    assert {name for element in tree.iter() for name in element.attrib} <= ATTRIBUTES
    assert html.isascii()
    assert max(map(len, html.split("\n"))) <= 998
    assert all(line.isprintable() for line in html.replace("\t", "").split("\n"))
    assert visible(text) == text
    assert len(in_html(item)) == len(events)
    assert len(in_text(item)) == len(events)


def test_what_is_not_known_of_a_person_leaves_no_gap() -> None:
    people = (
        Person("k", "Jonas", internal=None),
        Person("l", "bot", ids=(("Login", "bot"),), internal=False),
    )
    _, html = render(replace(conversation(), sender=people[0], to=people[1:], cc=(), events=[]), "FX Connect")
    rows = html.partition("<table class=p>")[2].partition("</table>")[0]
    assert [re.sub(r"<(td|b)\b[^>]*>", r"<\1>", row) for row in rows.split("<tr>")[1:]] == [
        "<td><b>Jonas</b></td><td></td><td><small>From</small></td><td></td>\n",
        (
            "<td><b>bot</b></td><td><small>Login bot</small></td>"
            "<td>external<br><small>To</small></td><td></td>\n"
        ),
    ]
    assert "<th>Source</th><td>FX Connect</td>" in html


def test_the_page_loads_nothing_from_anywhere() -> None:
    assert not re.search(
        r"url\(|@import|http-equiv|src=|href=|//", render(replace(conversation(), events=[]), TITLE)[1]
    )


DONE = """\
20:05:00 עומר חדד remains from before: [Bloomberg created note: Remains logged in.]
20:05:00 NINA OAKES joined (mobile)
20:05:04 NINA OAKES invited RUFUS PELL: join for the 10y?
20:05:20 RUFUS PELL joined
20:05:20 RUFUS PELL disclaimer: *** HALDEN (1234) Disclaimer: not an offer.
20:06:00 RUFUS PELL shared "axes today.pdf" (9 bytes)
20:06:01 RUFUS PELL shared "curve <b>snapshot</b>.xlsx" (90,213 bytes) [missing: not in the export]
20:06:02 ZOË MÜLLER shared "raster größe.png" (5 bytes) [not the stated 1,000 bytes]: the grid
20:07:00 NINA OAKES viewed the history from 2024-03-12 20:05:00 to 2024-03-13 20:07:00 UTC
20:07:30 system note: room renamed
20:07:31 NINA OAKES changed the mode of the room: moderated
20:07:32 ZOË MÜLLER edited a message: show me 2s/5s/30s
20:07:33 ZOË MÜLLER deleted a message
20:07:34 NINA OAKES reacted: \U0001f44d
20:08:00 RUFUS PELL left
01:05:02 NINA OAKES left
"""


def test_the_text_says_everything_that_was_done() -> None:
    assert [f"{one.time} {one.rest}" for one in in_text(conversation()) if one.done] == DONE.splitlines()


def test_the_page_says_everything_that_was_done() -> None:
    done = [f"{one.time} {one.rest}" for one in in_html(conversation()) if one.done]
    # what the text puts in brackets and quotes, the page shows in colours and bold
    bare = re.sub(r"\[((?:missing|not the).*?)\]", r"\1", DONE).replace('"', "").replace("(mobile)", "mobile")
    assert done == bare.splitlines()


def test_the_speaker_is_named_anew_after_something_done() -> None:
    said, left = Event(Kind.MESSAGE, START, RUFUS, "hi"), Event(Kind.LEAVE, START, ZOE)
    item = replace(conversation(), events=[said, said, left, said])
    headings = page(item).xpath("//td[@class='h']")
    assert [words(one) for one in headings] == ["RUFUS PELL HALDEN <SECURITIES> & CO"] * 2


def test_the_first_arrival_and_the_last_leaving_count() -> None:
    kinds = (Kind.JOIN, Kind.LEAVE, Kind.JOIN, Kind.LEAVE)
    events = [Event(kind, START + 1000 * place, RUFUS) for place, kind in enumerate(kinds)]
    text, _ = render(replace(conversation(), events=events), TITLE)
    assert "| joined 20:05:00 | left 20:05:03\n" in text


def test_a_long_subject_leaves_the_title_without_markup() -> None:
    _, html = render(replace(conversation(), subject="ß" * 400), TITLE)
    assert re.search(r"<title>(&#223;)+</title>", html)
    assert page(replace(conversation(), subject="ß" * 400)).xpath("string(//h1)") == "ß" * 400


def test_date_lines_stand_where_the_day_changes() -> None:
    text, _ = render(conversation(), TITLE)
    assert re.findall("^--- (.*) ---$", text, flags=re.MULTILINE) == [
        "Wednesday 13 March 2024 (UTC)",
        "Thursday 14 March 2024 (UTC)",
        "Also in the source",
    ]
    days = page(conversation()).xpath("//td[@class='y']/text()")
    assert days == ["Wednesday 13 March 2024", "Thursday 14 March 2024"]


def test_every_participant_is_listed_with_all_that_is_known() -> None:
    stranger = Person("uuid:9", "IVY", "ivy@x.example")
    item = conversation()
    item.events.append(Event(Kind.INVITE, item.events[-1].at, NINA, other=stranger))
    text, _ = render(item, TITLE)
    listed = text.split("Participants (5)\n")[1].split("\n\n")[0]
    assert (
        listed
        == """\
  NINA OAKES | QUILL BROOK CAPITAL | nina.oakes@quillbrook.example, oakes7@bloomberg.net | \
Login oakes7, UUID 7000001 | internal | From | joined 2024-03-13 20:05:00 | left 2024-03-14 01:05:02
  RUFUS PELL | HALDEN <SECURITIES> & CO | rpell2@bloomberg.net | \
Login rpell2 | external | To | joined 2024-03-13 20:05:20 | left 2024-03-13 20:08:00
  ZOË MÜLLER | QUILL BROOK CAPITAL | zoe.mueller@quillbrook.example, zmueller@bloomberg.net | \
Login zmueller, UUID 7000002 | internal | To
  עומר חדד | TEL AVIV FIXED INCOME | broken address | \
external | Cc | already in at 2024-03-13 20:05:00
  IVY | ivy@x.example | external"""
    )
    rows = page(item).xpath("//table[@class='p']//tr")
    shown = [sorted(" ".join(words(cell) for cell in row).split()) for row in rows]
    assert shown == [sorted(re.sub("[|,]", " ", line).split()) for line in listed.split("\n")]


def test_two_people_of_one_name_are_told_apart() -> None:
    other = replace(RUFUS, key="login:rpell9", address="rpell9@bloomberg.net")
    item = replace(conversation(), to=(RUFUS, other), events=[Event(Kind.MESSAGE, START, other, "hi")])
    assert [one.rest for one in in_text(item)] == ["RUFUS PELL (rpell9@bloomberg.net): hi"]


def test_somebody_without_a_name_is_shown_by_what_is_known() -> None:
    nameless = [
        Person("uuid:1", "", "", "corp@x.example"),
        Person("uuid:2", "", "own@x.example"),
        Person("uuid:3", "", ids=(("UUID", "3"),)),
        Person("uuid:4", " "),
    ]
    item = replace(conversation(), events=[Event(Kind.MESSAGE, START, one, "hi") for one in nameless])
    assert [one.rest for one in in_text(item)] == [
        "(corp@x.example): hi",
        "(own@x.example): hi",
        "(3): hi",
        "(uuid:4): hi",
    ]


def test_the_head_says_what_when_who_and_what_was_done_to_the_item() -> None:
    text, _ = render(conversation(), TITLE)
    assert text.split("\n\nParticipants")[0].split("\n")[3:] == [
        "Source: Instant Bloomberg",
        "Conversation: PCHAT-0x10000AB12CD34",
        "When: Wednesday 13 March 2024, 20:05:00 to Thursday 14 March 2024, 01:05:02 UTC",
        "From: NINA OAKES",
        "Part: 2 of a long conversation that was cut",
        "Room type: persistent chat",
        "NOTICE: repaired: invalid characters were replaced",
    ]
    tree = page(conversation())
    assert [words(one) for one in tree.xpath("//div[@class='x']")] == [
        "repaired: invalid characters were replaced"
    ]
    facts = [tuple(words(cell) for cell in row) for row in tree.xpath("//table[@class='a']//tr")]
    assert [f"{label}: {value}" for label, value in facts] == text.split("\n\nParticipants")[0].split("\n")[
        3:9
    ]


def test_what_we_have_no_field_for_is_kept_at_the_end() -> None:
    text, _ = render(conversation(), TITLE)
    assert text.endswith(
        "\n--- Also in the source ---\n\n"
        '[2024-03-14 01:05:01.250 message ZOË MÜLLER] <Rating scale="5">4</Rating>\n'
    )
    kept = page(conversation()).xpath("//details//code")
    assert [words(one) for one in kept] == ['<Rating scale="5">4</Rating>']


@pytest.mark.parametrize(
    ("typed_text", "seen"),
    [
        ("a\r\nb\rc\u2028d", "a\nb\nc\nd"),
        ("\x00\x07\x1b\x7f\x9f", "␀␇␛[U+007F][U+009F]"),
        ("\u202ecba\u202c \u2066x\u2069", "[U+202E]cba[U+202C] [U+2066]x[U+2069]"),
        ("\ud800 \uffff", "[U+D800] [U+FFFF]"),
        ("a\tb  c", "a\tb  c"),
        ("\x1e", "␞"),
    ],
)
def test_hidden_characters_are_shown_and_breaks_and_spaces_kept(typed_text: str, seen: str) -> None:
    item = replace(conversation(), events=[Event(Kind.MESSAGE, START, RUFUS, typed_text)] * 2)
    assert [one.rest for one in in_text(item)] == [f"RUFUS PELL: {seen}"] * 2
    assert [one.rest for one in in_html(item)] == [f"RUFUS PELL: {seen}"] * 2


def test_a_file_of_unknown_size_and_name_is_still_shown() -> None:
    file = Attachment("", problem="missing")
    item = replace(conversation(), events=[Event(Kind.FILE, START, RUFUS, attachment=file)])
    assert (
        in_text(item)[0].rest
        == 'RUFUS PELL shared "(no name)" (of unknown size) [missing: not in the export]'
    )


def test_a_message_with_a_file_shows_both() -> None:
    item = replace(conversation(), events=[Event(Kind.MESSAGE, START, RUFUS, "look", attachment=GONE)])
    assert in_text(item)[0].rest.startswith('RUFUS PELL wrote "curve <b>snapshot</b>.xlsx"')
    assert in_text(item)[0].rest.endswith(": look")
