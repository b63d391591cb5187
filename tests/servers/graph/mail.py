"""Folders and messages of a mailbox: the calls of Graph on them."""

from __future__ import annotations

from tests.servers.graph import messages, mime, query, shapes, uploads
from tests.servers.graph.properties import canonical, checked
from tests.servers.graph.service import Service, find_message, no_item, room
from tests.servers.graph.store import DELETIONS, PURGES, ROOT, Folder, Mailbox, Message
from tests.servers.graph.wire import GraphError, Json, Reply, Request


class Mail:
    """Answers everything below ``/users/{id}`` that is about mail."""

    def __init__(self, service: Service) -> None:
        self._service = service
        self._store = service.store
        self.uploads = uploads.Uploads(service)

    def answer(self, request: Request) -> Reply:  # noqa: C901, PLR0911 - a table of calls
        """Answer one call.

        Raises:
            GraphError: a refusal.
        """
        self._service.allow(request, "Mail.ReadWrite")
        mailbox = self._service.mailbox(request.segments[1])
        match [request.method, *_shortened(request.segments[2:])]:
            case ["GET", "mailfolders"]:
                return self._folders(request, mailbox, mailbox.known[ROOT])
            case ["GET", "mailfolders", folder]:
                return self._folder_reply(200, self._folder(mailbox, folder), request)
            case ["GET", "mailfolders", folder, "childfolders"]:
                return self._folders(request, mailbox, self._folder(mailbox, folder))
            case ["POST", "mailfolders"]:
                return self._new_folder(request, mailbox, mailbox.known[ROOT])
            case ["POST", "mailfolders", folder, "childfolders"]:
                return self._new_folder(request, mailbox, self._folder(mailbox, folder))
            case ["POST", "mailfolders", folder, "messages"]:
                return self._create(request, mailbox, self._folder(mailbox, folder))
            case ["POST", "messages"]:
                return self._create(request, mailbox, mailbox.known["drafts"])
            case ["GET", "mailfolders", folder, "messages"]:
                return self._list(request, [self._folder(mailbox, folder)])
            case ["GET", "messages"]:
                return self._list(request, list(mailbox.folders.values()))
            case [_, "messages", identifier, *rest] | [_, "mailfolders", _, "messages", identifier, *rest]:
                return self._one(request, mailbox, identifier, rest)
        raise GraphError(400, "BadRequest", f"Resource not found for the segment '{request.segments[-1]}'.")

    def _folder(self, mailbox: Mailbox, name: str) -> Folder:
        known = name.lower()
        if known in mailbox.known and (known != PURGES or self._service.purges):
            return mailbox.known[known]
        if name not in mailbox.folders:
            if len(name) < len("AAMkADk") or not name.startswith("AAMk"):
                raise GraphError(400, "ErrorInvalidIdMalformed", "Id is malformed.")
            raise no_item()
        return mailbox.folders[name]

    def _folders(self, request: Request, mailbox: Mailbox, parent: Folder) -> Reply:
        hidden = request.query.get("includeHiddenFolders", "").lower() == "true"
        found = [_folder_fields(one) for one in parent.children.values() if hidden or not one.hidden]
        if wanted := request.query.get("$filter"):
            test = query.matcher(wanted)
            found = [one for one in found if test(one)]
        return self._service.page(request, found, lambda one: _chosen(one, request))

    def _folder_reply(self, status: int, folder: Folder, request: Request) -> Reply:
        return Reply(status, _chosen(_folder_fields(folder), request))

    def _new_folder(self, request: Request, mailbox: Mailbox, parent: Folder) -> Reply:
        given = request.json()
        shapes.check(given, shapes.FOLDER, "mailFolder")
        name = given.get("displayName")
        if not isinstance(name, str) or not name.strip():
            raise GraphError(400, "ErrorInvalidRequest", "The folder's name is missing.")
        with self._store.lock:
            folder = self._store.add_folder(mailbox, parent, name, hidden=bool(given.get("isHidden")))
            if not request.copies:
                del parent.children[name.lower()], mailbox.folders[folder.id]
        return self._folder_reply(201, folder, request)

    def _create(self, request: Request, mailbox: Mailbox, folder: Folder) -> Reply:
        sent = None
        if request.headers.get("content-type", "").startswith("text/plain"):
            given, sent = mime.parsed(request.body)
        else:
            given = request.json()
            shapes.check(given, shapes.MESSAGE, "message")
        if folder is mailbox.known[PURGES] and not self._service.purges:
            raise GraphError(403, "ErrorAccessDenied", "Access is denied. Check credentials and try again.")
        service = self._service
        with self._store.lock:
            now = service.clock()
            made = [
                messages.build(self._store, given, now, service.honours, mailbox.address)
                for _ in range(max(request.copies, 1))
            ]
            for message in made:
                self._check_sizes(message)
                if sent is not None:
                    message.fields["sentDateTime"] = sent
            room(mailbox, len(request.body) * request.copies)
            for message in made[: request.copies]:
                folder.add(message)
                mailbox.places[message.id] = folder
            made[0].fields["parentFolderId"] = folder.id
        return Reply(201, messages.shown(made[0]))

    def _check_sizes(self, message: Message) -> None:
        if any(len(one.content) > self._service.limits.attachment for one in message.attachments.values()):
            raise uploads.too_large()

    def _list(self, request: Request, folders: list[Folder]) -> Reply:
        wanted = request.query.get("$filter", "")
        if wanted.lower().count(" or ") >= self._service.limits.clauses:
            text = "The restriction or sort order is too complex for this operation."
            raise GraphError(400, "ErrorRestrictionTooComplex", text)
        with self._store.lock:
            found = _matching(folders, wanted)
        order = request.query.get("$orderby") or ("" if wanted else "receivedDateTime desc")
        if order:
            name, _, way = order.partition(" ")
            found.sort(key=lambda one: str(one.fields.get(name, "")), reverse=way.strip().lower() == "desc")
        expand, files = query.expanded(request.query.get("$expand", ""))
        select = request.query.get("$select", "")
        return self._service.page(
            request, found, lambda one: messages.shown(one, select, expand, files=files)
        )

    def _one(  # noqa: PLR0911 - a table of calls
        self, request: Request, mailbox: Mailbox, identifier: str, rest: list[str]
    ) -> Reply:
        folder, message = find_message(mailbox, identifier)
        match [request.method, *rest]:
            case ["GET"]:
                expand, files = query.expanded(request.query.get("$expand", ""))
                return Reply(
                    200, messages.shown(message, request.query.get("$select", ""), expand, files=files)
                )
            case ["GET", "$value"]:
                return Reply(200, mime.rendered(message), {"Content-Type": "text/plain"})
            case ["PATCH"]:
                self._change(folder, message, request.json())
                return Reply(200, messages.shown(message))
            case ["DELETE"]:
                return self._move(mailbox, folder, message, mailbox.known[DELETIONS])
            case ["POST", "permanentdelete"] if self._service.permanent_delete:
                return self._move(mailbox, folder, message, mailbox.known[PURGES])
            case ["GET", "attachments", *one]:
                return self._files(request, message, one)
            case ["POST", "attachments"]:
                return self._attach(request, mailbox, message)
            case ["POST", "attachments", "createuploadsession"]:
                return self.uploads.create(request, mailbox, message)
        raise GraphError(400, "BadRequest", f"Resource not found for the segment '{request.segments[-1]}'.")

    def _attach(self, request: Request, mailbox: Mailbox, message: Message) -> Reply:
        given = request.json()
        shapes.check(given, shapes.FILE, "fileAttachment")
        file = messages.attachment(self._store, given)
        if len(file.content) > self._service.limits.attachment:
            raise uploads.too_large()
        self.uploads.check_message(message, len(file.content))
        room(mailbox, len(file.content))
        if request.copies:
            messages.attach(self._store, message, file)
        return Reply(201, messages.file_fields(file))

    def _files(self, request: Request, message: Message, rest: list[str]) -> Reply:
        """The attachments of a message, one of them, or the bytes of one."""
        select = request.query.get("$select", "")
        content = not select or "contentbytes" in select.lower()
        if not rest:
            found = [messages.file_fields(one, content=content) for one in message.attachments.values()]
            return self._service.page(request, found, lambda one: _chosen(one, request, "@odata.type"))
        file = message.attachments.get(rest[0])
        if file is None:
            raise no_item()
        if rest[1:] == ["$value"]:
            return Reply(200, file.content, {"Content-Type": file.content_type})
        return Reply(200, _chosen(messages.file_fields(file, content=content), request, "@odata.type"))

    def _change(self, folder: Folder, message: Message, given: Json) -> None:
        """Change what may be changed of a message that is no draft, and properties."""
        shapes.check(given, shapes.MESSAGE, "message")
        with self._store.lock:
            folder.remove(message)
            changeable = ("isRead", "categories", "flag", "inferenceClassification", "importance")
            message.fields.update({name: given[name] for name in changeable if name in given})
            for one in given.get(query.EXTENDED) or []:
                name = canonical(str(one.get("id", "")))
                message.properties[name] = checked(name, one.get("value"))
            folder.add(message)

    def _move(self, mailbox: Mailbox, folder: Folder, message: Message, target: Folder) -> Reply:
        with self._store.lock:
            folder.remove(message)
            target.add(message)
            mailbox.places[message.id] = target
        return Reply(204)


