"""Lists that come page by page."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Annotated, Generic, TypeVar

from fastapi import Depends, Query
from pydantic import BaseModel, Field

Item = TypeVar("Item")
LARGEST = 200

Limit = Annotated[int, Query(ge=1, le=LARGEST, description="how many, at most")]
After = Annotated[str, Query(max_length=250, description="`next` of the page before")]
Number = Annotated[int, Query(ge=0, le=2**62, description="`next` of the page before")]
First = Annotated[dt.date, Query(description="first day, included")]
Last = Annotated[dt.date, Query(description="last day, included")]


@dataclass(frozen=True, slots=True)
class Days:
    """Business days asked for, both ends included."""

    first: First = dt.date.min
    last: Last = dt.date.max


Between = Annotated[Days, Depends()]


class Page(BaseModel, Generic[Item]):
    """A part of a list."""

    items: list[Item]
    next: str | None = Field(default=None, description="send it as `after` for the next part; null: the end")


def cut(found: Sequence[Item], limit: int, key: Callable[[Item], object]) -> Page[Item]:
    """Make a page of what was found by asking for one more than fits."""
    items = list(found[:limit])
    return Page(items=items, next=str(key(items[-1])) if len(found) > limit else None)
