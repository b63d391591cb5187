"""The form that makes and changes connectors: its steps and fields. What a key means the model says."""

from __future__ import annotations

import types
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel

from include.commsarchive.connector import UPLOADED, Connector, Deliver, Pgp
from include.commsarchive.doors import Use

Kind = Literal["text", "number", "date", "switch", "choice", "radio", "lines", "pairs", "area", "json"]
Choices = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Field:
    """A field of the form. ``key`` is the definition's, or a ``?question`` that only decides what is shown.

    ``when`` shows it only where another field says so: ``key:value value``, ``key:*`` for anything.
    ``hint`` None is the model's description; ``use`` is what a named connection must be fit for.
    """

    key: str
    title: str
    kind: Kind = "text"
    hint: str | None = None
    when: str = ""
    needed: bool = False
    choices: Choices = ()
    use: Use | None = None


@dataclass(frozen=True, slots=True)
class Step:
    """A step of the form: what is asked always, and, folded away, what few need."""

    key: str
    title: str
    about: str
    fields: tuple[Field, ...]
    folded: tuple[Field, ...] = ()


FILES, DRAWN = "?way:sftp folder", "?way:api query"
ENCRYPTED = "?encrypted:yes"
_API = "?way:api"
_FILES_OF_API = "collect.api.attachments.links:*"
_PAGING = "collect.api.paging.kind"

STEPS = (
    Step(
        "what",
        "What",
        "One connector is one feed of one source.",
        (
            Field("source", "Source", "choice", "the format that it delivers", needed=True),
            Field("profile", "Profile", when="source:own_files", needed=True),
            Field("name", "Name", hint="a-z, 0-9 and _; it is the DAG's id and stays for ever", needed=True),
            Field("title", "Title", hint="as people see it; empty: the name"),
        ),
        (Field("owner", "Owner"),),
    ),
    Step(
        "from",
        "Where from",
        "Connections are Airflow's own: passwords and keys stay there, and are only named here.",
        (
            Field(
                "?way",
                "How it is collected",
                "radio",
                choices=(
                    ("sftp", "files on a server (SFTP, Symphony's Files API)"),
                    ("folder", "files in a folder or an object store"),
                    ("api", "an HTTPS API"),
                    ("query", "a database"),
                ),
            ),
            Field("collect.connection", "Connection of the server", hint="", needed=True, use="files"),
            Field("collect.folder", "Folder on it", hint='"." is where the login lands', when=FILES),
            Field("collect.manifest", "Manifest", when=FILES),
            Field("collect.api.path", "Path", when=_API, needed=True),
            Field(
                "collect.api.query", "Query parameters", "pairs", "one a line, as since: {from}", when=_API
            ),
            Field("collect.api.body", "Body", "json", when=_API),
            Field("collect.api.items", "Where the records are", when=_API),
            Field(
                _PAGING,
                "The next page",
                "choice",
                "",
                when=_API,
                choices=(
                    ("none", "there is one page"),
                    ("link_header", "in the header Link"),
                    ("next_url", "its address is in the page"),
                    ("cursor", "a cursor is in the page"),
                    ("page_number", "by number"),
                ),
            ),
            Field("collect.api.paging.field", "Where in the page", when=f"{_PAGING}:next_url cursor"),
            Field("collect.api.paging.parameter", "Query parameter", when=f"{_PAGING}:cursor page_number"),
            Field("collect.api.paging.first", "First page", "number", when=f"{_PAGING}:page_number"),
            Field("collect.query", "Query", "area", when="?way:query", needed=True),
            Field(
                "?encrypted",
                "Files are",
                "radio",
                when=FILES,
                choices=(("yes", "encrypted (OpenPGP)"), ("no", "not encrypted")),
            ),
            Field(
                "pgp.connection", "Connection of the keys", hint="", when=ENCRYPTED, needed=True, use="keys"
            ),
            Field(
                "pgp.require_signature",
                "Refuse what no known signer signed",
                "switch",
                "",
                ENCRYPTED,
            ),
        ),
        (
            Field("collect.files", "Names of the files", "lines", when=FILES),
            Field("collect.allow_missing", "A day without files is an empty day", "switch", "", FILES),
            Field(
                "collect.allow_unencrypted",
                "Take files that are not encrypted, too",
                "switch",
                "",
                ENCRYPTED,
            ),
            Field("collect.wait_minutes", "Wait for files, minutes", "number"),
            Field("collect.poll_seconds", "Look every, seconds", "number"),
            Field("collect.source_keeps_days", "The source keeps files, days", "number"),
            Field("pgp.max_clear_mib", "Largest decrypted file, MiB", "number", "", ENCRYPTED),
            Field("pgp.max_expansion", "Largest expansion", "number", when=ENCRYPTED),
            Field("collect.api.headers", "More headers", "pairs", "one a line, as Accept-Language: en", _API),
            Field("collect.api.secret_headers", "Secret headers", "lines", when=_API),
            Field("collect.api.attachments.links", "Links of files", when=_API),
            Field("collect.api.attachments.address", "Where files are", when=_FILES_OF_API),
            Field("collect.api.attachments.max_mib", "Largest file, MiB", "number", when=_FILES_OF_API),
        ),
    ),
    Step(
        "who",
        "Whose mailboxes",
        "Everybody in an item whom the mapping or the directory knows gets a copy.",
        (
            Field(
                "?custom",
                "Mapping of people to mailboxes",
                "radio",
                choices=(
                    ("uploaded", "a CSV file that is uploaded here"),
                    ("file", "a CSV file on the server"),
                    ("none", "none: corporate addresses and the directory"),
                ),
            ),
            Field("mapping.custom", "Path of the CSV", hint="or its URL", when="?custom:file", needed=True),
            Field("mapping.automatic", "Map everybody else by corporate address", "switch", ""),
            Field("mapping.domains", "Own domains", "lines", when="mapping.automatic:yes"),
            Field("mapping.directory", "Connection of the directory", hint="empty: none", use="directory"),
            Field(
                "?scope",
                "In scope are",
                "radio",
                choices=(
                    ("all", "everybody"),
                    ("pilot", "a few custodians: a pilot"),
                    ("file", "those in a CSV file on the server"),
                ),
            ),
            Field("mapping.pilot", "Pilot", "lines", "mailboxes, one a line", "?scope:pilot", needed=True),
            Field("mapping.scope", "Path of the CSV", hint="", when="?scope:file", needed=True),
            Field("mapping.groups", "Only members of the groups", "lines", when="mapping.directory:*"),
            Field("mapping.on_hold", "Only people on hold", "switch", when="mapping.directory:*"),
            Field("mapping.third_party_mailbox", "Third-party mailbox", needed=True),
        ),
        (
            Field(
                "mapping.missing_mailbox",
                "A custodian whose mailbox takes nothing",
                "choice",
                "",
                choices=(
                    ("third_party", "the third-party mailbox gets the copy"),
                    ("quarantine", "the copy is set aside"),
                ),
            ),
        ),
    ),
    Step(
        "items",
        "What becomes one e-mail",
        "",
        (
            Field(
                "items.per",
                "One e-mail for each",
                "choice",
                "",
                choices=(("conversation", "conversation, room and day"), ("message", "message")),
            ),
            Field("retention.days", "Keep, days", "number", "0 or empty: for the label to say"),
            Field("retention.label", "Retention label"),
        ),
        (
            Field("items.max_events", "Events in one part", "number"),
            Field("items.max_bytes", "Bytes of text in one part", "number"),
            Field("items.max_attachment_mib", "Largest attachment, MiB", "number", ""),
        ),
    ),
    Step("to", "Where to", "Each destination gets every copy.", ()),
    Step(
        "when",
        "When",
        "A run archives one business day, after it is over.",
        (
            Field("schedule.start", "First day to archive", "date", "", needed=True),
            Field(
                "schedule.cron",
                "Each day at",
                hint="minute, hour, * * *; empty: a DAG of your own archives it",
            ),
            Field("schedule.timezone", "Time zone"),
        ),
        (
            Field("schedule.end", "Last day to archive", "date"),
            Field("schedule.catchup", "Archive the days missed since the first", "switch", ""),
            Field("schedule.deadline_hours", "Alert when late, hours", "number"),
            Field("keep_days", "Keep staging, days", "number"),
        ),
    ),
)

