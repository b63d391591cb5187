"""Pages and downloads below `/commsarchive`. Nothing is served to a caller who is not signed in."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from fastapi import Depends, FastAPI, HTTPException
from fastapi.responses import StreamingResponse

from commsarchive_airflow.auth import may_read_logs, signed_in
from commsarchive_airflow.connections import ledger_url
from commsarchive_airflow.wiring import ledger_run_id
from include.commsarchive.ledger.base import ImportRecord, Ledger
from include.commsarchive.ledger.sql import connect
from include.commsarchive.stages.import_log import csv_rows, json_pieces

app = FastAPI(
    title="commsarchive",
    dependencies=[Depends(signed_in)],
    docs_url=None,
    redoc_url=None,
    openapi_url=None,
)


@app.get("/import-log/{dag_id}/{run_id}.csv", dependencies=[Depends(may_read_logs)])
def import_log_csv(dag_id: str, run_id: str) -> StreamingResponse:
    """Download the import log of a run as CSV."""
    return _download(dag_id, run_id, "csv", "text/csv; charset=utf-8", csv_rows)


@app.get("/import-log/{dag_id}/{run_id}.json", dependencies=[Depends(may_read_logs)])
def import_log_json(dag_id: str, run_id: str) -> StreamingResponse:
    """Download the import log of a run as JSON."""
    return _download(dag_id, run_id, "json", "application/json", json_pieces)


def _download(
    dag_id: str,
    run_id: str,
    ending: str,
    media_type: str,
    pieces: Callable[[ImportRecord, Ledger], Iterator[str]],
) -> StreamingResponse:
    with connect(ledger_url()) as ledger:
        record = _last_record(ledger, ledger_run_id(dag_id, run_id))
    if record is None:
        raise HTTPException(404, f"{dag_id} {run_id}: no import record; the run has not closed")

    def content() -> Iterator[str]:
        with connect(ledger_url()) as ledger:
            yield from pieces(record, ledger)

    name = f"{record.connector}-{record.day}-{record.seq}.{ending}"
    headers: dict[str, Any] = {
        "Content-Disposition": f'attachment; filename="{name}"',
        "Cache-Control": "no-store",
        "X-Content-Type-Options": "nosniff",
    }
    return StreamingResponse(content(), media_type=media_type, headers=headers)


def _last_record(ledger: Ledger, run_id: str) -> ImportRecord | None:
    """A run that was cleared and closed again has more than one: the last counts."""
    records = [record for record in ledger.history() if record.run_id == run_id]
    return records[-1] if records else None
