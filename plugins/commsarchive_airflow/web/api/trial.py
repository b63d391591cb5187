"""Trial of a definition: every step is tried for real, before the connector is made or activated."""

from __future__ import annotations

import datetime as dt
from typing import Annotated

from fastapi import APIRouter, Query

from commsarchive_airflow.connections import collector, decryptor, directory, mailbox
from commsarchive_airflow.web.api.definitions import check
from commsarchive_airflow.web.api.refusal import PROBLEMS
from commsarchive_airflow.web.api.rights import Admin
from commsarchive_airflow.web.book import book
from include.commsarchive.connector import Connector
from include.commsarchive.stages.trial import Doors, Tried, try_doors, try_mapping

router = APIRouter(tags=["connectors"], responses=PROBLEMS)

Tested = Annotated[
    dt.date | None, Query(description="business day of the export to look for; default: yesterday")
]


@router.post("/connectors/check")
def check_connector(connector: Connector, who: Admin, day: Tested = None) -> list[Tried]:
    """Try a definition for real, whether it is in use or not. It takes a while; nothing is filed or kept.

    Log in and list, look at the keys, fetch and decrypt one file, reach the mailboxes, read the mapping.
    """
    check(connector)
    day = day or dt.datetime.now(dt.UTC).date() - dt.timedelta(days=1)
    who.note("check-connector", connector.name, str(day), "asked")
    doors = Doors(collector, decryptor, directory, mailbox)
    steps = [*try_doors(connector, day, doors), try_mapping(connector, book())]
    wrong = [one.step for one in steps if not one.good]
    who.note("check-connector", connector.name, str(day), "failed" if wrong else "done", wrong=wrong)
    return steps
