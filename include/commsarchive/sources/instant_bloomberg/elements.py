"""Elements by local name, whatever their case and prefix, and what is left of them."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from copy import copy
from functools import lru_cache
from xml.sax.saxutils import escape, quoteattr


@lru_cache(maxsize=1024)
def local(tag: str) -> str:
    """Give a tag's or attribute's name in lower case, without namespace."""
    return tag.rpartition("}")[2].lower()


def text_of(element: ET.Element | None) -> str:
    """Give all text inside an element."""
    if element is None:
        return ""
    return "".join(element.itertext()) if len(element) else element.text or ""


def attributes_of(element: ET.Element) -> str:
    """Give an element's attributes as they stand in a tag, blank ones left out."""
    if not element.keys():
        return ""
    filled = {name.rpartition("}")[2]: value for name, value in element.attrib.items() if value.strip()}
    return " ".join(f"{name}={quoteattr(value)}" for name, value in filled.items())


def line_of(element: ET.Element | None) -> str:
    """Give the text inside an element as one line."""
    return " ".join(text_of(element).split())


def as_written(element: ET.Element) -> str:
    """Give an element as XML, without what follows it; only its text where it nests absurdly deep."""
    alone = copy(element)
    alone.tail = None
    try:
        return ET.tostring(alone, encoding="unicode", short_empty_elements=False)
    except RecursionError:
        return escape(text_of(element))


class Children:
    """An element's children, of which known ones are taken one by one; the rest is residue."""

    def __init__(self, element: ET.Element) -> None:
        """Begin with all children."""
        self._element = element
        self.left = list(element)
        self._names = [local(child.tag) for child in self.left]

    def take(self, name: str) -> ET.Element | None:
        """Take the first child of this local name (lower case)."""
        if name not in self._names:
            return None
        number = self._names.index(name)
        del self._names[number]
        return self.left.pop(number)

    def take_all(self, *names: str) -> list[ET.Element]:
        """Take all children of these local names, in order."""
        taken = [child for child in self.left if local(child.tag) in names]
        self.left = [child for child in self.left if local(child.tag) not in names]
        self._names = [name for name in self._names if name not in names]
        return taken

    def text(self, name: str) -> str:
        """Take a leaf and give its text; where it has attributes or elements, it is residue as well."""
        leaf = self.take(name)
        if leaf is not None and (len(leaf) or leaf.attrib):
            self.left.append(leaf)
            self._names.append(name)
        return text_of(leaf)

    def line(self, name: str) -> str:
        """Take a leaf and give its text as one line."""
        return " ".join(self.text(name).split())

    def find(self, name: str) -> ET.Element | None:
        """Look at the first child of this local name without taking it."""
        return self.left[self._names.index(name)] if name in self._names else None

    def residue(self) -> str:
        """Give what was not taken, and text where none belongs, as XML."""
        stray = [self._element.text, *[child.tail for child in self._element]]
        left = [as_written(child) for child in self.left]
        return "".join([*left, *[text.strip() for text in stray if text and not text.isspace()]])
