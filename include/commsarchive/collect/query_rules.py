"""What a connector's SQL query may name."""

from __future__ import annotations

import re

from include.commsarchive.collect.window import WORDS, states_window

_PARAMETER = re.compile(r"(?<![:\w\\]):(\w+)(?!:)")
"""As SQLAlchemy finds them: not in ``a::text``, and not after a backslash."""


def parameters_of(query: str) -> set[str]:
    """Give the names of a query's parameters."""
    return set(_PARAMETER.findall(query))


def check_query(query: str) -> str:
    """Give a query as it is.

    Raises:
        ValueError: it does not name the day's window, or names what there is not.
    """
    if not query.strip():
        return ""
    words = parameters_of(query)
    if unknown := sorted(words.difference(WORDS)):
        raise ValueError(
            f":{', :'.join(unknown)} stands for nothing; there are :{', :'.join(WORDS)}; a colon that begins "
            "no parameter is written as \\:"
        )
    if not states_window(words):
        raise ValueError("must name the day's window: >= :from and < :to, or = :day")
    return query
