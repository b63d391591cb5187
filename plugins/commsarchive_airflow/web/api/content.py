"""What was set aside, opened: for those who may read messages. Each look is in the audit trail first."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from typing import Annotated, Any

from fastapi import APIRouter, Path
from fastapi.responses import StreamingResponse
from pydantic import BaseModel, Field

from commsarchive_airflow.web.api.refusal import PROBLEMS, Problem, Refusal, not_there
from commsarchive_airflow.web.api.rights import Compliance, Name
from commsarchive_airflow.web.book import book
from commsarchive_airflow.wiring import staging
from include.commsarchive.ledger.base import Held, HeldStage
from include.commsarchive.model import Attachment, Person
from include.commsarchive.stages.shards import decode
from include.commsarchive.staging.store import Folder

GONE: dict[int | str, dict[str, Any]] = {410: {"model": Problem, "description": "The bytes are lost"}}

router = APIRouter(tags=["quarantine"], responses=PROBLEMS | GONE)

SHOWN = 256 * 1024
"""Bytes of a record that are shown; the rest is in the download."""

BLOCK = 1024 * 1024

HELD_ID = "^[0-9a-f]{32}$"
HeldId = Annotated[str, Path(pattern=HELD_ID, description="id of a thing set aside")]


class ItemOpened(BaseModel):
    """An item that was set aside: what it says."""

    subject: str
    at: dt.datetime
    sender: Person
    to: tuple[Person, ...]
    cc: tuple[Person, ...]
    bcc: tuple[Person, ...]
    text: str
    attachments: tuple[Attachment, ...]


class Opened(BaseModel):
    """Something set aside, with its content: an item, or the text of a record that could not be read."""

    held: Held
    size: int = Field(description="bytes of the download")
    item: ItemOpened | None = None
    text: str = Field(default="", description="the beginning of a record that could not be read")


@router.get("/connectors/{name}/quarantine/{held_id}")
def open_held(name: Name, who: Compliance, held_id: HeldId) -> Opened:
    """Open something that was set aside."""
    held, folder, path = _look(name, who, held_id, "open-content")
    size = folder.size(path)
    if held.path.startswith("items/"):
        with folder.open(path) as stream:
            item = decode(stream.read())
        shown = ItemOpened(
            subject=item.subject,
            at=dt.datetime.fromtimestamp(item.at / 1000, dt.UTC),
            sender=item.sender,
            to=item.to,
            cc=item.cc,
            bcc=item.bcc,
            text=item.text,
            attachments=item.attachments,
        )
        return Opened(held=held, size=size, item=shown)
    if held.stage is HeldStage.DECRYPT:
        return Opened(held=held, size=size)
    with folder.open(path) as stream:
        return Opened(held=held, size=size, text=stream.read(SHOWN).decode("utf-8", "replace"))


@router.get("/connectors/{name}/quarantine/{held_id}/bytes", response_class=StreamingResponse)
def download_held(name: Name, who: Compliance, held_id: HeldId) -> StreamingResponse:
    """Download the bytes that were set aside, as they are."""
    _, folder, path = _look(name, who, held_id, "download-content")

    def content() -> Iterator[bytes]:
        with folder.open(path) as stream:
            while block := stream.read(BLOCK):
                yield block

    return StreamingResponse(
        content(),
        media_type="application/octet-stream",
        headers={
            "Content-Disposition": f'attachment; filename="{held_id}.bin"',
            "Content-Length": str(folder.size(path)),
        },
    )


def find_held(name: str, held_id: str) -> Held:
    """Give something that was set aside, waiting or not.

    Raises:
        Refusal: there is none of this id, or it is another connector's.
    """
    held = book().held_one(held_id)
    if held is None or held.connector != name:
        raise not_there(f"held thing {held_id} of {name}")
    return held


def _look(name: str, who: Compliance, held_id: str, what: str) -> tuple[Held, Folder, str]:
    """Find something set aside and its bytes, and keep in the trail who looks at it."""
    held = find_held(name, held_id)
    folder = staging().held(name)
    if held.path.startswith("items/"):
        path = f"{held.path}/item.jsonl"
    elif held.stage is HeldStage.DECRYPT:
        path = f"{held.path}/raw/{held.place}"
    else:
        path = f"{held.path}/refused/{held.sha256}"
    if not folder.exists(path):
        raise Refusal(
            410, "bytes-gone", f"the bytes of {held_id} are not in staging", "Restore staging from its backup"
        )
    who.note(what, name, held_id, reason=held.reason, day=held.day.isoformat())
    return held, folder, path
