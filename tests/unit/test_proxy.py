"""Which requests go through a proxy."""

from __future__ import annotations

import pytest

from include.commsarchive.proxy import proxy_for


@pytest.mark.parametrize(
    ("url", "proxy"),
    [
        ("https://pod.example/files", "http://proxy.bank.example:3128"),
        ("https://mail.inside.example/", None),
        ("http://127.0.0.1:8080/", None),
    ],
)
def test_what_leaves_goes_through_the_proxy_and_what_is_for_this_host_never(
    monkeypatch: pytest.MonkeyPatch, url: str, proxy: str | None
) -> None:
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy"):
        monkeypatch.setenv(name, "http://proxy.bank.example:3128")
    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.setenv(name, "inside.example")
    assert proxy_for(url) == proxy
