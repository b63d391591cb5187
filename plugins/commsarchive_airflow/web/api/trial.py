"""Trial of a definition: every step is tried for real, before the connector is made or activated."""

from __future__ import annotations

import datetime as dt
from functools import partial
from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import Field

from commsarchive_airflow.connections import collector, decryptor, directory, mailbox
from commsarchive_airflow.web.api.definitions import check
from commsarchive_airflow.web.api.people import CUSTOM, refuse_bad_rows
from commsarchive_airflow.web.api.refusal import PROBLEMS
from commsarchive_airflow.web.api.rights import Admin
from commsarchive_airflow.web.api.runs import audited
from commsarchive_airflow.web.book import book
from include.commsarchive.connector import Connector
from include.commsarchive.control.uploads import preview
from include.commsarchive.mapping.snapshot import Snapshot
from include.commsarchive.stages.trial import Doors, Tried, try_connector

router = APIRouter(tags=["connectors"], responses=PROBLEMS)


class Asked(Connector):
    """A definition, and the mapping file that will be uploaded when it is made."""

    upload: str = Field(default="", description="CSV, tried where `mapping.custom` is `uploaded`")


Tested = Annotated[
    dt.date | None, Query(description="business day of the export to look for; default: yesterday")
]


@router.post("/connectors/check")
def check_connector(asked: Asked, who: Admin, day: Tested = None) -> list[Tried]:
    """Try a definition for real, whether it is in use or not. It takes a while; nothing is filed or kept.

    Log in and list, look at the keys, fetch, decrypt and read one file, read directory and mapping, map
    who is in the file, ask for the mailboxes.
    """
    connector = Connector.model_validate(asked.model_dump(exclude={"upload"}))
    check(connector)
    custom = _custom(asked)
    day = day or dt.datetime.now(dt.UTC).date() - dt.timedelta(days=1)
    doors = Doors(partial(collector, sample=True), decryptor, directory, mailbox)
    with audited(who, "check-connector", connector.name, str(day)) as done:
        steps = list(try_connector(connector, day, doors, custom))
        done["wrong"] = [one.step for one in steps if not one.good]
        done["outcome"] = "failed" if done["wrong"] else "done"
    return steps


def _custom(asked: Asked) -> str:
    """Give the mapping to try: the one that came along, or the one in force.

    Raises:
        Refusal: a row of it is bad.
    """
    if not asked.upload:
        return book().mapping(asked.name, CUSTOM)
    after, change = preview(Snapshot(), asked.upload.encode())
    refuse_bad_rows(change)
    return after.to_json()