def _shortened(segments: list[str]) -> list[str]:
    """A path through nested folders names the last of them alone."""
    while len(segments) > 3 and segments[0] == "mailfolders" and segments[2] == "childfolders":
        segments = ["mailfolders", *segments[3:]]
    return segments


def _matching(folders: list[Folder], wanted: str) -> list[Message]:
    everything = [message for folder in folders for message in folder.messages.values()]
    if not wanted:
        return everything
    keys = query.wanted_keys(wanted)
    if keys is None:
        test = query.matcher(wanted)
        return [one for one in everything if test(messages.searchable(one))]
    found: dict[str, Message] = {}
    for folder in folders:
        for key in keys:
            found.update(folder.index.get(key, {}))
    return list(found.values())


def _folder_fields(folder: Folder) -> Json:
    return {
        "id": folder.id,
        "displayName": folder.name,
        "parentFolderId": folder.parent.id if folder.parent else None,
        "childFolderCount": sum(not one.hidden for one in folder.children.values()),
        "unreadItemCount": sum(not one.fields["isRead"] for one in list(folder.messages.values())),
        "totalItemCount": len(folder.messages),
        "sizeInBytes": 0,
        "isHidden": folder.hidden,
    }


def _chosen(fields: Json, request: Request, *always: str) -> Json:
    select = request.query.get("$select")
    if not select:
        return fields
    kept = {"id", *always, *query.selected(select, fields, "entity")}
    return {name: value for name, value in fields.items() if name in kept}
