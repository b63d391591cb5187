"""Talks as XML exports: Bloomberg Message, Vantage, DIG, Persistent Chat, and one of your own."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Iterator
from xml.sax.saxutils import escape, quoteattr

from bench.talks import Someone, Talk

_DIG = "http://dig.apc.xmlns.commons.platform.actiance.com/itm/interaction"
_NEW_YORK = 4 * 3_600_000
"""Ms that its clock is behind UTC on the day of the talks."""
_TICKS = 621_355_968_000_000_000


def iso(at: int) -> str:
    """Write a time (ms) as ISO 8601, UTC."""
    return f"{dt.datetime.fromtimestamp(at / 1000, dt.UTC):%Y-%m-%dT%H:%M:%S}.{at % 1000:03}"


def bloomberg_message(talks: Iterable[Talk]) -> Iterator[str]:
    """Write every message as a mail to all others, with a body of ten lines in columns."""
    yield '<?xml version="1.0" encoding="UTF-8"?>\n<FileDump>\n<Version>MSGXML 1.6</Version>\n'
    for talk in talks:
        for number, (at, who, text) in enumerate(talk.said):
            to = "".join(
                f'<Recipient DeliveryType = "TO">{_user(one)}</Recipient>\n'
                for one in talk.people
                if one is not who
            )
            runs = "".join(f"T 4¼ {34 + line}     99-{line:02}   99-{line + 2:02}\n" for line in range(10))
            yield (
                f"<Message>\n<MsgID>{talk.number:016X}{number:08X}</MsgID>\n"
                f"<MsgTime>{iso(at - _NEW_YORK).replace('T', '-').replace(':', '.')}000</MsgTime>\n"
                f"<MsgTimeUTC>{at // 1000}</MsgTimeUTC>\n<MsgLang>CODE 65001</MsgLang>\n"
                f"<Sender>{_user(who)}</Sender>\n{to}<Subject>\n{escape(text[:40])}\n</Subject>\n"
                f"<MsgBody>\n{escape(text)}\nBOND        BID     ASK\n{runs}</MsgBody>\n"
                f"<DisclaimerReference>062000</DisclaimerReference>\n"
                f"<Greeting>\n{who.name} - rates\n</Greeting>\n</Message>\n"
            )
    yield "</FileDump>\n"


def _user(one: Someone) -> str:
    first, last = one.name.split(" ", 1)
    ours = (
        f"<BloombergUUID>{7_000_000 + one.number}</BloombergUUID>\n<ClientID1>E{one.number}</ClientID1>\n"
        if one.own
        else ""
    )
    return (
        f"<UserInfo>\n<FirstName>{first}</FirstName>\n<LastName>{last}</LastName>\n"
        f"<AccountName>FIRM {one.number % 40}</AccountName>\n{ours}"
        f"<BloombergEmailAddress>user{one.number}@Bloomberg.net</BloombergEmailAddress>\n"
        f"<CorporateEmailAddress>{one.mail if one.own else ''}</CorporateEmailAddress>\n</UserInfo>\n"
    )


def vantage(talks: Iterable[Talk]) -> Iterator[str]:
    """Write conversations as a Mattermost export has them: joins, messages, leaves."""
    yield '<?xml version="1.0" encoding="UTF-8"?>\n<FileDump>\n'
    for talk in talks:
        start, end = talk.said[0][0], talk.said[-1][0]
        yield (
            f'<Conversation Perspective="Channel {talk.number}">\n<RoomID>private - channel - '
            f"{talk.number:026x}</RoomID>\n<StartTimeUTC>{start}</StartTimeUTC>\n"
        )
        yield from (_presence("ParticipantEntered", one, start) for one in talk.people)
        for number, (at, who, text) in enumerate(talk.said):
            yield (
                f"<Message>\n<MessageId>{talk.number:020x}{number:06x}</MessageId>\n"
                f"<LoginName>{who.mail}</LoginName>\n<UserType>user</UserType>\n"
                f"<DateTimeUTC>{at}</DateTimeUTC>\n<Content>{escape(text)}</Content>\n</Message>\n"
            )
        yield from (_presence("ParticipantLeft", one, end) for one in talk.people)
        yield f"<EndTimeUTC>{end}</EndTimeUTC>\n</Conversation>\n"
    yield "</FileDump>\n"


def _presence(tag: str, one: Someone, at: int) -> str:
    return (
        f"<{tag}>\n<LoginName>{one.mail}</LoginName>\n<UserType>user</UserType>\n"
        f"<DateTimeUTC>{at}</DateTimeUTC>\n<CorporateEmailID>{one.mail}</CorporateEmailID>\n</{tag}>\n"
    )


def dig(talks: Iterable[Talk]) -> Iterator[str]:
    """Write conversations as interactions of text events."""
    yield (
        f'<?xml version="1.0" encoding="UTF-8"?>\n<itm:transcript xmlns:itm="{_DIG}/transcript/1.0" '
        f'xmlns:itm-types="{_DIG}/types/1.0" id="t1" source-endpoint-id="Actiance Vantage" '
        'source-endpoint-version="1" time-stamp="2026-03-10T20:00:00.000Z">\n'
    )
    for talk in talks:
        start, end = iso(talk.said[0][0]), iso(talk.said[-1][0])
        yield (
            f'<itm:interaction interaction-event-id="{talk.number}" historical-data-flag="false">'
            f'<itm-types:time-frame><itm-types:start-time timestamp="{start}Z"/>'
            f'<itm-types:end-time timestamp="{end}Z"/></itm-types:time-frame>\n'
            f"<itm:communication-object-id>c{talk.number}</itm:communication-object-id>\n"
            '<itm-types:modality classification="uc" type="federated" vendor="Bloomberg"><itm-types:channel>'
            "IM</itm-types:channel><itm-types:network>InstantBloomberg</itm-types:network>"
            "</itm-types:modality>\n"
            f'<itm-types:subject content-type="text/plain">PCHAT-{talk.number:013X}</itm-types:subject>\n'
            f"<itm:participants>\n{''.join(map(_participant, talk.people))}</itm:participants>\n"
            "<itm:text-events>\n"
        )
        for number, (at, who, text) in enumerate(talk.said):
            yield (
                f'<itm:text-event text-event-id="e{number}" action="create" history-flag="false">'
                f"<itm:text-object><itm:text-object-id>o{number}</itm:text-object-id>"
                "<itm:system-flag>false</itm:system-flag>"
                "<itm:text-object-style>normal message</itm:text-object-style>"
                "<itm:text-object-type>Message</itm:text-object-type>"
                f'<itm:event-time timestamp="{iso(at)}Z"/>'
                f"<itm:participant-id>p{who.number}</itm:participant-id>"
                f'<itm:text-content content-type="text/html"><![CDATA[\n{escape(text)}\n]]>'
                "</itm:text-content></itm:text-object></itm:text-event>\n"
            )
        yield "</itm:text-events></itm:interaction>\n"
    yield "</itm:transcript>\n"


def _participant(one: Someone) -> str:
    return (
        f'<itm:participant participant-id="p{one.number}" participant-role="participant">'
        '<itm:network-info endpoint-id-type="login">'
        "<itm-types:network>InstantBloomberg</itm-types:network>"
        f"<itm-types:endpoint-id>user{one.number}</itm-types:endpoint-id>"
        f"<itm-types:display-name>{one.name}</itm-types:display-name></itm:network-info>"
        f"<itm:user-info><itm-types:user-type>{'internal' if one.own else 'federated'}</itm-types:user-type>"
        f"<itm-types:email-address>{one.mail}</itm-types:email-address></itm:user-info></itm:participant>\n"
    )


def persistent_chat(talks: Iterable[Talk]) -> Iterator[str]:
    """Write conversations as the compliance service does: everything in attributes."""
    yield '<?xml version="1.0" encoding="utf-8"?>\n<Conversations>\n'
    for talk in talks:
        (start, first, _), (end, last, _) = talk.said[0], talk.said[-1]
        yield (
            f'<Conversation>\n<Channel uri="ma-chan://quillbrook.example/{talk.number}" '
            f'name="Channel {talk.number}" islogged="true"/>\n'
            f"{_message('FirstMessage', 'JOIN', start, first, '', 0)}<Messages>\n"
        )
        for number, (at, who, text) in enumerate(talk.said, start=1):
            yield _message("Message", "CHAT", at, who, text, number)
        yield _message("Message", "PART", end, last, "", 0)
        yield f"</Messages>\n{_when('StartTimeUTC', start)}\n{_when('EndTimeUTC', end)}\n</Conversation>\n"
    yield "</Conversations>\n"


def _message(tag: str, kind: str, at: int, who: Someone, text: str, number: int) -> str:
    return (
        f'<{tag} type="{kind}" content={quoteattr(text)} id="{number}">\n'
        f'<Sender UserName="{who.name}" id="{who.number}" email="{who.mail}" '
        f'internal="{str(who.own).lower()}" uri="{who.mail}"/>\n{_when("DateTimeUTC", at)}\n</{tag}>\n'
    )


def _when(tag: str, at: int) -> str:
    return f'<{tag} since1970="{at}" string="{iso(at)}0000Z" long="{at * 10_000 + _TICKS}"/>'


def own_xml(talks: Iterable[Talk]) -> Iterator[str]:
    """Write a flat list of messages."""
    yield "<?xml version='1.0' encoding='UTF-8'?>\n<export>\n"
    for talk in talks:
        readers = ";".join(one.mail for one in talk.people)
        for number, (at, who, text) in enumerate(talk.said):
            yield (
                f'<message id="{talk.number}-{number}"><room>desk {talk.number}</room>'
                f"<sent>{iso(at)}Z</sent><author>{who.mail}</author><author_name>{who.name}</author_name>"
                f"<readers>{readers}</readers><body>{escape(text)}</body></message>\n"
            )
    yield "</export>\n"
