"""A connector: one configured feed, as its YAML file states it, validated."""

from __future__ import annotations

import datetime as dt
import re
from pathlib import Path
from typing import Annotated, Any, Literal, Self
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import yaml
from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    StringConstraints,
    ValidationError,
    field_validator,
    model_validator,
)

from include.commsarchive.collect.api_rules import Api
from include.commsarchive.collect.query_rules import check_query
from include.commsarchive.errors import Fatal
from include.commsarchive.faults import explain, in_words

Name = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{1,60}$")]
MailboxAddress = Annotated[str, StringConstraints(pattern=r"^[^@\s]+@[^@\s]+$", max_length=254)]
MIB = 1024 * 1024
RESERVED = ("rehearsal", "replay", "upkeep", "verification", "watch")
"""Names of our own DAGs."""
UPLOADED = "uploaded"
"""What `mapping.custom` says when the mapping is uploaded, not read from a file."""
_DAY = re.compile(r"\{(?:yymmdd|yyyymmdd|yyyy-mm-dd)\}")
_DAILY = re.compile(r"([0-5]?[0-9]) ([01]?[0-9]|2[0-3]) \* \* \*")


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Collect(_Section):
    """Where the exports lie and how we know that a day's export is complete."""

    connection: str = Field(
        description="Airflow connection: `sftp`, `fs`, `https` with `api`, a database with `query`"
    )
    api: Api | None = Field(default=None, description="what to ask an HTTPS API for, instead of files")
    query: str = Field(
        default="", description="what to ask a database for, instead of files; :from and :to are the day's"
    )
    folder: str = Field(default=".", description="folder on the server")
    files: tuple[str, ...] = Field(
        default=(),
        description="file name patterns; {yymmdd}, {yyyymmdd} and {yyyy-mm-dd} stand for the day. "
        "Empty: the source's own names",
    )
    manifest: str = Field(
        default="",
        description="name of the day's manifest, with {yymmdd}, {yyyymmdd} or {yyyy-mm-dd}; empty: none",
    )
    allow_unencrypted: bool = Field(default=False, description="accept files that are not OpenPGP")
    poll_seconds: int = Field(default=60, ge=1, description="pause between two looks, in seconds")
    wait_minutes: int = Field(
        default=360, ge=0, description="give up on an incomplete day after this many minutes"
    )
    allow_missing: bool = Field(
        default=False, description="a day with no file at all is an empty day, not an error"
    )
    source_keeps_days: int = Field(
        default=21, ge=1, description="days after which the source deletes an export; Bloomberg: about 21"
    )

    _check_query = field_validator("query")(check_query)

    @property
    def drawn(self) -> bool:
        """Say whether the day is drawn from an API or a database; else files are collected."""
        return bool(self.api or self.query)

    @property
    def with_files(self) -> bool:
        """Say whether an API's records come with the files that they name."""
        return bool(self.api and self.api.attachments)

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        if (self.api and self.query) or (self.drawn and (self.files or self.manifest)):
            raise ValueError("state `api`, or `query`, or where files are: `files` and `manifest`")
        return self

    @field_validator("files")
    @classmethod
    def _name_the_day(cls, patterns: tuple[str, ...]) -> tuple[str, ...]:
        """A pattern without the day would match every other day's files, too."""
        if any(not _DAY.search(pattern) for pattern in patterns):
            raise ValueError("each pattern must hold {yymmdd}, {yyyymmdd} or {yyyy-mm-dd}")
        return patterns


class Pgp(_Section):
    """Whose key opens the files and whose signature they must bear."""

    connection: str = Field(description="Airflow connection that holds private keys and passphrases")
    require_signature: bool = Field(default=True, description="refuse files that no configured signer signed")
    max_clear_mib: int = Field(default=20 * 1024, ge=1, description="largest decrypted file, in MiB")
    max_expansion: int = Field(default=200, ge=2, description="largest ratio of decrypted to encrypted size")


class Mapping(_Section):
    """Who is whose custodian and who is in scope."""

    custom: str = Field(
        default="",
        description="path of the mapping CSV, or `uploaded` for what is uploaded by the API; empty: none",
    )
    automatic: bool = Field(default=True, description="map by the source's corporate address")
    domains: tuple[str, ...] = Field(
        default=(), description="automatic mapping only to mailboxes of these domains; empty: any"
    )
    directory: str = Field(
        default="",
        description="Airflow connection of the directory, type `fs` (a CSV file) or `msgraph`; empty: none",
    )
    scope: str = Field(default="all", description="`all`, or path of a CSV with the custodians in scope")
    pilot: tuple[MailboxAddress, ...] = Field(
        default=(), description="in scope are only these custodians, instead of a CSV; empty: by `scope`"
    )
    groups: tuple[str, ...] = Field(
        default=(),
        description="in scope are only members of one of these groups of the directory; empty: any",
    )
    on_hold: bool = Field(default=False, description="in scope are only users whom the directory has on hold")
    third_party_mailbox: MailboxAddress = Field(description="receives items that map to nobody")
    missing_mailbox: Literal["third_party", "quarantine"] = Field(
        default="third_party", description="where the copy of a custodian goes whose mailbox takes nothing"
    )

    @model_validator(mode="after")
    def _know_the_directory(self) -> Self:
        if (self.groups or self.on_hold) and not self.directory:
            raise ValueError("`groups` and `on_hold` need a `directory` that knows them")
        return self

    @model_validator(mode="after")
    def _list_once(self) -> Self:
        if self.pilot and self.scope != "all":
            raise ValueError("name the custodians in `pilot`, or a CSV of them in `scope`")
        return self


