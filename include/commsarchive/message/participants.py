"""The participants of an item as lines of text and rows of HTML."""

from __future__ import annotations

from include.commsarchive.message.roster import Row
from include.commsarchive.message.times import DAY, clock, stamp
from include.commsarchive.model import Item


def participants(item: Item, people: dict[str, Row]) -> tuple[str, str]:
    """Render everybody: name, company, addresses, native ids, side, role and presence."""
    one_day = len({event.at // DAY for event in item.events}) <= 1
    lines, rows = [], []
    for row in people.values():
        presence = [
            f"{word} {clock(at % DAY) if one_day else stamp(at)}"
            for word, at in filter(None, (row.came, row.left))
        ]
        lines.append("  " + " | ".join(filter(None, (row.label, row.card.line, row.role, *presence))))
        rows.append(
            f"<tr><td>{row.markup}{row.card.cells}<small>{row.role}</small></td>"
            f"<td class=z>{'<br>'.join(presence)}</td>"
        )
    return "\n".join(lines), "\n".join(rows)
