"""How long the lines of a text are."""

from __future__ import annotations


def lines_fit(text: str, longest: int) -> bool:
    """Tell whether no line has more characters than this, by looking at the fewest of them."""
    start = 0
    while len(text) - start > longest:
        start = text.rfind("\n", start, start + longest + 1) + 1
        if not start:
            return False
    return True
