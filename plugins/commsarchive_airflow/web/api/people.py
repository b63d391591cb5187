"""Whose mailboxes get copies: the mapping in force, uploads of another, and who has no mailbox."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request, Response
from pydantic import BaseModel, Field

from commsarchive_airflow.web.api.connectors import find, find_in_use
from commsarchive_airflow.web.api.definitions import IfMatch, refuse_stale
from commsarchive_airflow.web.api.pages import After, Limit, Page, cut
from commsarchive_airflow.web.api.refusal import CHANGES, PROBLEMS, UPLOADS, Fault, Refusal, not_there
from commsarchive_airflow.web.api.rights import Admin, AdminOf, Name, Reader
from commsarchive_airflow.web.book import book
from include.commsarchive.connector import UPLOADED
from include.commsarchive.control.uploads import Preview, preview, to_csv
from include.commsarchive.ledger.views import Custodian, MappingVersion, Unmapped
from include.commsarchive.mapping.snapshot import Snapshot

router = APIRouter(tags=["people"], responses=PROBLEMS)

LARGEST_UPLOAD = 16 * 1024 * 1024
"""Bytes; a quarter of a million people."""

CUSTOM = "custom"
_CSV: dict[str, Any] = {
    "requestBody": {"required": True, "content": {"text/csv": {"schema": {"type": "string"}}}}
}


class MappingState(BaseModel):
    """Where a connector's mapping comes from, and its versions, the one in force first."""

    origin: str = Field(description="path of a file, `uploaded`, or nothing")
    rows: int = Field(description="rows of the custom mapping in force")
    versions: list[MappingVersion]


async def uploaded(request: Request) -> bytes:
    """Read a body of bounded size."""
    content = bytearray()
    async for part in request.stream():
        content += part
        if len(content) > LARGEST_UPLOAD:
            raise Refusal(413, "too-large", f"more than {LARGEST_UPLOAD} bytes", "Split the connector")
    return bytes(content)


Upload = Annotated[bytes, Depends(uploaded)]


@router.get("/connectors/{name}/people")
def list_custodians(name: Name, _: Reader, after: After = "", limit: Limit = 50) -> Page[Custodian]:
    """List the mailboxes that got copies: how many, of which days."""
    return cut(book().custodians(name, after, limit + 1), limit, lambda one: one.mailbox)


@router.get("/connectors/{name}/people/unmapped")
def list_unmapped(name: Name, _: Reader) -> list[Unmapped]:
    """List who has no mailbox: since which day, and how many of their items wait to be replayed."""
    return book().unmapped_people(name)


@router.get("/connectors/{name}/mapping")
def get_mapping(name: Name, _: Reader, answer: Response) -> MappingState:
    """Give the mapping's versions. The ETag is what a change of it asks for."""
    connector = find(name)
    versions = [one for one in book().mapping_versions(name) if one.kind in (CUSTOM, "scope", "directory")]
    answer.headers["ETag"] = f'"{_in_force(name)[0]}"'
    return MappingState(origin=connector.mapping.custom, rows=len(_in_force(name)[1].rows), versions=versions)


@router.get("/connectors/{name}/mapping/{version}.csv", response_class=Response)
def download_mapping(name: Name, _: Reader, version: str) -> Response:
    """Download a version of the custom mapping as a file that can be uploaded again."""
    for one in book().kept_versions(name):
        if (one.kind, one.version) == (CUSTOM, version):
            found = to_csv(Snapshot.from_json(one.body))
            disposition = f'attachment; filename="{name}-mapping-{version[:12]}.csv"'
            return Response(found, media_type="text/csv", headers={"Content-Disposition": disposition})
    raise not_there(f"mapping version {version} of {name}")


@router.post("/mapping/preview", openapi_extra=_CSV, responses=UPLOADS)
def preview_new_mapping(_: Admin, content: Upload) -> Preview:
    """Say what is in a mapping file, for a connector that is not made yet, and name every bad row."""
    return preview(Snapshot(), content)[1]


@router.post("/connectors/{name}/mapping/preview", openapi_extra=_CSV, responses=UPLOADS)
def preview_mapping(name: Name, _: AdminOf, content: Upload) -> Preview:
    """Say what an upload would change, and name every bad row; nothing is changed."""
    return preview(_in_force(name)[1], content)[1]


@router.post("/connectors/{name}/mapping", openapi_extra=_CSV, responses=UPLOADS | CHANGES)
def accept_mapping(
    name: Name, who: AdminOf, content: Upload, answer: Response, if_match: IfMatch = ""
) -> Preview:
    """Put an upload in force from the next run on, when no row of it is bad; every version is kept."""
    origin = find_in_use(name).mapping.custom
    if origin != UPLOADED:
        raise Refusal(
            409,
            "mapping-elsewhere",
            f"the mapping of {name} is read from {origin or 'nowhere'}",
            f"Set `mapping.custom` of the connector to {UPLOADED}, or change the file",
        )
    version, before = _in_force(name)
    stale = Refusal(412, "outdated", f"version {version} is in force now", "Look at the preview again")
    refuse_stale(if_match, version, stale)
    after, change = preview(before, content)
    refuse_bad_rows(change)
    counts = {"rows": change.rows, "added": len(change.added), "removed": len(change.removed)}
    who.note("change-mapping", name, change.version, "asked", before=version, **counts)
    book().keep_mapping(name, CUSTOM, change.version, after.to_json())
    who.note("change-mapping", name, change.version)
    answer.headers["ETag"] = f'"{change.version}"'
    return change


def refuse_bad_rows(change: Preview) -> None:
    """Refuse an upload with bad rows, each named.

    Raises:
        Refusal: there are some.
    """
    if change.bad:
        refusal = Refusal(
            422, "bad-rows", f"{len(change.bad)} rows are bad", "Mend them; nothing was changed"
        )
        refusal.problem.faults = [Fault(key=f"row {bad.row}", message=bad.text) for bad in change.bad[:1000]]
        raise refusal


def _in_force(name: str) -> tuple[str, Snapshot]:
    body = book().mapping(name, CUSTOM)
    snapshot = Snapshot.from_json(body) if body else Snapshot()
    return snapshot.version if body else "none", snapshot
