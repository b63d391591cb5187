"""The participants of an item as lines of text and rows of HTML."""

from __future__ import annotations

from collections.abc import Iterable
from html import escape

from include.commsarchive.message.roster import Row
from include.commsarchive.message.times import DAY, clock, stamp
from include.commsarchive.message.visible import APART, visible_all
from include.commsarchive.model import Item, Person


def participants(item: Item, people: dict[str, Row]) -> tuple[str, str]:
    """Render everybody: name, company, addresses, native ids, side and presence."""
    one_day = len({event.at // DAY for event in item.events}) < 2  # noqa: PLR2004 - one day or none
    lines, rows = [], []
    for row in people.values():
        who = row.person
        cells = visible_all(
            (
                who.company,
                ", ".join(_addresses(who)),
                ", ".join([f"{label} {value}" for label, value in who.ids]),
                "internal" if who.internal else "external",
                row.role,
                _presence(row, one_day=one_day),
            )
        ).replace("\n", " ")
        company, addresses, native, side, role, presence = cells.split(APART)
        words = filter(None, (row.label, company, addresses, native, side, role, presence))
        lines.append("  " + " | ".join(words))
        company, addresses, native, side, role, presence = escape(cells, quote=False).split(APART)
        rows.append(
            f"<tr><td>{row.markup}{_under(company)}</td><td>{addresses}{_under(native)}</td>"
            f"<td class={side}>{side}{_under(role)}</td><td>{presence}</td>"
        )
    return "\n".join(lines), "\n".join(rows)


def _addresses(who: Person) -> Iterable[str]:
    return filter(None, dict.fromkeys((who.corporate_address, who.address)))


def _under(second: str) -> str:
    return f"<br><s>{second}</s>" if second else ""


def _presence(row: Row, *, one_day: bool) -> str:
    """Say when somebody came and went, as far as the source told."""
    words = []
    for verb, at in (("joined", row.joined), ("left", row.left)):
        if at is not None:
            words.append(f"{verb} {clock(at % DAY) if one_day else stamp(at)}")
    return ", ".join(words)
