"""GetFolder, FindFolder, CreateFolder."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator
from functools import partial

from tests.servers.ews import properties as p
from tests.servers.ews.caller import Caller
from tests.servers.ews.contents import Folder
from tests.servers.ews.names import Element, M, T, elements, leaf, local, tag, text_of
from tests.servers.ews.properties import Value
from tests.servers.ews.refusals import EwsError
from tests.servers.ews.search import page, restriction
from tests.servers.faults import Kind

_RIGHTS = "".join(
    leaf(f"t:{right}", "true")
    for right in ("CreateAssociated", "CreateContents", "CreateHierarchy", "Delete", "Modify", "Read")
)
_KINDS = {"IPF.Appointment": "CalendarFolder", "IPF.Contact": "ContactsFolder", "IPF.Task": "TasksFolder"}
CHANGE_KEY = "AQAAAA=="


def folder_id(folder: Folder) -> str:
    return tag("t:FolderId", Id=folder.id, ChangeKey=CHANGE_KEY)


def _unread(folder: Folder) -> int:
    return sum(not item.is_read for item in folder.contents.values())


def _parent(folder: Folder) -> str:
    parent = folder.parent or folder
    return tag("t:ParentFolderId", Id=parent.id, ChangeKey=CHANGE_KEY)


SHOWN: dict[str, Callable[[Folder], str]] = {
    "folder:FolderId": folder_id,
    "folder:ParentFolderId": _parent,
    "folder:FolderClass": lambda folder: (
        leaf("t:FolderClass", folder.folder_class) if folder.folder_class else ""
    ),
    "folder:DisplayName": lambda folder: leaf("t:DisplayName", folder.name),
    "folder:TotalCount": lambda folder: leaf("t:TotalCount", str(len(folder.contents))),
    "folder:ChildFolderCount": lambda folder: leaf("t:ChildFolderCount", str(len(folder.children))),
    "": lambda _folder: "",  # where extended properties stand
    "folder:EffectiveRights": lambda _folder: tag("t:EffectiveRights", _RIGHTS),
    "folder:DistinguishedFolderId": lambda folder: (
        leaf("t:DistinguishedFolderId", folder.distinguished) if folder.distinguished else ""
    ),
    "folder:UnreadCount": lambda folder: leaf("t:UnreadCount", str(_unread(folder))),
}
_NO_UNREAD = {"CalendarFolder", "ContactsFolder"}

_PROPERTIES: dict[int, Callable[[Folder], Value]] = {
    0x3001: lambda folder: folder.name,
    0x3602: lambda folder: len(folder.contents),
    0x3603: _unread,
    0x360A: lambda folder: bool(folder.children),
    0x3613: lambda folder: folder.folder_class,
    p.MODIFIED: lambda folder: folder.modified,
    0x670A: lambda folder: folder.modified,
    0x6751: lambda folder: folder.next_uid,
    0x6752: lambda folder: folder.next_uid - 1,
    0x10F4: lambda folder: folder.recoverable,
}


def _get(uri: Element) -> Callable[[Folder], Value | None]:
    set_id, number = p.read_uri(uri)
    get = _PROPERTIES.get(number) if not set_id and isinstance(number, int) else None
    return get or (lambda _folder: None)


def _look(path: Element) -> Callable[[Folder], Value | None]:
    if local(path) == "ExtendedFieldURI":
        return _get(path)
    simple: dict[str, Callable[[Folder], Value | None]] = {
        "folder:DisplayName": lambda folder: folder.name,
        "folder:FolderClass": lambda folder: folder.folder_class,
        "folder:TotalCount": lambda folder: len(folder.contents),
        "folder:ChildFolderCount": lambda folder: len(folder.children),
    }
    if path.get("FieldURI", "") not in simple:
        raise EwsError("ErrorUnsupportedPathForQuery")
    return simple[path.get("FieldURI", "")]


def show(folder: Folder, shape: Element) -> str:
    """A folder as an element."""
    every = text_of(shape, "BaseShape") != "IdOnly"
    more = elements(shape.find(f"{T}AdditionalProperties"))
    wanted = {"folder:FolderId", *(path.get("FieldURI", "") for path in more)}
    kind = _KINDS.get(folder.folder_class, "Folder")
    parts: list[str] = []
    for uri, shown in SHOWN.items():
        if uri == "":
            parts.extend(_extended(folder, more))
        elif (every or uri in wanted) and not (uri == "folder:UnreadCount" and kind in _NO_UNREAD):
            parts.append(shown(folder))
    return tag(f"t:{kind}", "".join(parts))


def _extended(folder: Folder, more: list[Element]) -> Iterator[str]:
    for uri in more:
        if local(uri) == "ExtendedFieldURI":
            value = _get(uri)(folder)
            if value is not None and p.fits(uri.get("PropertyType", ""), value):
                yield p.write_property(uri, value)


def get_folder(caller: Caller, request: Element) -> Iterator[Callable[[], str]]:
    shape = request.find(f"{M}FolderShape")
    assert shape is not None

    def get(one: Element) -> str:
        return tag("m:Folders", show(caller.folder(one), shape))

    for one in elements(request.find(f"{M}FolderIds")):
        yield partial(get, one)


def find_folder(caller: Caller, request: Element) -> Iterator[Callable[[], str]]:
    shape = request.find(f"{M}FolderShape")
    assert shape is not None
    view = request.find(f"{M}IndexedPageFolderView")
    holder = request.find(f"{M}Restriction")
    deep = request.get("Traversal") == "Deep"

    def find(one: Element) -> str:
        root = caller.folder(one)
        folders = list(root.below()) if deep else list(root.children)
        if holder is not None:
            test = restriction(elements(holder)[0], _look)
            folders = [folder for folder in folders if test(folder)]
        found = page(folders, view, caller.behaviour.find_limit)
        return found.root_folder(tag("t:Folders", "".join(show(folder, shape) for folder in found.things)))

    for one in elements(request.find(f"{M}ParentFolderIds")):
        yield partial(find, one)


def create_folder(caller: Caller, request: Element) -> Iterator[Callable[[], str]]:
    parent_id = elements(request.find(f"{M}ParentFolderId"))[0]

    def create(one: Element) -> str:
        parent = caller.folder(parent_id)
        name = text_of(one, "DisplayName") or ""
        if parent.recoverable:
            raise EwsError("ErrorAccessDenied")
        if any(child.name.casefold() == name.casefold() for child in parent.children):
            raise EwsError("ErrorFolderExists")
        mailbox, folder_class = parent.mailbox, text_of(one, "FolderClass") or "IPF.Note"
        if caller.lies is Kind.NOT_STORED:
            folder = Folder(caller.store.new_id(mailbox, "folder"), name, parent, mailbox, folder_class)
        else:
            folder = mailbox.make(parent, name, folder_class)
            parent.modified = dt.datetime.now(dt.UTC)
        return tag("m:Folders", tag(f"t:{local(one)}", folder_id(folder)))

    for one in elements(request.find(f"{M}Folders")):
        yield partial(create, one)
