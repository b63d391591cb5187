"""What counts as a mailbox address."""

from __future__ import annotations

import re

_ATOM = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+"
_LABEL = r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
_MAILBOX = re.compile(rf"(?=.{{6,254}}\Z)(?=[^@]{{1,64}}@){_ATOM}(?:\.{_ATOM})*@{_LABEL}(?:\.{_LABEL})+")


def is_mailbox(text: str) -> bool:
    """Tell whether this is an address that a mailbox can have: RFC 5321's Dot-string@Domain, in ASCII.

    Lengths are RFC 5321's (4.5.3.1: 64 before the @, 254 in all). Quoted local parts, literals and
    names without a dot are refused: no mail system that we file into hands them out.
    """
    return _MAILBOX.fullmatch(text) is not None
