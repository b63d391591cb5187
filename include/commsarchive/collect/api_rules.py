"""What a connector says about an HTTPS API: what to ask, where records are, how the next page is found."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from include.commsarchive.collect.window import WORDS, states_window

_WORD = re.compile(r"\{(\w*)\}")
_NUMBER = re.compile(r"\{((?:from|to)_(?:epoch|ms))\}")
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
    parameter: str = Field(
        default="",
        description="query parameter for the cursor or the page's number; with `body` the path to it there",
    )
    first: int = Field(default=1, ge=0, description="number of the first page")

    @model_validator(mode="after")
    def _state_what_is_needed(self) -> Self:
        stated = {name for name in ("field", "parameter") if getattr(self, name)}
        needed = _NEEDS[self.kind]
        if stated != needed:
            what = " and ".join(f"`{name}`" for name in sorted(needed)) or "neither `field` nor `parameter`"
            raise ValueError(f"paging by `{self.kind}` takes {what}")
        return self


class Attachments(_Rules):
    """Where a record says which files belong to it, and how they are got."""

    links: str = Field(
        min_length=1, description="path in a record to the links of its files, or their ids: files/url"
    )
    address: str = Field(
        default="", pattern=r"^(/.*\{link\}.*)?$", description="where to ask for an id: /v1/files/{link}"
    )
    max_mib: int = Field(default=150, ge=1, description="largest file that is fetched, in MiB")


class Api(_Rules):
    """One request and the pages that follow it. Secrets are the connection's."""

    path: str = Field(description="path below the connection's host: /v1/messages", pattern=r"^/")
    query: dict[str, str] = Field(
        default={}, description="query parameters; {from}, {to} and the like stand for the day's window"
    )
    body: dict[str, Any] | None = Field(
        default=None,
        description="JSON to POST; {from} and the like in its texts, a text that is {from_ms} alone a number",
    )
    headers: dict[str, str] = Field(default={}, description="headers more, none of them secret")
    secret_headers: tuple[str, ...] = Field(
        default=(), description="headers whose values are in the connection's extra `headers`: X-Api-Key"
    )
    items: str = Field(
        default="", description="path in a page to the list of records: data/messages; empty: the page is one"
    )
    paging: Paging = Field(description="how the next page is found")
    attachments: Attachments | None = Field(
        default=None, description="files that records name; the source is own_files"
    )

    @field_validator("headers")
    @classmethod
    def _keep_secrets_out(cls, headers: dict[str, str]) -> dict[str, str]:
        if any(name.lower() in _SECRET_HEADERS for name in headers):
            raise ValueError("secrets belong to the connection: name this header in `secret_headers`")
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
            raise ValueError(
                "`path`, `query` or `body` must name the day's window: {from} and {to}, or {day}"
            )
        if repeated := {one.lower() for one in self.headers} & {one.lower() for one in self.secret_headers}:
            raise ValueError(f"{', '.join(sorted(repeated))}: in `headers` or `secret_headers`, not in both")
        return self

    @model_validator(mode="after")
    def _have_a_place_for_the_cursor(self) -> Self:
        place: Any = self.body or {}
        path = self.paging.parameter.split("/")[:-1]
        for end, step in enumerate(path, start=1):
            place = place.get(step, {})
            if isinstance(place, dict):
                continue
            raise ValueError(
                f"`paging.parameter` leads through `{'/'.join(path[:end])}`, no object in `body`: "
                "make it one, or name another path"
            )
        return self

    def _words(self) -> Iterator[str]:
        for text in (self.path, *self.query.values(), *_texts(self.body)):
            yield from _WORD.findall(text)


def filled(template: str, words: Mapping[str, str]) -> str:
    """Put the window's words into a template."""
    return _WORD.sub(lambda found: words[found[1]], template)


def filled_body(template: Any, words: Mapping[str, str]) -> Any:
    """Put the window's words into the texts of a body; one that is a number by itself becomes one."""
    if isinstance(template, dict):
        return {name: filled_body(value, words) for name, value in template.items()}
    if isinstance(template, list):
        return [filled_body(value, words) for value in template]
    if not isinstance(template, str):
        return template
    number = _NUMBER.fullmatch(template)
    return int(words[number[1]]) if number else filled(template, words)


def _texts(body: Any) -> Iterator[str]:
    if isinstance(body, str):
        yield body
    elif isinstance(body, (dict, list)):
        for value in body.values() if isinstance(body, dict) else body:
            yield from _texts(value)
