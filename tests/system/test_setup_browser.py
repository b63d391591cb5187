"""Setting up, changing and retiring connectors in a real browser, with an Airflow behind it."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from commsarchive_airflow.catalogue import PROJECT
from playwright.sync_api import Browser, FrameLocator, Page, expect

from include.commsarchive.connector import load_connector
from tests.servers.programs import running_browser
from tests.system.pages_browser import look, show, signed_in
from tests.system.pages_world import World, running_world

pytestmark = [pytest.mark.system, pytest.mark.timeout(300)]

SAMPLES = PROJECT / "include" / "samples"
DAY = "2024-03-11"
NEXT = "section.step:not([hidden]) [data-what=next]"
CATCH_ALL = "all@quillbrook.example"


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with running_browser() as opened:
        yield opened


@pytest.fixture(scope="module")
def world(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """Airflow with connections to a folder of exports and to two archives, and no connectors."""
    root = tmp_path_factory.mktemp("setup")
    shutil.copytree(SAMPLES / "instant_bloomberg" / DAY, root / "exports")
    with running_world(root) as world:
        world.home.set_connections(
            {
                "vendor": {"conn_type": "fs", "extra": {"path": str(root / "exports")}},
                **{
                    name: {
                        "conn_type": "generic",
                        "extra": {"destination": "maildir", "path": str(root / name)},
                    }
                    for name in ("archive", "second")
                },
            }
        )
        yield world


def ask(world: World, method: str, path: str, body: object = None, **headers: str) -> Any:
    """Ask the REST API as a second administrator would."""
    answer = httpx.request(
        method,
        f"{world.address}/api/compliance/v1/{path}",
        json=body,
        headers={"Authorization": f"Bearer {world.token('admin')}", **headers},
        timeout=60,
    )
    assert answer.is_success, answer.text
    return answer.json()


def make(world: World, name: str, **changes: Any) -> dict[str, Any]:
    least = {
        "name": name,
        "source": "instant_bloomberg",
        "collect": {"connection": "vendor", "allow_unencrypted": True},
        "mapping": {"third_party_mailbox": CATCH_ALL, "pilot": ["ann@quillbrook.example"]},
        "deliver": {"connection": "archive"},
        "schedule": {"start": DAY},
    }
    made: dict[str, Any] = ask(world, "POST", "connectors", least | changes)["definition"]
    return made


def status_of(world: World, name: str) -> str:
    return str(ask(world, "GET", f"connectors/{name}/status")["standing"]["status"])


def form(page: Page, world: World, path: str) -> FrameLocator:
    """Open a form, and wait until it can be filled."""
    frame = show(page, world, path)
    expect(frame.locator("form.setup:not([inert])")).to_be_visible()
    return frame


def field(frame: FrameLocator, key: str) -> Any:
    return frame.locator(f'[id="{key}"]')


def step(frame: FrameLocator, title: str) -> None:
    """Go on, and arrive at the step of this title, whose heading has the keyboard."""
    frame.locator(NEXT).click()
    expect(frame.get_by_role("heading", name=title)).to_be_focused()


def stays(frame: FrameLocator, key: str, said: str) -> None:
    """Go on, and be kept at a field that says what is wrong with it."""
    frame.locator(NEXT).click()
    expect(field(frame, key)).to_be_focused()
    expect(frame.locator(f'[id="why-{key}"]')).to_contain_text(said)


def test_a_connector_is_set_up_step_by_step_tried_for_real_and_made(
    browser: Browser, world: World, tmp_path: Path
) -> None:
    with signed_in(browser, world, "admin", complains=True) as page:
        frame = form(page, world, "setup")
        look(page, frame, world, "setup-empty")
        say_what(page, frame, world)
        say_where_from(page, frame, world)
        say_whose(page, frame, world, tmp_path)
        field(frame, "retention.days").fill("2555")
        step(frame, "Where to")
        say_where_to(page, frame, world)
        field(frame, "schedule.start").fill(DAY)
        step(frame, "Try and make")
        try_it(page, frame, world)
        frame.get_by_role("button", name="Make it, paused").click()
        expect(frame.get_by_role("link", name="Go on with made_here")).to_be_visible()
        look(page, frame, world, "setup-made")
        world.load_dags()
        assert status_of(world, "made_here") == "paused"
        frame.get_by_role("button", name="Activate now").click()
        expect(frame.get_by_text("It is active.")).to_be_visible()
    assert status_of(world, "made_here") != "paused"
    made = ask(world, "GET", "connectors/made_here")["definition"]
    assert made["mapping"]["custom"] == "uploaded"
    assert "zoe.lindqvist@quillbrook.example" in made["mapping"]["pilot"]
    assert [one["connection"] for one in made["deliver"]] == ["archive", "second"]
    assert (made["pgp"], made["collect"]["allow_unencrypted"]) == (None, True)
    assert made["retention"]["days"] == 2555
    assert ask(world, "GET", "connectors/made_here/mapping")["rows"] > 0


def say_what(page: Page, frame: FrameLocator, world: World) -> None:
    stays(frame, "source", "is needed")
    field(frame, "source").select_option("instant_bloomberg")
    field(frame, "name").fill("Not A Name")
    stays(frame, "name", "does not have the right form")
    look(page, frame, world, "setup-wrong")
    field(frame, "name").fill("made_here")
    step(frame, "Where from")


def say_where_from(page: Page, frame: FrameLocator, world: World) -> None:
    frame.get_by_role("radio", name="files in a folder").check()
    frame.get_by_role("radio", name="not encrypted").check()
    expect(field(frame, "pgp.connection")).to_be_hidden()
    field(frame, "collect.connection").fill("archive")
    expect(frame.get_by_text("which does not fit here")).to_be_visible()
    field(frame, "collect.connection").fill("vendor")
    look(page, frame, world, "setup-from")
    step(frame, "Whose mailboxes")


def say_whose(page: Page, frame: FrameLocator, world: World, folder: Path) -> None:
    bad = folder / "bad.csv"
    bad.write_text("External User ID,Microsoft 365 User Mailbox\n7,ann\n", encoding="utf-8")
    frame.get_by_label("Mapping file").set_input_files(bad)
    expect(frame.get_by_role("table", name="Bad rows")).to_contain_text("is not an e-mail address")
    look(page, frame, world, "setup-bad-rows")
    frame.get_by_label("Mapping file").set_input_files(SAMPLES / "mapping.csv")
    expect(frame.get_by_text("good rows. They are uploaded")).to_be_visible()
    frame.get_by_role("radio", name="a pilot").check()
    frame.get_by_label("or take them from a file").set_input_files(SAMPLES / "mapping.csv")
    expect(field(frame, "mapping.pilot")).to_have_value(re.compile("zoe.lindqvist@"))
    field(frame, "mapping.third_party_mailbox").fill(CATCH_ALL)
    look(page, frame, world, "setup-who")
    step(frame, "What becomes one e-mail")


def say_where_to(page: Page, frame: FrameLocator, world: World) -> None:
    field(frame, "deliver.0.connection").fill("archive")
    frame.get_by_role("button", name="Add a destination").click()
    expect(field(frame, "deliver.1.connection")).to_be_focused()
    field(frame, "deliver.1.connection").fill("archive")
    frame.locator(NEXT).click()
    expect(frame.get_by_role("alert").filter(has_text="names a connection twice")).to_be_visible()
    look(page, frame, world, "setup-to-wrong")
    field(frame, "deliver.1.connection").fill("second")
    step(frame, "When")


def try_it(page: Page, frame: FrameLocator, world: World) -> None:
    """Try the definition, with a day that has files; each step says how it went."""
    frame.get_by_label("With the files of day").fill(DAY)
    frame.get_by_role("button", name="Try it").click()
    expect(frame.get_by_text("Every step went well.")).to_be_visible()
    for told in ("f855501.ib.240311.xml: 11 items", "good rows were uploaded", "second takes mail for"):
        expect(frame.get_by_role("listitem").filter(has_text=told)).to_contain_text("good")
    look(page, frame, world, "setup-tried")


def test_a_step_that_fails_is_told_with_its_remedy(browser: Browser, world: World) -> None:
    make(world, "lost_feed", deliver={"connection": "nowhere"})
    with signed_in(browser, world, "admin") as page:
        frame = form(page, world, "connectors/lost_feed/change")
        frame.get_by_label("With the files of day").fill(DAY)
        frame.get_by_role("button", name="Try it").click()
        expect(frame.get_by_text("1 of 7 steps failed")).to_be_visible()
        failed = frame.get_by_role("listitem").filter(has_text="reach mailboxes")
        expect(failed).to_contain_text("no Airflow connection nowhere. Add it under Admin, Connections")
        look(page, frame, world, "change-tried-failed")


def test_a_change_is_shown_before_it_is_saved(browser: Browser, world: World) -> None:
    make(world, "changed_feed")
    with signed_in(browser, world, "admin", complains=True) as page:
        frame = show(page, world, "connectors/changed_feed/settings")
        frame.get_by_role("link", name="Change it").click()
        expect(frame.locator("form.setup:not([inert])")).to_be_visible()
        expect(field(frame, "mapping.pilot")).to_have_value("ann@quillbrook.example")
        look(page, frame, world, "change-filled")
        save, compare = (
            frame.get_by_role("button", name="Save it"),
            frame.get_by_role("button", name="Show what"),
        )
        compare.click()
        expect(frame.get_by_text("Nothing changes.")).to_be_visible()
        expect(save).to_be_disabled()
        field(frame, "schedule.timezone").fill("Mars/Base")
        compare.click()
        expect(field(frame, "schedule.timezone")).to_be_focused()
        expect(frame.locator('[id="why-schedule.timezone"]')).to_contain_text("is no time zone")
        look(page, frame, world, "change-wrong")
        field(frame, "schedule.timezone").fill("Europe/London")
        frame.get_by_role("radio", name="everybody").check()
        compare.click()
        changes = frame.get_by_role("table", name="What changes")
        expect(changes.get_by_role("row")).to_have_count(3)
        expect(changes).to_contain_text("Pilot (mapping.pilot)")
        look(page, frame, world, "change-shown")
        field(frame, "title").fill("Another")
        expect(save).to_be_disabled()
        compare.click()
        save.click()
        expect(frame.get_by_text("Made here, version 2.")).to_be_visible()
    made = ask(world, "GET", "connectors/changed_feed")["definition"]
    assert (made["title"], made["mapping"]["pilot"]) == ("Another", [])
    assert made["schedule"]["timezone"] == "Europe/London"


def test_who_comes_too_late_sees_what_differs_and_puts_the_change_on_top(
    browser: Browser, world: World
) -> None:
    before = make(world, "busy_feed")
    with signed_in(browser, world, "admin", complains=True) as page:
        frame = form(page, world, "connectors/busy_feed/change")
        field(frame, "title").fill("Mine")
        frame.get_by_role("radio", name="everybody").check()
        frame.get_by_role("button", name="Show what").click()
        expect(frame.get_by_text("2 settings change.")).to_be_visible()
        theirs = before | {"title": "Theirs", "owner": "trading"}
        ask(world, "PUT", "connectors/busy_feed", theirs, **{"If-Match": '"1"'})
        frame.get_by_role("button", name="Save it").click()
        expect(frame.get_by_role("heading", name="Somebody else changed it")).to_be_focused()
        differs = frame.get_by_role("table", name="What differs")
        expect(differs.get_by_role("row").filter(has_text="Title")).to_contain_text("—TheirsMine")
        expect(differs.get_by_role("row").filter(has_text="Owner")).to_contain_text(
            "compliancetradingcompliance"
        )
        expect(differs.get_by_role("row").filter(has_text="Pilot")).to_be_visible()
        look(page, frame, world, "change-conflict")
        frame.get_by_role("button", name="Put my changes on top").click()
        expect(frame.get_by_text("2 settings change.")).to_be_visible()
        frame.get_by_role("button", name="Save it").click()
        expect(frame.get_by_text("Made here, version 3.")).to_be_visible()
    made = ask(world, "GET", "connectors/busy_feed")["definition"]
    assert (made["title"], made["owner"], made["mapping"]["pilot"]) == ("Mine", "trading", [])


def test_a_connector_is_retired_after_a_question_and_brought_back(browser: Browser, world: World) -> None:
    make(world, "old_feed")
    with signed_in(browser, world, "admin") as page:
        frame = show(page, world, "connectors/old_feed")
        frame.get_by_role("button", name="Retire …").click()
        expect(frame.get_by_role("button", name="Keep it")).to_be_focused()
        look(page, frame, world, "retire")
        frame.get_by_role("button", name="Keep it").click()
        expect(frame.get_by_role("dialog")).to_be_hidden()
        frame.get_by_role("button", name="Retire …").click()
        frame.get_by_role("button", name="Retire it").click()
        expect(frame.get_by_text("admin retired it on")).to_be_visible()
        look(page, frame, world, "retired")
        expect(show(page, world, "connectors").get_by_role("link", name="old_feed")).to_have_count(0)
        frame = show(page, world, "connectors?status=retired")
        look(page, frame, world, "retired-list")
        frame.get_by_role("link", name="old_feed").click()
        frame.get_by_role("link", name="Bring it back").click()
        expect(frame.locator("form.setup:not([inert])")).to_be_visible()
        frame.get_by_role("button", name="Show what").click()
        frame.get_by_role("button", name="Save it").click()
        expect(frame.get_by_text("Made here, version 3.")).to_be_visible()
    assert ask(world, "GET", "connectors/old_feed")["retired"] is False


def test_the_whole_form_can_be_filled_with_the_keyboard(browser: Browser, world: World) -> None:
    with signed_in(browser, world, "admin", complains=True) as page:
        frame = form(page, world, "setup")
        field(frame, "source").focus()
        page.keyboard.press("I")
        page.keyboard.press("Tab")
        page.keyboard.type("by_keyboard")
        page.keyboard.press("Enter")
        expect(frame.get_by_role("heading", name="Where from")).to_be_focused()
        page.keyboard.press("Tab")
        page.keyboard.press("Tab")
        page.keyboard.press("ArrowRight")
        expect(frame.get_by_role("radio", name="files in a folder")).to_be_checked()
        page.keyboard.press("Tab")
        page.keyboard.type("vendor")
        expect(field(frame, "collect.connection")).to_have_value("vendor")


def test_the_form_says_what_every_example_says(browser: Browser, world: World) -> None:
    examples = [load_connector(path) for path in sorted((PROJECT / "include/connectors").glob("*.yaml*"))]
    with signed_in(browser, world, "admin") as page:
        for one in examples:
            ask(world, "POST", "connectors", one.model_dump(mode="json"))
            page.goto(f"{world.address}/compliance/connectors/{one.name}/change")
            expect(page.locator("form.setup:not([inert])")).to_be_visible()
            page.get_by_role("button", name="Show what").click()
            expect(page.locator("[data-what=made]")).to_have_text(re.compile("change"))
            changes = page.get_by_role("table", name="What changes").get_by_role("row").all_inner_texts()
            assert (one.name, changes) == (one.name, [])


def test_a_server_that_is_away_keeps_the_step_and_says_so(browser: Browser, world: World) -> None:
    with signed_in(browser, world, "admin", complains=True) as page:
        frame = form(page, world, "setup")
        field(frame, "source").select_option("instant_bloomberg")
        field(frame, "name").fill("far_feed")
        page.route("**/api/compliance/v1/**", lambda route: route.abort())
        frame.locator(NEXT).click()
        expect(frame.get_by_text("The server cannot be reached. Try again.")).to_be_visible()
        page.unroute("**/api/compliance/v1/**")
        step(frame, "Where from")


def test_a_name_that_is_taken_is_said_at_its_field(browser: Browser, world: World) -> None:
    make(world, "taken_feed")
    with signed_in(browser, world, "admin", complains=True) as page:
        frame = form(page, world, "setup")
        field(frame, "source").select_option("instant_bloomberg")
        field(frame, "name").fill("taken_feed")
        step(frame, "Where from")
        frame.get_by_role("radio", name="not encrypted").check()
        field(frame, "collect.connection").fill("vendor")
        step(frame, "Whose mailboxes")
        field(frame, "mapping.third_party_mailbox").fill(CATCH_ALL)
        step(frame, "What becomes one e-mail")
        step(frame, "Where to")
        field(frame, "deliver.0.connection").fill("archive")
        step(frame, "When")
        field(frame, "schedule.start").fill(DAY)
        stays(frame, "name", "exists, with another definition")


def test_who_is_no_administrator_may_look_at_the_form(browser: Browser, world: World) -> None:
    make(world, "seen_feed")
    with signed_in(browser, world, "olga") as page:
        for path in ("setup", "connectors/seen_feed/change"):
            frame = form(page, world, path)
            expect(frame.get_by_text("ask to be named an administrator")).to_be_visible()
            offered = "button[data-what]:not([data-what=add]):not([data-what=remove]):enabled"
            assert frame.locator(offered).filter(visible=True).all_text_contents() == []
