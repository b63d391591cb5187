"""The private key by which a connection logs in: in the connection itself, or in a file that it names."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from include.commsarchive.errors import Fatal


def key_texts(where: str, extra: Mapping[str, Any]) -> list[str]:
    """Give the keys of the extras ``private_key`` (text) and ``key_file`` (path).

    Raises:
        Fatal: the file cannot be read, or the extra is no text.
    """
    stated = extra.get("private_key") or ""
    if not isinstance(stated, str):
        raise Fatal(f"{where}: extra `private_key` is no text. Write the whole key as one, lines with \\n")
    return [text for text in (stated, _key_file(where, extra.get("key_file"))) if text]


def passphrase_in(extra: Mapping[str, Any]) -> str:
    """Give the extra ``private_key_passphrase``, or ``passphrase``."""
    return str(extra.get("private_key_passphrase") or extra.get("passphrase") or "")


def _key_file(where: str, name: str | None) -> str:
    """Text of the private key in a file, ``""`` where none is named."""
    if not name:
        return ""
    try:
        return Path(name).expanduser().read_text(encoding="ascii")
    except (OSError, UnicodeDecodeError) as error:
        raise Fatal(
            f"{where}: key_file {name} cannot be read as a key: {error}. Name a readable private key file"
        ) from error
