"""Keys that lie in Airflow's connections, changed: only where the connection lies in Airflow's own database.

Works where Airflow's models may be used, which are no stable interface (3.3): in the web server.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from airflow.models.connection import Connection
from airflow.sdk import BaseHook
from airflow.sdk.exceptions import AirflowNotFoundException
from airflow.utils.session import create_session
from sqlalchemy import select

from include.commsarchive.errors import Fatal

Extra = dict[str, Any]


def extra_of(conn_id: str) -> Extra:
    """Give the extras of a connection, wherever it is kept.

    Raises:
        Fatal: there is none.
    """
    try:
        return dict(BaseHook.get_connection(conn_id).extra_dejson)
    except AirflowNotFoundException as error:
        raise Fatal(f"no Airflow connection {conn_id}. Add it under Admin, Connections") from error


def change_extra(conn_id: str, change: Callable[[Extra], Extra]) -> None:
    """Change the extras of a connection, in one transaction with reading them.

    Raises:
        Fatal: it does not lie in Airflow's database, so that we cannot write it.
    """
    in_use = extra_of(conn_id)
    with create_session(scoped=False) as session:  # its own: looking the connection up would end a shared one
        row = session.scalar(select(Connection).where(Connection.conn_id == conn_id).with_for_update())
        if row is None or row.extra_dejson != in_use:
            raise Fatal(
                f"the connection {conn_id} is kept outside of Airflow's database, where we cannot write. Use "
                "`keys next` and `keys retire` of the command line, and put what they write there yourself"
            )
        row.set_extra(json.dumps(change(row.extra_dejson)))
