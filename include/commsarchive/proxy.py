"""The proxy that a request goes through, as the environment says: `HTTPS_PROXY`, `NO_PROXY`.

Not aiohttp's ``trust_env``: that would send what is meant for this very host through a proxy in clear, too,
and take logins from ``~/.netrc``.
"""

from __future__ import annotations

from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass


def proxy_for(url: str) -> str | None:
    """Give the proxy for an https address; None where there is none. Plain http is for this very host."""
    parts = urlsplit(url)
    if parts.scheme != "https" or proxy_bypass(parts.hostname or ""):
        return None
    return getproxies().get("https")
