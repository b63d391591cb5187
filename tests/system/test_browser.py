"""Mails as a person sees them, in a real browser: they run and fetch nothing, and can be read."""

from __future__ import annotations

import email
import email.policy
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page

from tests.servers.programs import running_browser

pytestmark = pytest.mark.system

GOLDEN = Path(__file__).parents[1] / "golden" / "mail"


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with running_browser() as opened:
        yield opened


@pytest.fixture
def html(tmp_path: Path) -> str:
    """Address of the HTML body of the mail with every kind of event."""
    with (GOLDEN / "every-event" / "mail.eml").open("rb") as stream:
        mail = email.message_from_binary_file(stream, policy=email.policy.default)
    body = mail.get_body(("html",))
    assert body is not None
    (tmp_path / "mail.html").write_text(body.get_content(), encoding="ascii")
    return (tmp_path / "mail.html").as_uri()


def lightness(page: Page, what: str) -> float:
    """Brightness of the page's text or background, 0 to 255."""
    return float(
        page.evaluate(
            """what => {
                const css = getComputedStyle(document.body)[what];
                const colour = css.match(/[0-9.]+/g).slice(0, 3).map(Number);
                return colour.reduce((sum, part) => sum + part, 0) / 3;
            }""",
            what,
        )
    )


def test_nothing_in_a_mail_runs_or_is_fetched(browser: Browser, html: str) -> None:
    page = browser.new_page()
    asked: list[str] = []
    shown: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.on("dialog", lambda dialog: shown.append(dialog.message))
    page.goto(html, wait_until="networkidle")
    assert (asked, shown) == ([html], [])
    assert "<script>alert(1)</script>" in page.inner_text("body")
    page.close()


@pytest.mark.parametrize("width", [1400, 800, 480])
def test_a_mail_fits_the_window(browser: Browser, html: str, width: int) -> None:
    page = browser.new_page(viewport={"width": width, "height": 900})
    page.goto(html)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    page.close()


@pytest.mark.parametrize(("scheme", "dark"), [("light", False), ("dark", True)])
def test_text_stands_out_in_either_theme(browser: Browser, html: str, scheme: str, dark: bool) -> None:
    page = browser.new_page(color_scheme="dark" if dark else "light")
    page.goto(html)
    text, ground = lightness(page, "color"), lightness(page, "backgroundColor")
    assert (ground < text) is dark
    assert abs(text - ground) > 150
    page.close()
