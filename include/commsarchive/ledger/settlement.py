"""Things set aside that a person settled, for a reason: nobody waits for them any more."""

from __future__ import annotations

from include.commsarchive.ledger.base import Held

_SETTLED = "settled by "
"""No run's id begins like this: it begins with that of its DAG, which has no spaces."""


def settled_by(who: str, reason: str) -> str:
    """Give the ``resolved_by`` of what a person settles."""
    return f"{_SETTLED}{who}: {reason}"


def is_settled(held: Held) -> bool:
    """Say whether a person settled it."""
    return held.resolved_by.startswith(_SETTLED)
