"""What both bodies say of a person, whichever item they are in: worked out once per person."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from html import escape

from include.commsarchive.message.visible import APART, one_line, visible_all
from include.commsarchive.model import Person


@dataclass(frozen=True, slots=True)
class Card:
    """A person's name, what tells them from others of that name, and the rest as text and markup."""

    name: str
    identity: str
    company: str
    """As markup."""
    line: str
    """Company, addresses, native ids and side, as text."""
    cells: str
    """The same as table cells; the first goes on where the name ends, the last with the role."""


@lru_cache(maxsize=16_384)  # a firm's people come in conversation after conversation
def card(who: Person) -> Card:
    """Describe a person."""
    first_id = who.ids[0][1] if who.ids else ""
    side = "" if who.internal is None else "internal" if who.internal else "external"
    whole = visible_all(
        (
            who.company,
            "\n".join(filter(None, dict.fromkeys((who.corporate_address, who.address)))),
            "\n".join([f"{label} {value}" for label, value in who.ids]),
        )
    )
    company, addresses, native = escape(whole, quote=False).replace("\n", "<br>").split(APART)
    known = filter(None, (addresses, native and f"<small>{native}</small>"))
    return Card(
        name=one_line(who.name),
        identity=one_line(who.corporate_address or who.address or first_id or who.key),
        company=company,
        line=" | ".join(filter(None, (*whole.replace("\n", ", ").split(APART), side))),
        cells=(f"<br><small>{company}</small>" if company else "")
        + f"</td><td>{'<br>'.join(known)}</td><td class={side or 'unknown'}>"
        + (f"{side}<br>" if side else ""),
    )
