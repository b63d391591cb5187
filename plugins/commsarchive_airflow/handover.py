"""What tasks hand on through XCom: plain JSON of the stages' receipts. No content, no personal data."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import msgspec

from include.commsarchive.collect.completeness import Pickup
from include.commsarchive.sources.base import Source
from include.commsarchive.stages.bundles import bundles_of
from include.commsarchive.stages.run import Bundle, FileReceipt

Receipt = TypeVar("Receipt")
Plain = dict[str, Any]
Handed = Any
"""What an operator takes from another: an `XComArg` where a DAG is written, the value when the task runs."""


@dataclass(frozen=True, slots=True)
class ListedBundle:
    """A bundle as it lies on the server: handed from `wait_for_export` to `decrypt`."""

    bundle: Bundle
    pickups: list[Pickup]


@dataclass(frozen=True, slots=True)
class StagedBundle:
    """A bundle as it lies in staging: handed from `decrypt` to `convert`."""

    bundle: Bundle
    files: list[FileReceipt]


def listed_bundles(source: Source, pickups: tuple[Pickup, ...]) -> list[ListedBundle]:
    """Sort what is to be picked up into bundles."""
    by_name = {pickup.clear_name: pickup for pickup in pickups}
    return [
        ListedBundle(
            bundle, [by_name[name] for name in dict.fromkeys((*bundle.content, *bundle.attachments))]
        )
        for bundle in bundles_of(source, by_name)
    ]


def plain(receipt: object) -> Plain:
    """Make JSON of a receipt."""
    made: Plain = msgspec.to_builtins(receipt)
    return made


def restored(value: Plain, kind: type[Receipt]) -> Receipt:
    """Take a receipt back from JSON."""
    return msgspec.convert(value, kind)


def all_restored(values: Sequence[Plain], kind: type[Receipt]) -> list[Receipt]:
    """Take back what all mapped tasks gave; sliced, because Airflow logs an error where iteration ends."""
    return [restored(value, kind) for value in values[:]]
