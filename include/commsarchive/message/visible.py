"""Text that people typed, made harmless without losing any of it.

Control characters and the characters that turn the direction of writing around can hide or fake
what was said; lone surrogates and non-characters cannot be encoded. They are shown instead.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

APART = "\x1e"
"""Stands between texts that are handled as one; the record separator of ASCII."""

_BREAKS = "\r\x85\u2028\u2029"
_TURNING = "\u202a-\u202e\u2066-\u2069"
_UNENCODABLE = "\ud800-\udfff\ufdd0-\ufdef\ufffe\uffff"
_FORBIDDEN = f"\x7f-\x9f\u2028\u2029{_UNENCODABLE}"
_HIDDEN = re.compile(f"\r\n|[\x00-\x08\x0b-\x1f{_FORBIDDEN}{_TURNING}]")
_HIDDEN_IN_MANY = re.compile(f"\r\n|[\x00-\x08\x0b-\x1d\x1f{_FORBIDDEN}{_TURNING}]")
_UNFIT = re.compile(f"\r\n|[\x00-\x1f{_FORBIDDEN}]")


def visible(text: str) -> str:
    r"""Prepare text for a body: line breaks become ``\n``, hidden characters become visible."""
    if text.isprintable():  # nearly always, and twenty times as fast
        return text
    return _HIDDEN.sub(_show, text)


def visible_all(texts: Sequence[str]) -> str:
    """Prepare many texts at once, joined by `APART`: far faster than one by one."""
    whole = APART.join(texts)
    if all(map(str.isprintable, texts)):
        return whole
    if whole.count(APART) >= len(texts):
        whole = APART.join([text.replace(APART, visible(APART)) for text in texts])
    return _HIDDEN_IN_MANY.sub(_show, whole)


def one_line(text: str) -> str:
    """Make a name or label visible, on one line."""
    return " ".join(visible(text).split())


def header_text(text: str) -> str:
    """Prepare text for a header: one line, and nothing in it that a header cannot carry.

    Everything else comes back exactly as it went in, writing direction included.
    """
    if text.isascii() and text.isprintable():
        return text
    return _UNFIT.sub(lambda found: " " if found[0] in "\t\n" else _show(found), text).replace("\n", " ")


def _show(found: re.Match[str]) -> str:
    character = found[0]
    if character[0] in _BREAKS:
        return "\n"
    code = ord(character)
    if code < 0x20:  # noqa: PLR2004 - U+2400 to U+241F picture the controls before the space
        return chr(0x2400 + code)
    return f"[U+{code:04X}]"
