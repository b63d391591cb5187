"""How to reach a database, from the fields of an Airflow connection."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy import exc

from include.commsarchive.errors import Fatal

_LOOPBACK = (None, "", "127.0.0.1", "::1", "localhost")
_ENCRYPTED = ("require", "verify-ca", "verify-full")
_TLS = {"sslmode": "verify-full", "sslrootcert": "system"}


@dataclass(frozen=True, slots=True)
class DatabaseSettings:
    """A database's URL, whose ``str`` shows no password."""

    name: str
    url: sa.URL

    @property
    def place(self) -> str:
        """The connection, for error texts."""
        return f"connection {self.name}"


def settings_from(name: str, url: sa.URL, extra: Mapping[str, Any]) -> DatabaseSettings:
    """Understand a connection; ``url`` is made of its fields, and the extra ``url`` (SQLAlchemy's) wins.

    PostgreSQL is reached by TLS with a certificate of a known authority, unless it is on this very host;
    extras ``sslmode`` and ``sslrootcert`` may name another. Of other databases the URL says how.

    Raises:
        Fatal: something is missing, or PostgreSQL would be spoken to in clear.
    """
    where = f"connection {name}"
    try:
        url = sa.make_url(str(extra["url"])) if extra.get("url") else url
        if url.drivername in {"postgres", "postgresql"}:
            url = url.set(drivername="postgresql+psycopg2")
        backend = url.get_backend_name()
        url.get_dialect()
    except (exc.ArgumentError, exc.NoSuchModuleError, ImportError) as error:
        raise Fatal(
            f"{where}: extra `url` cannot be read, or its driver is not installed. "
            "Write postgresql://login:password@host/database, and add the driver to requirements.in"
        ) from error
    if backend == "sqlite" and url.database in {None, "", ":memory:"}:
        raise Fatal(f"{where}: names no file. Write its path as the host, or extra `url`")
    if backend == "postgresql":
        url = _by_tls(where, url, extra)
    return DatabaseSettings(name, url)


def _by_tls(where: str, url: sa.URL, extra: Mapping[str, Any]) -> sa.URL:
    stated = {key: str(extra[key]) for key in _TLS if extra.get(key)}
    url = url.update_query_dict(stated)
    if url.host in _LOOPBACK and not url.query.get("host"):
        return url
    if "sslmode" not in url.query:
        url = url.update_query_dict({**_TLS, **stated})
    if url.query["sslmode"] not in _ENCRYPTED:
        raise Fatal(f"{where}: `sslmode` would allow clear text. Choose of {', '.join(_ENCRYPTED)}")
    return url
