"""The rules: from what is known of one connector to what is wrong with it. Pure, one function a rule."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from zoneinfo import ZoneInfo

from include.commsarchive.connector import Connector
from include.commsarchive.control.days import due
from include.commsarchive.control.habit import JUDGED, found_by_day, low_people, small_days, usual
from include.commsarchive.ledger.alerts import AlertKind, Finding
from include.commsarchive.ledger.base import Run
from include.commsarchive.ledger.proof import Share, Waits
from include.commsarchive.ledger.views import Closed, Unmapped

LAST_CALL = dt.timedelta(days=7)
"""How long before a source deletes a day its not being archived becomes an alert of its own."""

_FOR_PEOPLE = ("nobody-mapped", "person-unmapped")
"""Reasons that are matters of the mapping, and are told as such or, for outsiders alone, not at all."""


@dataclass(frozen=True, slots=True)
class Facts:
    """What is known of a connector at an instant.

    ``archived`` are all days with an import record; ``closed``, ``unclosed`` and ``shares`` reach back as far
    as habits do, ``closed`` as far as the days of ``unclosed``; ``failed`` are runs that have, says the
    scheduler.
    """

    connector: Connector
    now: dt.datetime
    archived: Collection[dt.date] = ()
    closed: Sequence[Closed] = ()
    unclosed: Sequence[Run] = ()
    failed: Collection[str] = ()
    shares: Sequence[Share] = ()
    unmapped: Sequence[Unmapped] = ()
    waiting: Sequence[Waits] = ()

    @property
    def found(self) -> dict[dt.date, int]:
        """Items found on each day."""
        return found_by_day(self.closed)


def missing_days(facts: Facts) -> list[dt.date]:
    """List the days whose deadline has passed and that no run has archived.

    Where missed days are not caught up, those before the first archived one were never asked for.
    """
    rules = facts.connector.schedule
    if not rules.cron:
        return []
    grace = dt.timedelta(hours=rules.deadline_hours)
    last = (facts.now - grace).astimezone(ZoneInfo(rules.timezone)).date() - dt.timedelta(days=1)
    last = min(
        last if due(rules, last) + grace < facts.now else last - dt.timedelta(days=1), rules.end or last
    )
    first = rules.start if rules.catchup else max(rules.start, min(facts.archived, default=last))
    days = map(dt.date.fromordinal, range(first.toordinal(), last.toordinal() + 1))
    return [day for day in days if day not in facts.archived]


def missing(facts: Facts) -> Finding | None:
    """Find days that are late or were never archived: a paused DAG or a stopped scheduler shows here."""
    days = missing_days(facts)
    if not days:
        return None
    return _finding(
        facts,
        AlertKind.MISSING,
        f"{_number(days, 'business day is', 'business days are')} not archived: {spans(days)}",
        "See in Airflow whether the DAG is paused, waits for the export or has failed; then trigger a run "
        "for each day (form: Business day), or a backfill",
        map(str, days),
    )


def source_deletes(facts: Facts) -> Finding | None:
    """Find missing days that the source will soon delete, or has."""
    keeps = dt.timedelta(days=facts.connector.collect.source_keeps_days)
    today = facts.now.date()
    days = [day for day in missing_days(facts) if day + keeps - LAST_CALL <= today]
    gone = [day for day in days if day + keeps < today]
    soon = [day for day in days if day not in gone]
    why = [f"the source deletes {spans(soon)} from {soon[0] + keeps} on"] if soon else []
    why += [f"it has probably deleted {spans(gone)}"] if gone else []
    if not days:
        return None
    return _finding(
        facts,
        AlertKind.SOURCE_DELETES,
        f"Not archived, and the source keeps {keeps.days} days: {'; '.join(why)}",
        "Archive these days today. For days that are gone ask the vendor to issue them again",
        map(str, days),
    )


def unclosed(facts: Facts) -> Finding | None:
    """Find runs that failed, or have not closed by their deadline, and that no later run has made up for."""
    grace = dt.timedelta(hours=facts.connector.schedule.deadline_hours)
    runs = [
        run
        for run in facts.unclosed
        if (run.run_id in facts.failed or run.window_end + grace < facts.now)
        and not _made_up(run, facts.closed)
    ]
    days = sorted({run.day for run in runs})
    if not runs:
        return None
    return _finding(
        facts,
        AlertKind.UNCLOSED,
        f"{_number(runs, 'run has', 'runs have')} failed or not closed: {spans(days)}",
        "Read the last line of the failed task's log: it names file, place and remedy. Mend it, then clear "
        "that task",
        sorted(run.run_id for run in runs),
    )


def small(facts: Facts) -> Finding | None:
    """Find a feed that is silent or much smaller than it usually is on that weekday."""
    found = facts.found
    days = small_days(found, facts.now.date() - JUDGED)
    latest = days[-1] if days else facts.now.date()
    if not days:
        return None
    return _finding(
        facts,
        AlertKind.SMALL,
        f"Much less than usual since {days[0]}: {found[latest]} items on {latest}, "
        f"{usual(found, latest):.0f} are usual on that weekday",
        "Ask the vendor whether the export is whole and all accounts are captured. On a holiday there is "
        "nothing to do: the next usual day clears this",
        map(str, days),
    )


def custodians(facts: Facts) -> Finding | None:
    """Find people who get much less than they usually do, while the feed as a whole goes on."""
    third_party = facts.connector.mapping.third_party_mailbox.lower()
    people = [one for one in low_people(facts.found, facts.shares) if one.lower() != third_party]
    if not people:
        return None
    return _finding(
        facts,
        AlertKind.CUSTODIANS,
        f"{_number(people, 'person gets', 'people get')} much less than usual, while the feed goes on",
        "Look who they are on the connector's page. Who is not away: ask the vendor whether the account is "
        "still captured, and see that the mapping still names its mailbox",
        people,
    )


def unmapped(facts: Facts) -> Finding | None:
    """Find own people for whom no mailbox is known."""
    people = [one.person for one in facts.unmapped]
    since = min((one.since for one in facts.unmapped), default=facts.now.date())
    if not people:
        return None
    return _finding(
        facts,
        AlertKind.UNMAPPED,
        f"{_number(people, 'of our own people has', 'of our own people have')} no mailbox, since {since}",
        "Look who they are on the connector's page, add them to the mapping, then run the DAG `replay` for "
        "`unmapped`",
        people,
    )


def quarantine(facts: Facts) -> Finding | None:
    """Find what could not be read or filed and waits for a replay."""
    waits = [one for one in facts.waiting if one.reason not in _FOR_PEOPLE]
    number = sum(one.number for one in waits)
    reasons = sorted({one.reason for one in waits})
    if not waits:
        return None
    return _finding(
        facts,
        AlertKind.QUARANTINE,
        f"{number} {'thing is' if number == 1 else 'things are'} set aside, since {waits[0].day}: "
        f"{', '.join(reasons)}",
        "See docs/failures.md for each reason: mend it, then run the DAG `replay` for `quarantined`; or have "
        "it sent again, then trigger a run for the day; or settle it on its quarantine page",
        (f"{one.day} {one.stage} {one.reason}" for one in waits),
    )


Rule = Callable[[Facts], Finding | None]

RULES: dict[AlertKind, Rule] = {
    AlertKind.UNCLOSED: unclosed,
    AlertKind.MISSING: missing,
    AlertKind.SOURCE_DELETES: source_deletes,
    AlertKind.SMALL: small,
    AlertKind.CUSTODIANS: custodians,
    AlertKind.UNMAPPED: unmapped,
    AlertKind.QUARANTINE: quarantine,
}


def judge(facts: Facts) -> list[Finding]:
    """Apply all rules."""
    return [finding for rule in RULES.values() if (finding := rule(facts))]


def spans(days: Sequence[dt.date]) -> str:
    """Write days, in their order, as spans."""
    parts: list[list[dt.date]] = []
    for day in days:
        if parts and day - parts[-1][-1] == dt.timedelta(days=1):
            parts[-1][1:] = [day]
        else:
            parts.append([day])
    return ", ".join(" to ".join(map(str, part)) for part in parts)


def _made_up(run: Run, closed: Iterable[Closed]) -> bool:
    """Say whether a later run did what this one did not: archived its day, or replayed."""
    replays = run.kind == "replay"
    return any(
        one.run_id != run.run_id
        and one.closed_at > run.window_end
        and (one.kind == "replay" if replays else one.day == run.day and one.kind != "replay")
        for one in closed
    )


def _number(things: Sequence[object], one: str, many: str) -> str:
    return f"{len(things)} {one if len(things) == 1 else many}"


def _finding(facts: Facts, kind: AlertKind, why: str, remedy: str, things: Iterable[str]) -> Finding:
    return Finding(kind, facts.connector.name, why, remedy, tuple(things))
