"""A profile as its YAML file states it, validated; and the source that a connector's profile makes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import yaml
from pydantic import TypeAdapter, ValidationError

from include.commsarchive.connector import Connector
from include.commsarchive.errors import Fatal
from include.commsarchive.faults import explain, in_words
from include.commsarchive.sources.base import Profiled, Source
from include.commsarchive.sources.own_files.profile import Profile
from include.commsarchive.sources.registry import SOURCES, source

PROJECT = Path(__file__).resolve().parents[2]
_PROFILE = TypeAdapter(Profile)


def source_of(connector: Connector) -> Source:
    """Find a connector's source, as its profile makes it where it has one.

    Raises:
        Fatal: there is no such source, it takes no profile or lacks one, or the profile is wrong.
    """
    try:
        found = source(connector.source, load_profile(connector.profile) if connector.profile else "")
    except Fatal as error:
        key = "profile" if connector.source in SOURCES else "source"
        raise Fatal(f"key `{key}`: {error}") from error
    if isinstance(found, Profiled) and not found.profile:
        raise Fatal(f"key `profile`: the source `{found.name}` needs a profile. Name its file here")
    return found


def load_profile(path: str | Path) -> str:
    """Read a profile; give it as JSON, for `sources.registry.source`. A relative path is the project's.

    Raises:
        Fatal: the file cannot be read, is no YAML, or a key is missing, unknown or wrong; the text names the
            file, each key, what is wrong and what is allowed.
    """
    try:
        content: Any = yaml.safe_load((PROJECT / path).read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise Fatal(f"{path}: cannot be read: {error}. Name a readable UTF-8 file") from error
    except yaml.YAMLError as error:
        raise Fatal(f"{path}: is not YAML: {error}. Mend the marked line") from error
    if not isinstance(content, dict):
        raise Fatal(f"{path}: holds no keys. Start from one in include/profiles/")
    try:
        return msgspec.json.encode(_PROFILE.validate_python(content)).decode()
    except ValidationError as error:
        faults = explain(error.errors(), "a profile", _PROFILE.json_schema())
        raise Fatal(f"{path}: {in_words(faults)}") from error
