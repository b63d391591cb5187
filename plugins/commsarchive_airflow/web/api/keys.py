"""A connector's keys: fingerprints, expiry, and the public halves to send to the vendor."""

from __future__ import annotations

import datetime as dt
from typing import Annotated

from fastapi import APIRouter, Path, Response
from pydantic import BaseModel, Field

from commsarchive_airflow.connections import public_keys
from commsarchive_airflow.web.api.connectors import find
from commsarchive_airflow.web.api.refusal import PROBLEMS, not_there
from commsarchive_airflow.web.api.rights import Name, Reader
from include.commsarchive.pgp.base import KeyInfo
from include.commsarchive.pgp.keys import expiring

router = APIRouter(tags=["keys"], responses=PROBLEMS)

WARNING = dt.timedelta(days=45)
"""As the upkeep warns."""

Fingerprint = Annotated[str, Path(pattern="^[0-9A-F]{16,64}$")]


class Key(BaseModel):
    """A key of ours, or of somebody whose signature we ask for."""

    fingerprint: str
    user_id: str
    ours: bool
    created: dt.datetime
    expires: dt.datetime | None
    warning: str = Field(default="", description="that it has expired or soon will, and what to do")


@router.get("/connectors/{name}/keys")
def list_keys(name: Name, _: Reader) -> list[Key]:
    """List a connector's keys; none where nothing is encrypted."""
    return [_key(one.info) for one in public_keys(find(name))]


@router.get("/connectors/{name}/keys/{fingerprint}.asc", response_class=Response)
def download_key(name: Name, _: Reader, fingerprint: Fingerprint) -> Response:
    """Download the public half of a key in ASCII armour."""
    for one in public_keys(find(name)):
        if one.info.fingerprint == fingerprint:
            disposition = f'attachment; filename="{name}-{fingerprint[-16:]}.pub.asc"'
            kind = "application/pgp-keys"
            return Response(one.armour, media_type=kind, headers={"Content-Disposition": disposition})
    raise not_there(f"key {fingerprint} of {name}")


def _key(info: KeyInfo) -> Key:
    now = dt.datetime.now(dt.UTC)
    return Key(
        fingerprint=info.fingerprint,
        user_id=info.user_id,
        ours=info.secret,
        created=dt.datetime.fromtimestamp(info.created, dt.UTC),
        expires=dt.datetime.fromtimestamp(info.expires, dt.UTC) if info.expires else None,
        warning=" ".join(expiring([info], now, WARNING)),
    )
