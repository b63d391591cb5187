"""The directory: users and groups. Source: Microsoft's pages on user, on group and on paging."""

from __future__ import annotations

from collections.abc import Iterator

from tests.servers.graph import query
from tests.servers.graph.service import Service
from tests.servers.graph.store import Group, User
from tests.servers.graph.wire import GraphError, Json, Reply, Request

MOST_CLAUSES = 15
"""How many conditions the directory lets a filter join with ``or``."""

_EXCHANGE_PLAN = "efb87545-963c-4e0d-99df-69c6916d9eb0"
"""Exchange Online (plan 2), of Microsoft's list of service plans."""

_USUAL = ("id", "displayName", "givenName", "surname", "mail", "userPrincipalName", "jobTitle", "mobilePhone")


class Directory:
    """Answers what is about users and groups, and about a mailbox's settings."""

    def __init__(self, service: Service) -> None:
        self._service = service
        self._store = service.store

    def answer(self, request: Request) -> Reply:
        """Answer one call.

        Raises:
            GraphError: a refusal.
        """
        match [request.method, *request.segments]:
            case ["GET", "users", name, "mailboxsettings"]:
                return self._settings(request, name)
            case ["GET", "users"]:
                self._service.allow(request, "User.Read.All", "Directory.Read.All")
                return self._page(request, [_user(one) for one in self._store.users.values()])
            case ["GET", "users", name]:
                self._service.allow(request, "User.Read.All", "Directory.Read.All")
                user = self._store.user(name)
                if user is None:
                    raise _no_resource(name)
                return Reply(200, _chosen(_user(user), request))
            case ["GET", "groups", *rest]:
                self._service.allow(request, "GroupMember.Read.All", "Directory.Read.All")
                return self._groups(request, rest)
        raise GraphError(400, "BadRequest", f"Resource not found for the segment '{request.segments[-1]}'.")

    def _groups(self, request: Request, rest: list[str]) -> Reply:
        if not rest:
            return self._page(request, [_group(one) for one in self._store.groups.values()])
        group = self._store.groups.get(rest[0])
        if group is None:
            raise _no_resource(rest[0])
        match rest[1:]:
            case []:
                return Reply(200, _chosen(_group(group), request))
            case ["members" | "transitivemembers" as which, *kind]:
                members = _everybody(group) if which == "transitivemembers" else iter(group.members)
                shown = [_member(one) for one in {one.id: one for one in members}.values()]
                if kind and kind[0].lower() == "microsoft.graph.user":
                    shown = [one for one in shown if one["@odata.type"].endswith("user")]
                return self._page(request, shown)
        raise GraphError(400, "BadRequest", f"Resource not found for the segment '{rest[-1]}'.")

    def _settings(self, request: Request, name: str) -> Reply:
        self._service.allow(request, "MailboxSettings.Read", "MailboxSettings.ReadWrite")
        self._service.mailbox(name)
        user = self._store.user(name)
        return Reply(200, {"userPurpose": user.purpose if user else "unknown", "timeZone": "UTC"})

    def _page(self, request: Request, found: list[Json]) -> Reply:
        if wanted := request.query.get("$filter"):
            clauses = wanted.lower().count(" or ") + 1
            if clauses > MOST_CLAUSES:
                text = (
                    "Too many child clauses specified in search filter expression containing 'OR' operators"
                )
                text = f"{text}: {clauses}. Max allowed: {MOST_CLAUSES}."
                raise GraphError(400, "Request_UnsupportedQuery", text)
            test = query.matcher(wanted)
            found = [one for one in found if test(one)]
        return self._service.page(request, found, lambda one: _chosen(one, request), usual=100, most=999)


def _everybody(group: Group) -> Iterator[User | Group]:
    for member in group.members:
        yield member
        if isinstance(member, Group):
            yield from _everybody(member)


def _user(user: User) -> Json:
    plan = {
        "assignedDateTime": "2025-01-01T00:00:00Z",
        "capabilityStatus": "Enabled" if user.licensed else "Deleted",
        "service": "exchange",
        "servicePlanId": _EXCHANGE_PLAN,
    }
    return {
        "id": user.id,
        "displayName": user.display_name,
        "givenName": None,
        "surname": None,
        "mail": user.mail,
        "userPrincipalName": user.principal_name,
        "jobTitle": None,
        "mobilePhone": None,
        "accountEnabled": user.enabled,
        "proxyAddresses": list(user.addresses),
        "otherMails": [],
        "userType": "Member",
        "assignedPlans": [plan] if user.purpose == "user" else [],
        "assignedLicenses": [{"disabledPlans": [], "skuId": _EXCHANGE_PLAN}] if user.licensed else [],
    }


def _group(group: Group) -> Json:
    return {"id": group.id, "displayName": group.display_name, "mail": group.mail or None, "groupTypes": []}


def _member(member: User | Group) -> Json:
    if isinstance(member, Group):
        return {"@odata.type": "#microsoft.graph.group", **_group(member)}
    return {"@odata.type": "#microsoft.graph.user", **_user(member)}


def _chosen(fields: Json, request: Request) -> Json:
    select = request.query.get("$select")
    names = query.selected(select, fields, "user") if select else [*_USUAL, "groupTypes"]
    kept = {"@odata.type", "id", *names} if not select or "@odata.type" in fields else set(names)
    return {name: value for name, value in fields.items() if name in kept}


def _no_resource(name: str) -> GraphError:
    text = (
        f"Resource '{name}' does not exist or one of its queried reference-property objects are not present."
    )
    return GraphError(404, "Request_ResourceNotFound", text)
