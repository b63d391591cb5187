"""Dependencies that let a caller pass or refuse: each route has one of `caller`, `reader` and the others."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated
from urllib.parse import urlsplit

from airflow.sdk.configuration import conf
from fastapi import Depends, Path, Request

from commsarchive_airflow import auth
from commsarchive_airflow.web.api.refusal import Refusal
from commsarchive_airflow.web.book import book
from include.commsarchive.ledger.control import Act

NAME = r"^[a-zA-Z0-9_.~-]{1,250}$"
Name = Annotated[str, Path(pattern=NAME, description="name of a connector, which is its DAG's id")]


@dataclass(frozen=True, slots=True)
class Caller:
    """Who calls: the name by which Airflow knows them, and what it knows."""

    name: str
    user: auth.User

    def note(
        self, what: str, connector: str = "", thing: str = "", outcome: str = "done", **detail: object
    ) -> None:
        """Write into the audit trail.

        Raises:
            Retriable: it cannot be written; do not go on.
        """
        book().note(Act(self.name, what, connector, thing, outcome, detail))


def caller(user: Annotated[auth.User, Depends(auth.signed_in)]) -> Caller:
    """Let everybody pass who is signed in."""
    return Caller(auth.login(user), user)


Anybody = Annotated[Caller, Depends(caller)]


def changes(request: Request, who: Anybody) -> Caller:
    """Refuse a change that another site made the caller's browser ask for.

    A browser sends its cookie by itself, but no other site can make it send a bearer token, or claim that
    the request comes from this site.
    """
    headers = request.headers
    bearer = headers.get("authorization", "").lower().startswith("bearer ")
    origin = urlsplit(headers.get("origin", "")).netloc
    ours = {headers.get("host", ""), urlsplit(conf.get("api", "base_url", fallback="")).netloc}
    if bearer or headers.get("sec-fetch-site") == "same-origin" or (origin and origin in ours):
        return who
    raise Refusal(
        403,
        "cross-site",
        "a change with a cookie must come from Airflow's own pages",
        "Send a token of POST /auth/token as Authorization: Bearer",
    )


Changing = Annotated[Caller, Depends(changes)]


def reader(name: Name, who: Anybody) -> Caller:
    """Let those pass who may read the connector's DAG."""
    if auth.readable(who.user, [name]):
        return who
    raise Refusal(
        403, "not-allowed", f"you may not read {name}", "Ask for Airflow's permission to read its DAG"
    )


Reader = Annotated[Caller, Depends(reader)]


def operator(name: Name, who: Changing, _: Reader) -> Caller:
    """Let those pass who may trigger the connector's DAG."""
    if auth.may_trigger(who.user, name):
        return who
    raise _refused(who, "operate", name, "Ask for Airflow's permission to trigger its DAG")


def administrator(who: Anybody) -> Caller:
    """Let administrators of connectors look."""
    if auth.is_named(who.user, auth.ADMINS):
        return who
    raise _refused(who, "administer", "", f"Ask to be named in {auth.ADMINS}")


def admin(who: Changing) -> Caller:
    """Let administrators of connectors pass."""
    return administrator(who)


def admin_of(who: Annotated[Caller, Depends(admin)], _: Reader) -> Caller:
    """Let administrators of connectors pass who may also read this one."""
    return who


def compliance(name: Name, who: Reader) -> Caller:
    """Let those pass who may open message content."""
    if auth.is_named(who.user, auth.COMPLIANCE):
        return who
    raise _refused(who, "open-content", name, f"Ask to be named in {auth.COMPLIANCE}")


def auditor(who: Anybody) -> Caller:
    """Let administrators and those pass who may open message content."""
    if auth.is_named(who.user, auth.ADMINS) or auth.is_named(who.user, auth.COMPLIANCE):
        return who
    raise _refused(who, "read-audit-trail", "", f"Ask to be named in {auth.ADMINS} or {auth.COMPLIANCE}")


def verifier(who: Changing) -> Caller:
    """Let those of `auditor` pass who ask for a run."""
    return auditor(who)


def auditor_of(who: Annotated[Caller, Depends(auditor)], _: Reader) -> Caller:
    """Let those of `auditor` pass who may also read this connector."""
    return who


Operator = Annotated[Caller, Depends(operator)]
Administrator = Annotated[Caller, Depends(administrator)]
Admin = Annotated[Caller, Depends(admin)]
AdminOf = Annotated[Caller, Depends(admin_of)]
Compliance = Annotated[Caller, Depends(compliance)]
Auditor = Annotated[Caller, Depends(auditor)]
Verifier = Annotated[Caller, Depends(verifier)]
AuditorOf = Annotated[Caller, Depends(auditor_of)]


def _refused(who: Caller, what: str, connector: str, remedy: str) -> Refusal:
    """Keep in the trail who was refused what."""
    who.note(what, connector, outcome="refused")
    of = f" {connector}" if connector else ""
    return Refusal(403, "not-allowed", f"you may not {what.replace('-', ' ')}{of}", remedy)
