"""Who has which mailbox, and whether anything can be filed in it."""

from __future__ import annotations

from http import HTTPStatus
from urllib.parse import quote

from include.commsarchive.errors import Fatal
from include.commsarchive.mailbox.graph.answers import Answer, Json, Refusal
from include.commsarchive.mailbox.graph.box import Box, Doubt
from include.commsarchive.mailbox.graph.wire import Wire

NO_MAILBOX = "no-such-mailbox"
DENIED = "access-denied-to-mailbox"

_SELECT = "id,mail,userPrincipalName,proxyAddresses,accountEnabled,assignedPlans"
GONE = {
    "ErrorInvalidUser",
    "ErrorNonExistentMailbox",
    "MailboxNotEnabledForRESTAPI",
    "Request_ResourceNotFound",
    "ResourceNotFound",
}
"""Codes that say that somebody has no mailbox here."""


class Directory:
    """Looks people up in the tenant's directory, each once."""

    def __init__(self, wire: Wire, connection: str) -> None:
        """Use these connections; ``connection`` is what error texts call them."""
        self._wire = wire
        self._connection = connection

    async def user(self, box: Box) -> str:
        """Find whose mailbox this is: the directory's id, ``""`` when it is nobody's.

        Raises:
            Doubt: there is no clear answer.
            Fatal: we may not ask the directory.
        """
        async with box.lock:
            if not box.user:
                box.facts = await self._look_up(box)
                box.user = quote(str(box.facts.get("id") or ""), safe="")
            return box.user

    async def path(self, box: Box) -> str:
        """Give the place of somebody's mail.

        Raises:
            Refusal: there is no such person.
            Doubt: there is no clear answer.
            Fatal: we may not ask the directory.
        """
        user = await self.user(box)
        if not user:
            raise Refusal(NO_MAILBOX)
        return f"/users/{user}"

    async def refusal(self, box: Box) -> str:
        """Say why nothing can be filed in a mailbox, ``""`` when something can.

        Raises:
            Doubt: there is no clear answer.
            Fatal: we may not ask the directory.
        """
        reason = await self._asked(box)
        if reason and await self._asked(box) != reason:  # nobody's mail goes elsewhere for a passing fault
            raise Doubt("server-error")
        return reason

    async def _asked(self, box: Box) -> str:
        user = await self.user(box)
        if not user:
            return NO_MAILBOX
        answer = await self._wire.get(box, f"/users/{user}/mailFolders/inbox", {"$select": "id"})
        return "" if answer.ok else self._reason(box, answer)

    def _reason(self, box: Box, answer: Answer) -> str:
        if answer.code in GONE:
            return _why_gone(box.facts)
        if answer.status == HTTPStatus.FORBIDDEN:
            return DENIED
        raise Doubt("server-error", request_id=answer.request_id)

    async def _look_up(self, box: Box) -> Json:
        """Find a person by address; who has it as the mailbox's own goes before who signs in with it."""
        text = box.address.replace("'", "''")
        clauses = (
            f"mail eq '{text}'",
            f"userPrincipalName eq '{text}'",
            f"proxyAddresses/any(p:p eq 'smtp:{text}')",
        )
        query = {"$filter": " or ".join(clauses), "$select": _SELECT}
        found = await self._wire.pages(box, "/users", query)
        if isinstance(found, Answer):
            if found.code == "Authorization_RequestDenied":
                raise Fatal(
                    f"{self._connection}: the application may not look people up. Grant it the "
                    "application permission User.Read.All and consent to it"
                )
            raise Doubt("server-error", request_id=found.request_id)
        wanted = box.address.casefold()
        theirs = [one for one in found if wanted in _addresses(one)]  # not every server filters
        return min(theirs, key=lambda one: str(one.get("mail") or "").casefold() != wanted, default={})


def _addresses(user: Json) -> set[str]:
    proxies = [str(one).casefold().removeprefix("smtp:") for one in user.get("proxyAddresses") or []]
    return {str(user.get(name) or "").casefold() for name in ("mail", "userPrincipalName")} | set(proxies)


def _why_gone(facts: Json) -> str:
    plans = facts.get("assignedPlans") or []
    licensed = any(
        one.get("service") == "exchange" and one.get("capabilityStatus") in {"Enabled", "Warning"}
        for one in plans
        if isinstance(one, dict)
    )
    if facts.get("accountEnabled") is False:
        return "mailbox-disabled"
    return NO_MAILBOX if licensed else "mailbox-not-licensed"
