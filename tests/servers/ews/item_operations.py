"""CreateItem, GetItem, FindItem, DeleteItem, and attachments."""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial

from tests.servers.ews.caller import Caller
from tests.servers.ews.contents import Folder, Item
from tests.servers.ews.fields import SEARCH_CUT, Keep, Shape, attachment, attachment_id, item_id, value_at
from tests.servers.ews.filing import make_item, read_file
from tests.servers.ews.mime import Mime
from tests.servers.ews.names import Element, M, elements, leaf, tag, text_of
from tests.servers.ews.refusals import EwsError, EwsFault
from tests.servers.ews.search import found_in, ordered, page
from tests.servers.faults import Kind

_ATTACHMENT_NUMBER = 4
"""Characters at the end of an attachment's id that tell it from the item's other ones."""


def _keep(caller: Caller, shape: Element | None) -> Keep:
    body = text_of(shape, "BodyType") if shape is not None else None
    behaviour = caller.behaviour
    return Keep(behaviour.keeps_x_headers, behaviour.rewrites_mime, body or "Best")


def create_item(caller: Caller, request: Element) -> Iterator[Callable[[], str]]:
    saved = elements(request.find(f"{M}SavedItemFolderId"))

    def folder() -> Folder:
        if not saved:
            return caller.own().distinguished["drafts"]
        found = caller.folder(saved[0])
        if found.recoverable and not caller.behaviour.purges_takes_items:
            raise EwsError("ErrorAccessDenied")
        return found

    def create(one: Element) -> str:
        item = make_item(one, folder(), caller.behaviour)
        if caller.lies is not Kind.NOT_STORED:
            caller.store.keep(item)
        if caller.lies is Kind.STORED_TWICE:
            caller.store.keep(make_item(one, folder(), caller.behaviour))
        return tag("m:Items", tag("t:Message", item_id(item)))

    if request.get("MessageDisposition", "SaveOnly") != "SaveOnly":
        raise EwsFault("ErrorInvalidRequest", "Only SaveOnly is served here.")
    for one in elements(request.find(f"{M}Items")):
        yield partial(create, one)


def get_item(caller: Caller, request: Element) -> Iterator[Callable[[], str]]:
    element = request.find(f"{M}ItemShape")
    assert element is not None
    shape = Shape(element, search=False, keep=_keep(caller, element))

    def get(one: Element) -> str:
        return tag("m:Items", shape.show(caller.item(one.get("Id", ""))))

    for one in elements(request.find(f"{M}ItemIds")):
        yield partial(get, one)


def find_item(caller: Caller, request: Element) -> Iterator[Callable[[], str]]:
    element = request.find(f"{M}ItemShape")
    assert element is not None
    view = request.find(f"{M}IndexedPageItemView")

    def find(one: Element) -> str:
        shape = Shape(element, search=True, keep=replace(_keep(caller, element), cut=SEARCH_CUT))
        folder = caller.folder(one)
        if request.get("Traversal") == "Associated":
            items: list[Item] = []
        else:
            items = ordered(
                found_in(folder, request, value_at, caller.behaviour.most_nodes), request, value_at
            )
        found = page(items, view, caller.behaviour.find_limit)
        return found.root_folder(tag("t:Items", "".join(shape.show(item) for item in found.things)))

    for one in elements(request.find(f"{M}ParentFolderIds")):
        yield partial(find, one)


def delete_item(caller: Caller, request: Element) -> Iterator[Callable[[], str]]:
    kind = request.get("DeleteType")

    def delete(one: Element) -> str:
        item = caller.item(one.get("Id", ""))
        mailbox = item.folder.mailbox
        if kind == "MoveToDeletedItems":
            target: Folder | None = mailbox.distinguished["deleteditems"]
        elif kind == "SoftDelete":
            target = mailbox.distinguished["recoverableitemsdeletions"]
        else:
            target = mailbox.distinguished["recoverableitemspurges"] if mailbox.on_hold else None
        if caller.lies is not Kind.NOT_STORED:
            caller.store.move(item, target)
        return ""

    for one in elements(request.find(f"{M}ItemIds")):
        yield partial(delete, one)


def create_attachment(caller: Caller, request: Element) -> Iterator[Callable[[], str]]:
    parent = request.find(f"{M}ParentItemId")
    assert parent is not None

    def create(one: Element) -> str:
        item = caller.item(parent.get("Id", ""))
        file = read_file(one)
        number = len(item.attachments)
        if caller.lies is not Kind.NOT_STORED:
            item.files += [file] * (2 if caller.lies is Kind.STORED_TWICE else 1)
            item.version += 1
            item.folder.mailbox.used += len(file.content)
        identity = tag(
            "t:AttachmentId",
            Id=attachment_id(item, number),
            RootItemId=item.id,
            RootItemChangeKey=item.change_key,
        )
        kind = "t:ItemAttachment" if file.media_type == "message/rfc822" else "t:FileAttachment"
        return tag("m:Attachments", tag(kind, identity))

    for one in elements(request.find(f"{M}Attachments")):
        yield partial(create, one)


def get_attachment(caller: Caller, request: Element) -> Iterator[Callable[[], str]]:
    shape = request.find(f"{M}AttachmentShape")
    with_mime = shape is not None and text_of(shape, "IncludeMimeContent") == "true"

    def get(one: Element) -> str:
        whole = one.get("Id", "")
        item = caller.item(whole[:-_ATTACHMENT_NUMBER])
        number = int.from_bytes(base64.b64decode(whole[-_ATTACHMENT_NUMBER:]), "big")
        if number >= len(item.attachments):
            raise EwsError("ErrorItemNotFound")
        file = item.attachments[number]
        raw = base64.b64encode(file.content).decode()
        content = leaf("t:Content", raw)
        if file.media_type == "message/rfc822":
            mime = tag("t:MimeContent", raw, CharacterSet="UTF-8") if with_mime else ""
            content = tag("t:Message", mime + leaf("t:Subject", Mime(file.content).get("subject") or ""))
        return tag("m:Attachments", attachment(item, number, file, content))

    for one in elements(request.find(f"{M}AttachmentIds")):
        yield partial(get, one)
