"""The equations of an import record: each number, what it must equal, and what it counts."""

from __future__ import annotations

from dataclasses import dataclass

from include.commsarchive.ledger.base import ImportRecord

ITEMS = ("archived", "duplicate", "excluded", "quarantined")
COPIES = ("deliveries_made", "deliveries_duplicate", "deliveries_failed")


@dataclass(frozen=True, slots=True)
class Term:
    """A number of an import record by its name there."""

    name: str
    number: int


@dataclass(frozen=True, slots=True)
class Equation:
    """``whole`` must be the sum of ``parts``; ``closes`` says whether it is."""

    whole: Term
    parts: tuple[Term, ...]
    closes: bool


def equations(record: ImportRecord) -> tuple[Equation, ...]:
    """Give what must hold: for the items that were found, and for the copies that were planned."""
    return _equation(record, "found", ITEMS), _equation(record, "deliveries_planned", COPIES)


def _equation(record: ImportRecord, whole: str, parts: tuple[str, ...]) -> Equation:
    terms = [Term(name, int(record.body.get(name, 0))) for name in (whole, *parts)]
    return Equation(terms[0], tuple(terms[1:]), terms[0].number == sum(term.number for term in terms[1:]))
