"""Looking for a day's export until it is complete: what `SFTPSensor` and its trigger share."""

from __future__ import annotations

import asyncio
import datetime as dt
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import Any

import structlog
from airflow.triggers.base import BaseTrigger, TriggerEvent
from asgiref.sync import sync_to_async

from commsarchive_airflow.catalogue import find_connector
from commsarchive_airflow.connections import collector
from commsarchive_airflow.handover import Plain, plain, restored
from include.commsarchive.collect.base import Collector, RemoteFile
from include.commsarchive.collect.completeness import Complete, Waiting
from include.commsarchive.collect.look import look
from include.commsarchive.connector import Connector
from include.commsarchive.errors import CommsArchiveError, Retriable
from include.commsarchive.profile import source_of
from include.commsarchive.stages.bundles import expected_export


@dataclass(frozen=True, slots=True)
class Watched:
    """What one look showed: our files of the day, and whether they are all that there must be."""

    files: list[RemoteFile]
    verdict: Complete | Waiting


async def watch(
    place: Collector, connector: Connector, day: dt.date, previous: Sequence[RemoteFile] | None
) -> Watched:
    """Log in, look once, log out.

    Raises:
        Retriable: the server cannot be asked now.
        Fatal: the server refuses us, or the folder does not exist.
    """
    expected = expected_export(connector, source_of(connector), day)
    async with place:
        listing, verdict = await look(place, connector.collect.folder, expected, previous)
    manifest = expected.named(expected.manifest)
    return Watched([file for file in listing if expected.owns(file.name) or file.name == manifest], verdict)


class ExportTrigger(BaseTrigger):
    """Look again every so often, with a deadline of its own: `dags test` knows none of Airflow's timeouts.

    The event is ``{"pickups": […]}``, or what there was at the deadline, ``{"late": …, "missing": […],
    "files": number}``, or ``{"network": text}`` when the server could not be asked even then, or
    ``{"fatal": text}``.
    """

    def __init__(self, connector: str, day: str, deadline: str, previous: Sequence[Plain] | None) -> None:
        """Take names and ISO times only: secrets stay with the connection."""
        super().__init__()  # type: ignore[no-untyped-call]
        self.connector, self.day, self.deadline, self.previous = connector, day, deadline, previous

    def serialize(self) -> tuple[str, dict[str, Any]]:
        """Name this class and its arguments."""
        path = f"{type(self).__module__}.{type(self).__qualname__}"
        names = ("connector", "day", "deadline", "previous")
        return path, {name: getattr(self, name) for name in names}

    async def run(self) -> AsyncIterator[TriggerEvent]:
        """Look until there is something to say."""
        event = None
        while event is None:
            event = await self._look()
        yield TriggerEvent(event)  # type: ignore[no-untyped-call]

    async def _look(self) -> Plain | None:
        """Wait, look, and give the event when the watch is over."""
        late = dt.datetime.now(dt.UTC) >= dt.datetime.fromisoformat(self.deadline)
        try:
            connector = find_connector(self.connector)
            await asyncio.sleep(connector.collect.poll_seconds)
            day = dt.date.fromisoformat(self.day)
            place = await sync_to_async(collector)(connector, day)
            previous = None if self.previous is None else [restored(one, RemoteFile) for one in self.previous]
            seen = await watch(place, connector, day, previous)
        except Retriable as error:
            structlog.get_logger("wait_for_export").warning("cannot look, will look again", reason=str(error))
            return {"network": str(error)} if late else None
        except CommsArchiveError as error:
            return {"fatal": str(error)}
        self.previous = [plain(file) for file in seen.files]
        if isinstance(seen.verdict, Complete):
            return {"pickups": [plain(pickup) for pickup in seen.verdict.pickups]}
        if late and previous is not None:
            missing = list(seen.verdict.missing)
            return {"late": seen.verdict.why, "missing": missing, "files": len(seen.files)}
        return None
