"""`convert`: a bundle's clear files into items, ready to be filed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from airflow.sdk import Context

from commsarchive_airflow.handover import Handed, Plain, StagedBundle, plain, restored
from commsarchive_airflow.operators.base import StageOperator


class ConvertToMessageOperator(StageOperator):
    """Turn one bundle, as `DecryptOperator` staged it, into shards of items.

    What cannot be read is set aside and counted.
    """

    template_fields: Sequence[str] = ("connector", "bundle")

    def __init__(self, *, bundle: Handed, **kwargs: Any) -> None:
        """Take one element of `DecryptOperator`'s output."""
        super().__init__(**kwargs)
        self.bundle = bundle

    def execute(self, context: Context) -> Plain:
        """Parse, render, write."""
        from include.commsarchive.stages.convert import convert

        staged = restored(self.bundle, StagedBundle)
        with self.opened(context) as scope:
            receipt = convert(scope, staged.bundle, staged.files)
            self.say("converted", scope, receipt)
            return plain(receipt)
