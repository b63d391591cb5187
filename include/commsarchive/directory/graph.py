"""Microsoft Entra ID as Graph shows it: users with their addresses, and who is in a group.

Sources: learn.microsoft.com, Graph v1.0, "List users", "List group transitive members", "Paging". Whether a
mailbox is on hold is Exchange's to know; Graph has no field for it.
"""

from __future__ import annotations

import asyncio
import re
from codecs import BOM_UTF8
from collections.abc import AsyncIterator, Collection
from http.client import INTERNAL_SERVER_ERROR, TOO_MANY_REQUESTS
from typing import Any
from urllib.parse import quote

import aiohttp
import msgspec
from yarl import URL

from include.commsarchive.address import is_mailbox
from include.commsarchive.directory.base import DirectoryUser
from include.commsarchive.errors import Fatal, Retriable
from include.commsarchive.microsoft import Application, SignIn
from include.commsarchive.proxy import proxy_for
from include.commsarchive.retry_after import retry_after
from include.commsarchive.trust import trusted

PAGE = 999
"""Entries of one answer: the most that Graph gives."""

_FIELDS = "id,mail,userPrincipalName,userType,proxyAddresses,accountEnabled,assignedPlans"
_ID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_TIMEOUT = aiohttp.ClientTimeout(total=60)
_TRIES = 3
WAIT = 1.0
"""Seconds between two tries where Graph names none."""
_LONGEST_WAIT = 30.0
"""Seconds that we wait at most before asking for a page again."""


class _Page(msgspec.Struct):
    value: list[dict[str, Any]]
    following: str | None = msgspec.field(name="@odata.nextLink", default=None)

    def __post_init__(self) -> None:
        if not all(one.get("id") for one in self.value):
            raise ValueError("an entry has no id")


class GraphDirectory:
    """A `Directory` in the cloud. Groups are named by their id, their name or their address."""

    def __init__(self, application: Application) -> None:
        """Take the application that may read users and groups (User.Read.All, GroupMember.Read.All).

        Raises:
            Fatal: there are no certificates in the file that it trusts.
        """
        self._of = application
        self._trust = trusted(f"connection {application.name}", "verify", application.verify)
        self._sign_in = SignIn(application)

    def users(self, groups: Collection[str]) -> list[DirectoryUser]:
        """See `Directory.users`."""
        return asyncio.run(self._read(sorted(set(groups))))

    async def _read(self, groups: Collection[str]) -> list[DirectoryUser]:
        connector = aiohttp.TCPConnector(ssl=self._trust)
        async with aiohttp.ClientSession(connector=connector, timeout=_TIMEOUT) as http:
            users = f"users?$select={_FIELDS}&$top={PAGE}"
            found = {one["id"]: one async for one in self._pages(http, users) if _has_mailbox(one)}
            within: dict[str, list[str]] = {one: [] for one in found}
            for group in groups:
                identifier = await self._group(http, group)
                members = f"groups/{identifier}/transitiveMembers?$select=id&$top={PAGE}"
                async for member in self._pages(http, members):
                    within.get(member["id"], []).append(group)
        return sorted(_user(one, tuple(within[key])) for key, one in found.items())

    async def _group(self, http: aiohttp.ClientSession, group: str) -> str:
        """Find a group's id by its name or address."""
        if _ID.fullmatch(group):
            return group
        name = group.replace("'", "''")
        called = quote(f"displayName eq '{name}' or mail eq '{name}'")
        found = [str(one["id"]) async for one in self._pages(http, f"groups?$select=id&$filter={called}")]
        if len(found) != 1:
            raise Fatal(
                f"connection {self._of.name}: {len(found) or 'no'} groups are called {group}. Write the id "
                "of the one that is meant into `mapping.groups`"
            )
        return found[0]

    async def _pages(self, http: aiohttp.ClientSession, query: str) -> AsyncIterator[dict[str, Any]]:
        """Give the entries of a list, page after page."""
        url = URL(f"{self._of.graph}/v1.0/{query}", encoded=True)
        while True:
            page = await self._page(http, url)
            for one in page.value:
                yield one
            if not page.following:
                return
            further = url.join(URL(page.following, encoded=True))  # OData lets it be relative
            if further.origin() != url.origin() or further == url:
                raise Fatal(f"connection {self._of.name}: Graph sends us elsewhere for the rest of a list")
            url = further

    async def _page(self, http: aiohttp.ClientSession, url: URL) -> _Page:
        """Ask for one page, a few times where Graph is busy or out of reach: reading changes nothing."""
        for left in reversed(range(_TRIES)):
            try:
                return await self._ask(http, url)
            except Retriable as error:
                wait = WAIT if error.retry_after is None else error.retry_after
                if not left or wait > _LONGEST_WAIT:
                    raise
                await asyncio.sleep(wait)
        raise AssertionError

    async def _ask(self, http: aiohttp.ClientSession, url: URL) -> _Page:
        headers = {"Authorization": f"Bearer {self._sign_in.token()}"}
        try:
            async with http.get(url, headers=headers, proxy=proxy_for(str(url))) as answer:
                content = await answer.read()
                if answer.ok:
                    return msgspec.json.decode(content.removeprefix(BOM_UTF8), type=_Page)
                raise self._refusal(answer)
        except (aiohttp.ClientError, TimeoutError) as error:
            raise Retriable(
                f"connection {self._of.name}: the directory cannot be read: {type(error).__name__}. Try again"
            ) from error
        except msgspec.MsgspecError as error:
            raise Retriable(
                f"connection {self._of.name}: the directory cannot be read: its answer is no list of people "
                f"or groups: {error}. Try again; if it stays, check that host is Graph's"
            ) from error

    def _refusal(self, answer: aiohttp.ClientResponse) -> Fatal | Retriable:
        """Say who must act."""
        where, what = f"connection {self._of.name}: Graph answers {answer.status}", answer.url.path
        if answer.status == TOO_MANY_REQUESTS or answer.status >= INTERNAL_SERVER_ERROR:
            return Retriable(f"{where} to {what}. Try again", retry_after=retry_after(answer.headers))
        remedy = {
            401: "Mend the application's secret or certificate",
            403: "Grant the application User.Read.All and GroupMember.Read.All, and consent to it",
            404: "Mend the ids in `mapping.groups`",
        }
        return Fatal(f"{where} to {what}. {remedy.get(answer.status, 'Mend the connection')}")


def _has_mailbox(user: dict[str, Any]) -> bool:
    """Leave out guests, whose address is another organisation's, and accounts without any."""
    return user.get("userType") != "Guest" and is_mailbox(str(user.get("mail") or ""))


def _user(user: dict[str, Any], groups: tuple[str, ...]) -> DirectoryUser:
    mailbox = str(user["mail"]).lower()
    kinds = [str(one).partition(":") for one in user.get("proxyAddresses") or ()]
    stated = [address for kind, _, address in kinds if kind.lower() == "smtp"]
    stated.append(str(user.get("userPrincipalName") or ""))
    addresses = {one.lower() for one in stated if is_mailbox(one)}
    plans = user.get("assignedPlans") or ()
    return DirectoryUser(
        mailbox=mailbox,
        aliases=tuple(sorted(addresses - {mailbox})),
        enabled=bool(user.get("accountEnabled", True)),
        licensed=any(
            plan.get("service") == "exchange" and plan.get("capabilityStatus") in {"Enabled", "Warning"}
            for plan in plans
        ),
        groups=groups,
    )
