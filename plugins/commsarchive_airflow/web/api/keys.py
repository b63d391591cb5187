"""A connector's keys: what they are, their public halves, and their rotation."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Path, Response
from pydantic import BaseModel, ConfigDict, Field

from commsarchive_airflow import auth
from commsarchive_airflow.connections import public_keys
from commsarchive_airflow.endings import look_at_expiry
from commsarchive_airflow.keys import change_extra, extra_of
from commsarchive_airflow.web.api.connectors import find, find_in_use
from commsarchive_airflow.web.api.refusal import PROBLEMS, Refusal, not_there
from commsarchive_airflow.web.api.rights import AdminOf, Caller, Name, Reader
from commsarchive_airflow.web.api.runs import audited
from commsarchive_airflow.web.book import book
from commsarchive_airflow.web.overview import everything
from include.commsarchive.connector import Connector
from include.commsarchive.pgp.base import KeyInfo
from include.commsarchive.pgp.keys import expiring
from include.commsarchive.pgp.rotation import letter, next_pair, public_name, state_of, with_next, without

router = APIRouter(tags=["keys"], responses=PROBLEMS)

WARNING = dt.timedelta(days=45)
"""As the upkeep warns."""

Fingerprint = Annotated[str, Path(pattern="^[0-9A-F]{16,64}$")]


class Key(BaseModel):
    """A key of ours, or of somebody whose signature we ask for."""

    fingerprint: str
    user_id: str
    ours: bool
    state: Literal["in force", "next", "retired"] = Field(
        description="next: beside an older one in force; retired: only kept to open old files"
    )
    created: dt.datetime
    expires: dt.datetime | None
    warning: str = Field(default="", description="that it has expired or soon will, and what to do")
    letter: str = Field(default="", description="of the next key: what to send to the vendor with it")


class NextKey(BaseModel):
    """What the next key says of itself."""

    model_config = ConfigDict(extra="forbid")

    email: str = Field(
        pattern=r"^[^\s@<>\x00-\x1f]{1,64}@[^\s@<>\x00-\x1f]{1,200}$", description="address in the key"
    )
    days: int = Field(default=730, ge=1, le=3650, description="it ends after so many")
    algorithm: Literal["rsa4096", "ed25519"] = Field(
        default="rsa4096", description="rsa4096 is what old software takes"
    )


@router.get("/connectors/{name}/keys")
def list_keys(name: Name, _: Reader) -> list[Key]:
    """List a connector's keys; none where nothing is encrypted."""
    return _keys(find(name))


@router.post("/connectors/{name}/keys", status_code=201)
def start_rotation(name: Name, asked: NextKey, who: AdminOf) -> list[Key]:
    """Make the next pair. Files for the old key and for the next one are opened from now on.

    The private half goes into the Airflow connection beside the old one; send the public half to the vendor.
    Connectors that share the connection share the keys: you must be able to read all of them.
    """
    connector, conn_id = _encrypted(name)
    _refuse_hidden(who, "rotate-key", name, conn_id)
    with _audited(who, "rotate-key", conn_id, conn_id, algorithm=asked.algorithm, days=asked.days) as done:
        pair, entry = next_pair(
            extra_of(conn_id),
            connector.title or name,
            asked.email,
            days=asked.days,
            algorithm=asked.algorithm,
        )
        change_extra(conn_id, lambda extra: with_next(extra, entry))
        done["fingerprint"] = pair.fingerprint
    return _keys(connector)


@router.post("/connectors/{name}/keys/{fingerprint}/retirement")
def retire_key(name: Name, fingerprint: Fingerprint, who: AdminOf) -> list[Key]:
    """Finish a rotation: retire the old key. What was encrypted to it is opened as before."""
    connector, conn_id = _encrypted(name)
    today = dt.datetime.now(dt.UTC)
    _refuse_hidden(who, "retire-key", name, conn_id)
    with _audited(who, "retire-key", conn_id, fingerprint, connection=conn_id):
        change_extra(conn_id, lambda extra: without(extra, fingerprint, today.date()))
    look_at_expiry(book(), sharing(conn_id), today)
    return _keys(connector)


def sharing(conn_id: str) -> list[Connector]:
    """List the connectors whose keys lie in a connection."""
    connectors = everything().connectors.values()
    return [one for one in connectors if one.pgp and one.pgp.connection == conn_id]


def _refuse_hidden(who: Caller, what: str, name: str, conn_id: str) -> None:
    """Refuse to change keys that also open the files of connectors that the caller may not read."""
    names = {one.name for one in sharing(conn_id)}
    if names - auth.readable(who.user, names):
        who.note(what, name, conn_id, "refused")
        raise Refusal(
            403,
            "not-allowed",
            f"connectors that you may not read share the connection {conn_id} and its keys",
            "Ask for Airflow's permission to read the DAGs of all of them",
        )


@contextmanager
def _audited(who: Caller, what: str, conn_id: str, thing: str, **detail: Any) -> Iterator[dict[str, Any]]:
    """Do as `audited`, for each connector whose keys lie in a connection."""
    done: dict[str, Any] = {}
    with ExitStack() as stack:
        each = [
            stack.enter_context(audited(who, what, one.name, thing, **detail)) for one in sharing(conn_id)
        ]
        yield done
        for one in each:
            one.update(done)


@router.get("/connectors/{name}/keys/{fingerprint}.asc", response_class=Response)
def download_key(name: Name, _: Reader, fingerprint: Fingerprint) -> Response:
    """Download the public half of a key in ASCII armour."""
    for one in public_keys(find(name)):
        if one.info.fingerprint == fingerprint:
            disposition = f'attachment; filename="{public_name(name, fingerprint)}"'
            kind = "application/pgp-keys"
            return Response(one.armour, media_type=kind, headers={"Content-Disposition": disposition})
    raise not_there(f"key {fingerprint} of {name}")


def _encrypted(name: str) -> tuple[Connector, str]:
    """Give a connector in use that has keys, and the connection in which they lie."""
    connector = find_in_use(name)
    if connector.pgp is None:
        raise Refusal(
            409, "not-possible", f"{name} takes files that are not encrypted", "Add a `pgp` section first"
        )
    return connector, connector.pgp.connection


def _keys(connector: Connector) -> list[Key]:
    infos = [one.info for one in public_keys(connector)]
    return [_key(connector, info, infos) for info in infos]


def _key(connector: Connector, info: KeyInfo, infos: list[KeyInfo]) -> Key:
    now, state = dt.datetime.now(dt.UTC), state_of(info, infos)
    file = public_name(connector.name, info.fingerprint)
    return Key(
        fingerprint=info.fingerprint,
        user_id=info.user_id,
        ours=info.secret,
        state=state,
        created=dt.datetime.fromtimestamp(info.created, dt.UTC),
        expires=dt.datetime.fromtimestamp(info.expires, dt.UTC) if info.expires else None,
        warning=" ".join(expiring([info], now, WARNING)),
        letter=letter(info, infos, file, connector.title) if state == "next" else "",
    )