DESTINATION = (
    Field("connection", "Connection of the destination", hint="", needed=True, use="destination"),
    Field("folder", "Folder below the Inbox"),
)
DESTINATION_FOLDED = (
    Field("partitions", "Tasks side by side", "number", ""),
    Field(
        "read_back",
        "Read back and compare",
        "choice",
        "",
        choices=(("first", "the first copy of each kind"), ("sample", "a sample"), ("all", "every copy")),
    ),
    Field(
        "message_class",
        "Message class",
        "choice",
        "",
        choices=(("note", "IPM.Note"), ("source", "the source's own"), ("external", "ipm.externaldata")),
    ),
)


def keys(model: type[BaseModel] = Connector, prefix: str = "") -> Iterator[tuple[str, str]]:
    """List every key of a definition with its meaning; those of a destination have no number."""
    for name, field in model.model_fields.items():
        if inner := _section(field.annotation):
            yield from keys(inner, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", field.description or ""


def defaults() -> dict[str, Any]:
    """Give the definition that an empty form shows."""
    whole = _defaults(Connector) | {"deliver": [_defaults(Deliver)], "pgp": _defaults(Pgp)}
    whole["mapping"]["custom"] = UPLOADED
    return whole


def _defaults(model: type[BaseModel]) -> dict[str, Any]:
    made: dict[str, Any] = {}
    for name, field in model.model_fields.items():
        if not field.is_required():
            made[name] = field.get_default()
        elif inner := _section(field.annotation):
            made[name] = _defaults(inner)
    return {
        name: one.model_dump(mode="json") if isinstance(one, BaseModel) else one for name, one in made.items()
    }


def _section(annotation: Any) -> type[BaseModel] | None:
    """Give the model in an annotation: plain, optional, or in a tuple."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    if get_origin(annotation) in (tuple, Union, types.UnionType):
        return next(filter(None, map(_section, get_args(annotation))), None)
    return None
