"""MessageML and PresentationML as plain text: what people saw, and nothing that acts.

Tags are recognised one by one and never trusted to nest: text is never lost to bad markup. What comes out
is text like any other that people typed, and is escaped where it is rendered.
"""

from __future__ import annotations

import re
from functools import lru_cache
from html import unescape

_TAG = re.compile(r"<(/?)([A-Za-z][\w:.-]*)([^<>]*)>")
_ATTRIBUTE = re.compile(r"""([A-Za-z][\w:.-]*)\s*=\s*(?:"([^"]*)"|'([^']*)')""")
_DIV, _END_DIV = re.compile(r"<div\b[^<>]*>"), "</div>"
_SPACE = re.compile(r"[ \t\r\n\f]+")
_BREAKS = re.compile(r"\n{3,}")
_BLOCKS = frozenset(
    {
        *("div", "p", "pre", "tr", "ul", "ol", "table", "thead", "tbody", "tfoot", "h1", "h2", "h3", "h4"),
        *("h5", "h6", "card", "header", "body", "form", "messageml", "presentationml", "expandable-card"),
        *("dialog", "title", "section", "article", "blockquote", "option", "select"),
    }
)
_ITEM, _CELL = "• ", " | "
_VERBATIM = frozenset({"pre", "code"})
_NAMED = frozenset(
    {
        *("text-field", "textarea", "checkbox", "radio", "person-selector", "timezone-picker"),
        *("date-picker", "time-picker", "room-selector", "instrument-selector", "chart", "iframe"),
    }
)


def text_of(markup: str) -> str:
    """Give a message as text. What does not begin as markup is text already."""
    start = markup.find(">") + 1
    if _is_div(markup[:start]) and markup.endswith(_END_DIV):
        said = markup[start : -len(_END_DIV)].strip(" ")
        words = unescape(said).rstrip(" ") if "&" in said else said
        if words.isprintable() and "<" not in said and "  " not in said:
            return words
    if not _TAG.match(markup.lstrip()):
        return markup
    return _Text().read(markup)


@lru_cache(maxsize=256)
def _is_div(tag: str) -> bool:
    """Recognise the element that holds the usual message: words on one line."""
    return _DIV.fullmatch(tag) is not None


class _Text:
    def __init__(self) -> None:
        self._out: list[str] = []
        self._link: tuple[str, int] | None = None
        """Where the open link leads, and where its text begins."""
        self._verbatim = 0

    def read(self, markup: str) -> str:
        at = 0
        for tag in _TAG.finditer(markup):
            self._said(markup[at : tag.start()])
            self._tag(tag[2].lower(), tag[3], closing=bool(tag[1]))
            at = tag.end()
        self._said(markup[at:])
        self._end_link()
        lines = "".join(self._out).split("\n")
        return _BREAKS.sub("\n\n", "\n".join([line.rstrip(" ") for line in lines])).strip("\n")

    def _said(self, text: str) -> None:
        if not self._verbatim:
            text = _SPACE.sub(" ", text)
            if self._at_start():
                text = text.lstrip(" ")
        if text:
            self._out.append(unescape(text))

    def _at_start(self) -> bool:
        return not self._out or self._out[-1].endswith(("\n", _ITEM, _CELL))

    def _tag(self, name: str, rest: str, *, closing: bool) -> None:
        if name in _VERBATIM:
            self._verbatim = max(0, self._verbatim - 1) if closing else self._verbatim + 1
        if name in _BLOCKS:
            if not self._at_start():
                self._out.append("\n")
        elif name == "a":
            self._end_link()
            if not closing:
                self._link = unescape(_attributes(rest).get("href", "")), len(self._out)
        elif name in {"td", "th"}:
            if not closing and not self._at_start():
                self._out.append(_CELL)
        elif not closing:
            self._out += filter(None, [self._shown(name, _attributes(rest))])

    def _shown(self, name: str, attributes: dict[str, str]) -> str:
        """Show an element that says something by itself or by its attributes."""

        def says(*names: str) -> str:
            return unescape(next((attributes[one] for one in names if attributes.get(one)), ""))

        start = "" if self._at_start() else "\n"
        shown = {
            "br": "\n",
            "hr": f"{start}────────\n",
            "li": f"{start}{_ITEM}",
            "mention": f"@{says('name', 'email', 'uid')}",
            "hash": f"#{says('tag')}",
            "cash": f"${says('tag')}",
            "emoji": f":{says('shortcode', 'annotation')}:",
            "chime": "[chime]",
            "img": f"[image: {' '.join(filter(None, (says('alt'), says('src'))))}]",
        }
        if name in _NAMED:
            return f"[{name}: {says('label', 'placeholder', 'name', 'src')}]"
        return shown.get(name, "")

    def _end_link(self) -> None:
        """Say where a link leads, unless its text says so."""
        if self._link is None:
            return
        (where, start), self._link = self._link, None
        shown = "".join(self._out[start:]).strip()
        if where and where not in {shown, f"mailto:{shown}"}:
            self._out.append(f" <{where}>" if shown else f"<{where}>")


def _attributes(rest: str) -> dict[str, str]:
    return {key.lower(): one or other for key, one, other in _ATTRIBUTE.findall(rest)}
