"""What a connector says about an HTTPS API: what to ask, where records are, how the next page is found."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from include.commsarchive.collect.window import WORDS, states_window

_WORD = re.compile(r"\{(\w*)\}")
_NEEDS = {
    "none": set[str](),
    "link_header": set[str](),
    "next_url": {"field"},
    "cursor": {"field", "parameter"},
    "page_number": {"parameter"},
}
_SECRET_HEADERS = {"authorization", "cookie", "proxy-authorization"}


class _Rules(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Paging(_Rules):
    """How the next page is found."""

    kind: Literal["none", "link_header", "next_url", "cursor", "page_number"] = Field(
        description="not at all; the header `Link`; its address, or a cursor, in the page; by number"
    )
    field: str = Field(default="", description="path in the page to the next address or cursor: meta/next")
    parameter: str = Field(default="", description="query parameter for the cursor or the page's number")
    first: int = Field(default=1, ge=0, description="number of the first page")

    @model_validator(mode="after")
    def _state_what_is_needed(self) -> Self:
        stated = {name for name in ("field", "parameter") if getattr(self, name)}
        needed = _NEEDS[self.kind]
        if stated != needed:
            what = " and ".join(f"`{name}`" for name in sorted(needed)) or "neither `field` nor `parameter`"
            raise ValueError(f"paging by `{self.kind}` takes {what}")
        return self


class Api(_Rules):
    """One request and the pages that follow it. Secrets are the connection's."""

    path: str = Field(description="path below the connection's host: /v1/messages", pattern=r"^/")
    query: dict[str, str] = Field(
        default={}, description="query parameters; {from}, {to} and the like stand for the day's window"
    )
    headers: dict[str, str] = Field(default={}, description="headers more, none of them secret")
    items: str = Field(
        default="", description="path in a page to the list of records: data/messages; empty: the page is one"
    )
    paging: Paging = Field(description="how the next page is found")

    @field_validator("headers")
    @classmethod
    def _keep_secrets_out(cls, headers: dict[str, str]) -> dict[str, str]:
        if any(name.lower() in _SECRET_HEADERS for name in headers):
            raise ValueError("secrets belong to the connection: its login and password, or its extras")
        return headers

    @model_validator(mode="after")
    def _name_the_window(self) -> Self:
        words = set(self._words())
        if unknown := sorted(words.difference(WORDS)):
            raise ValueError(
                f"{', '.join(f'{{{one}}}' for one in unknown)} stands for nothing; "
                f"there are {', '.join(f'{{{one}}}' for one in WORDS)}"
            )
        if not states_window(words):
            raise ValueError("`path` or `query` must name the day's window: {from} and {to}, or {day}")
        return self

    def _words(self) -> Iterator[str]:
        for text in (self.path, *self.query.values()):
            yield from _WORD.findall(text)


def filled(template: str, words: Mapping[str, str]) -> str:
    """Put the window's words into a template."""
    return _WORD.sub(lambda found: words[found[1]], template)
