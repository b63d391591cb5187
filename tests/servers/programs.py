"""Programs that tests need and that only the system's packages bring."""

from __future__ import annotations

import os
import shutil
import socket
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from playwright.sync_api import Browser, sync_playwright

HOST = "127.0.0.1"
QUIET = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
)


def find_program(*names: str, folders: str = "/usr/sbin:/usr/local/sbin") -> str:
    """Path of the first program that is there; without any the test is skipped, or fails under CI.

    ``folders`` are those beyond the path where Debian puts it.
    """
    path = f"{os.environ.get('PATH', '')}:{folders}"
    if found := next(filter(None, (shutil.which(name, path=path) for name in names)), None):
        return found
    if os.environ.get("CI") == "true":
        pytest.fail(f"{names[0]} is not installed")
    pytest.skip(f"{names[0]} is not installed")


def free_port() -> int:
    """A port of loopback where nobody listens."""
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])


@contextmanager
def running_browser() -> Iterator[Browser]:
    """The system's Chromium, which asks nobody for anything of its own accord."""
    program = find_program("chromium", "chromium-browser", "google-chrome")
    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=program, args=list(QUIET))
        yield opened
        opened.close()