class Deliver(_Section):
    """Where copies go."""

    connection: str = Field(description="Airflow connection of the destination", pattern=r"^[\w.\-]+$")
    folder: str = Field(default="", description="folder below the Inbox; empty: the source's own")
    partitions: int = Field(default=2, ge=1, le=64, description="tasks that deliver side by side")
    read_back: Literal["first", "sample", "all"] = Field(
        default="first",
        description="copies that are read back and compared: the first of each kind, some, all",
    )
    message_class: Literal["note", "source", "external"] = Field(
        default="note", description="IPM.Note, the source's own class, or ipm.externaldata's"
    )


class Retention(_Section):
    """How long copies are to be kept, for the destination to act on."""

    label: str = Field(
        default="",
        max_length=64,
        pattern=r"^[ -~]*$",
        description="the destination's label: its GUID or name",
    )
    days: int = Field(default=0, ge=0, le=36500, description="days to keep; 0: for the label to say")

    @model_validator(mode="after")
    def _say_something(self) -> Self:
        if not (self.label or self.days):
            raise ValueError("state a `label`, or `days`, or both")
        return self


class Items(_Section):
    """What becomes one e-mail."""

    per: Literal["conversation", "message"] = Field(default="conversation", description="one e-mail for each")
    max_events: int = Field(default=5000, ge=1, description="events in one part of a long conversation")
    max_bytes: int = Field(default=20 * MIB, ge=1024, description="bytes of source text in one part")
    max_attachment_mib: int = Field(default=2048, ge=1, description="largest attachment, in MiB")


class Schedule(_Section):
    """When a day is archived."""

    cron: str = Field(
        default="0 5 * * *", description="five cron fields; empty: no DAG is made, your own archives it"
    )
    timezone: str = Field(default="UTC", description="IANA time zone of the cron fields and of the day")
    start: dt.date = Field(description="first day to archive")
    end: dt.date | None = Field(default=None, description="last day to archive; empty: for ever")
    catchup: bool = Field(default=True, description="archive the days missed since `start`")
    deadline_hours: float = Field(default=8, gt=0, description="alert when a day is not archived by then")

    @field_validator("cron")
    @classmethod
    def _run_daily(cls, cron: str) -> str:
        """Any other rhythm would leave days out, or archive one several times."""
        if cron and not _DAILY.fullmatch(cron):
            raise ValueError(
                "runs are daily: minute and hour, then `* * *`; "
                "for weekends without files use `collect.allow_missing`"
            )
        return cron

    @field_validator("timezone")
    @classmethod
    def _know_zone(cls, timezone: str) -> str:
        try:
            ZoneInfo(timezone)
        except (ZoneInfoNotFoundError, ValueError, OSError) as error:
            raise ValueError("is no time zone; write one as Europe/London") from error
        return timezone

    @model_validator(mode="after")
    def _end_after_start(self) -> Self:
        if self.end and self.end < self.start:
            raise ValueError("`end` is before `start`")
        return self


class Connector(_Section):
    """One feed: source, collection, keys, mapping, destination and schedule."""

    name: Name = Field(description="the DAG's id")
    source: Name = Field(description="name of a source, see `sources`")
    profile: str = Field(
        default="", description="path of the profile that tells `own_files` what its files look like"
    )
    title: str = Field(default="", description="shown to people; empty: the name")
    owner: str = Field(default="compliance", description="shown as the DAG's owner")
    collect: Collect
    pgp: Pgp | None = None
    mapping: Mapping
    deliver: tuple[Deliver, ...] = Field(min_length=1, description="one destination, or a list of them")
    retention: Retention | None = None
    items: Items = Items()
    schedule: Schedule
    keep_days: int = Field(default=7, ge=0, description="days that staging is kept after a run has closed")

    @field_validator("deliver", mode="before")
    @classmethod
    def _one_or_many(cls, given: Any) -> Any:
        return [given] if isinstance(given, (dict, Deliver)) else given

    @field_validator("deliver")
    @classmethod
    def _apart(cls, places: tuple[Deliver, ...]) -> tuple[Deliver, ...]:
        """Copies are told apart by their destination's name."""
        if len({one.connection for one in places}) < len(places):
            raise ValueError("names a connection twice; each destination needs a connection of its own")
        return places

    @field_validator("name")
    @classmethod
    def _leave_ours(cls, name: str) -> str:
        if name in RESERVED:
            raise ValueError("is the name of a DAG of our own; choose another")
        return name


def load_connector(path: Path) -> Connector:
    """Read one connector definition.

    Raises:
        Fatal: the file cannot be read, is no YAML, or a key is missing, unknown or wrong; the text
            names the file, each key, what is wrong and what is allowed.
    """
    try:
        content: Any = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise Fatal(f"{path}: cannot be read: {error}. Make it a readable UTF-8 file") from error
    except yaml.YAMLError as error:
        raise Fatal(f"{path}: is not YAML: {error}. Mend the marked line") from error
    return read_definition(content, str(path))


def read_definition(content: Any, place: str) -> Connector:
    """Check a definition as YAML or JSON states it; ``place`` says where it was found.

    Raises:
        Fatal: it holds no keys, or a key is missing, unknown or wrong; the text names the place and each key.
    """
    if not isinstance(content, dict):
        raise Fatal(f"{place}: holds no keys. Start from the commented example in include/connectors/")
    try:
        return Connector.model_validate(content)
    except ValidationError as error:
        told = in_words(explain(error.errors(), "a connector", Connector.model_json_schema()))
        if isinstance(content.get("deliver"), dict):
            told = told.replace("`deliver.0.", "`deliver.")
        raise Fatal(f"{place}: {told}") from error
