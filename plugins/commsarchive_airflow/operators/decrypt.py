"""`decrypt`: fetch the files of a bundle, hash them, open them, check who signed them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from airflow.sdk import Context

from commsarchive_airflow.connections import collector, decryptor
from commsarchive_airflow.handover import Handed, ListedBundle, Plain, StagedBundle, plain, restored
from commsarchive_airflow.operators.base import StageOperator


class DecryptOperator(StageOperator):
    """Bring one bundle, as `SFTPSensor` listed it, into staging; give a receipt for each file.

    A file that must be stopped (wrong key, bad signature, damaged) is in the receipt with its problem.
    """

    template_fields: Sequence[str] = ("connector", "bundle")

    def __init__(self, *, bundle: Handed, **kwargs: Any) -> None:
        """Take one element of `SFTPSensor`'s output."""
        super().__init__(**kwargs)
        self.bundle = bundle

    def execute(self, context: Context) -> Plain:
        """Fetch and open, one file after the other."""
        from include.commsarchive.stages.decrypt import decrypt

        listed = restored(self.bundle, ListedBundle)
        files = []
        with self.opened(context) as scope, decryptor(scope.connector) as keys:
            for pickup in listed.pickups:
                place = collector(scope.connector, scope.run.day)
                file = decrypt(scope, pickup, place, keys)
                stopped = bool(file.problem)
                self.say("stopped" if stopped else "decrypted", scope, file, warn=stopped)
                files.append(file)
            return plain(StagedBundle(listed.bundle, files))
