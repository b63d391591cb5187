"""Somebody at a browser, looking at our pages inside Airflow's own."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Browser, FrameLocator, Page, expect

from tests.system.pages_world import World

expect.set_options(timeout=20_000)
AIRFLOWS_OWN = "An iframe which has both allow-scripts and allow-same-origin"
"""A warning about the frame that Airflow gives to every plugin."""


@contextmanager
def signed_in(
    browser: Browser, world: World, who: str, theme: str = "light", *, complains: bool = False
) -> Iterator[Page]:
    """A browser of somebody; what its console complains about fails the test, refusals included."""
    context = browser.new_context(viewport={"width": 1400, "height": 1000})
    cookie = {"name": "_token", "value": world.token(who), "url": world.address}
    context.add_cookies([cookie])  # type: ignore[list-item]
    context.add_init_script(f"localStorage.setItem('theme', '{theme}')")
    page = context.new_page()
    complaints: list[str] = []
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on(
        "console", lambda said: complaints.append(said.text) if said.type in {"error", "warning"} else None
    )
    yield page
    context.close()
    assert complains or [text for text in complaints if AIRFLOWS_OWN not in text] == []


def show(page: Page, world: World, path: str) -> FrameLocator:
    """Open a page of ours inside Airflow."""
    page.goto(f"{world.address}/plugin/connectors/compliance/{path}")
    frame = page.frame_locator("iframe")
    expect(frame.locator("h1")).to_be_visible()
    return frame


def picture(page: Page, world: World, name: str) -> None:
    """Take a picture, into ``COMMSARCHIVE_PICTURES`` where it is set."""
    folder = Path(os.environ.get("COMMSARCHIVE_PICTURES") or world.root / "pictures")
    folder.mkdir(exist_ok=True)
    page.screenshot(path=folder / f"{name.replace('/', '-')}.png")


def in_both_themes(page: Page, world: World, path: str, name: str) -> None:
    """Show a page, change Airflow's colours around it, and look at both."""
    look(page, show(page, world, path), world, name)


def look(page: Page, frame: FrameLocator, world: World, name: str) -> None:
    """Look at a page as it is, in both themes: nothing may stick out of it."""
    for theme in ("light", "dark"):
        page.evaluate("theme => document.documentElement.className = theme", theme)
        expect(frame.locator("html")).to_have_attribute("data-theme", theme)
        assert (lightness(frame) < 60) is (theme == "dark")
        picture(page, world, f"{name}-{theme}")
    assert frame.locator("html").evaluate("html => html.scrollWidth - html.clientWidth") == 0


def lightness(frame: FrameLocator) -> float:
    """Brightness of a page's background, 0 to 255."""
    colour = frame.locator("body").evaluate("body => getComputedStyle(body).backgroundColor")
    parts = [float(part) for part in colour.removeprefix("rgb(").removesuffix(")").split(",")]
    return sum(parts) / 3
