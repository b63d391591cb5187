"""The pages in a real browser, inside Airflow's own: both themes, empty and busy, as who may do what."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from tests.servers.programs import running_browser
from tests.system.pages_browser import in_both_themes, lightness, look, picture, show, signed_in
from tests.system.pages_world import SECRET_WORDS, YESTERDAY, World, fill, running_world

pytestmark = [pytest.mark.system, pytest.mark.timeout(300)]

NEWYORK = "connectors/bloomberg_newyork"
EMPTY = ("connectors", "quarantine", "setup", "verification", "audit")
BUSY = (
    *EMPTY,
    NEWYORK,
    f"{NEWYORK}/days/{YESTERDAY}",
    f"{NEWYORK}/people",
    "connectors/bloomberg_london/keys",
    f"{NEWYORK}/quarantine",
    f"{NEWYORK}/verification",
    f"{NEWYORK}/settings",
    "connectors/wrong_chat",
)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with running_browser() as opened:
        yield opened


@pytest.fixture(scope="module")
def empty(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """Airflow without connectors; it is filled by the first test that asks for `busy`."""
    with running_world(tmp_path_factory.mktemp("pages")) as world:
        yield world


@pytest.fixture(scope="module")
def busy(empty: World) -> World:
    fill(empty)
    return empty


def test_an_empty_system_says_what_to_do_first_in_airflows_colours(browser: Browser, empty: World) -> None:
    with signed_in(browser, empty, "admin", "dark") as page:
        page.goto(f"{empty.address}/")
        page.get_by_role("link", name="Connectors").click()
        frame = page.frame_locator("iframe")
        expect(frame.get_by_text("No connectors yet")).to_be_visible()
        assert lightness(frame) < 60
        for path in EMPTY:
            in_both_themes(page, empty, path, f"empty-{path}")


def test_every_page_fits_and_is_quiet_in_both_themes(browser: Browser, busy: World) -> None:
    with signed_in(browser, busy, "admin") as page:
        for path in BUSY:
            in_both_themes(page, busy, path, path.replace(str(YESTERDAY), "day"))


def test_a_missing_day_is_found_and_archived_with_the_keyboard_alone(browser: Browser, busy: World) -> None:
    with signed_in(browser, busy, "olga") as page:
        frame = show(page, busy, NEWYORK)
        cell = frame.locator("a.cell.bad").last
        cell.focus()
        assert cell.evaluate("cell => getComputedStyle(cell).outlineStyle") == "solid"
        page.keyboard.press("Enter")
        button = frame.get_by_role("button", name="Archive this day")
        button.focus()
        page.keyboard.press("Enter")
        expect(frame.get_by_role("status").first).to_contain_text("Asked for.")
        frame.get_by_role("link", name="See the run in Airflow").click()
        page.wait_for_url("**/dags/bloomberg_newyork/runs/**")


def test_everything_on_the_way_can_be_reached_with_the_tab_key(browser: Browser, busy: World) -> None:
    with signed_in(browser, busy, "admin") as page:
        frame = show(page, busy, f"{NEWYORK}/quarantine")
        frame.get_by_text("Settle those chosen").click()
        frame.locator("body").evaluate("() => window.focus()")
        frame.get_by_role("link", name="Skip to the content").focus()
        reached = set()
        for _ in range(60):
            page.keyboard.press("Tab")
            reached.add(
                frame.locator(":focus").evaluate_all("some => some.map(one => one.outerHTML)[0] ?? ''")
            )
        live = "main :is(a[href], button:not(:disabled), input:not([type=hidden]), select, summary)"
        wanted = frame.locator(live).evaluate_all("some => some.map(one => one.outerHTML)")
        assert set(wanted) <= reached


def test_chosen_things_are_replayed(browser: Browser, busy: World) -> None:
    with signed_in(browser, busy, "olga") as page:
        frame = show(page, busy, f"{NEWYORK}/quarantine")
        chosen = frame.get_by_role("button", name="Replay those chosen")
        chosen.click()
        expect(frame.get_by_role("status").first).to_contain_text("Choose at least one.")
        frame.get_by_label("Choose item 4f1c0").check()
        with page.expect_request("**/replay") as asked:
            chosen.click()
        expect(frame.get_by_role("status").first).to_contain_text("Asked for.")
        assert len(json.loads(asked.value.post_data or "{}")["only"]) == 1


def test_chosen_things_are_settled_for_a_reason(browser: Browser, busy: World) -> None:
    with signed_in(browser, busy, "admin") as page:
        frame = show(page, busy, f"{NEWYORK}/quarantine")
        rows = frame.locator("tbody tr")
        before = rows.count()
        frame.get_by_text("Settle those chosen").click()
        frame.get_by_label("Reason", exact=True).last.fill("The vendor does not keep it")
        rows.first.get_by_role("checkbox").check()
        picture(page, busy, "settling")
        frame.get_by_role("button", name="Settle").click()
        expect(rows).to_have_count(before - 1)


def test_a_mapping_is_previewed_and_bad_rows_are_named_before_it_counts(
    browser: Browser, busy: World, tmp_path: Path
) -> None:
    with signed_in(browser, busy, "admin") as page:
        frame = show(page, busy, f"{NEWYORK}/people")
        accept = frame.get_by_role("button", name="Put it in force")
        for rows, bad in (
            ("uuid:31415926,no address\n", True),
            ("uuid:31415926,ann@quillbrook.example\n", False),
        ):
            (tmp_path / "m.csv").write_text(
                f"External User ID,Microsoft 365 User Mailbox\n{rows}", encoding="utf-8"
            )
            frame.get_by_label("New mapping file").set_input_files(tmp_path / "m.csv")
            frame.get_by_role("button", name="Preview").click()
            expect(frame.get_by_role("heading", name="Preview")).to_be_focused()
            expect(accept).to_be_disabled() if bad else expect(accept).to_be_enabled()
            expect(frame.get_by_role("table", name="Bad rows")).to_be_visible(visible=bad)
        expect(frame.get_by_text("1 added, 0 removed")).to_be_visible()
        picture(page, busy, "mapping-preview")
        accept.click()
        expect(frame.get_by_role("status").first).to_contain_text("In force from the next run on")
        expect(show(page, busy, f"{NEWYORK}/people").get_by_text("in force", exact=True)).to_be_visible()


def test_a_compliance_officer_opens_what_was_set_aside_and_may_not_run_anything(
    browser: Browser, busy: World
) -> None:
    with signed_in(browser, busy, "cora") as page:
        frame = show(page, busy, f"{NEWYORK}/quarantine")
        expect(frame.get_by_role("button", name="Replay those chosen")).to_be_disabled()
        expect(frame.get_by_text("ask for Airflow's permission to trigger").first).to_be_visible()
        frame.get_by_role("row", name="record 7").get_by_role("link", name="Open").click()
        expect(frame.get_by_text(SECRET_WORDS)).to_be_visible()
        picture(page, busy, "opened")


def test_logs_and_keys_are_downloaded(browser: Browser, busy: World) -> None:
    with signed_in(browser, busy, "cora") as page:
        for path, link, ending in (
            (f"{NEWYORK}/days/{YESTERDAY}", "CSV", ".csv"),
            ("connectors/bloomberg_london/keys", "Download", ".pub.asc"),
        ):
            frame = show(page, busy, path)
            with page.expect_download() as download:
                frame.get_by_role("link", name=link).first.click()
            assert download.value.suggested_filename.endswith(ending)
            assert Path(download.value.path()).stat().st_size > 100


def test_a_compliance_officer_looks_who_did_what_and_downloads_it(browser: Browser, busy: World) -> None:
    with signed_in(browser, busy, "cora") as page:
        frame = show(page, busy, "audit?who=admin")
        expect(frame.get_by_text("Intact up to entry 6 of")).to_be_visible()
        rows = frame.locator("tbody tr")
        before = rows.count()
        frame.get_by_label("Kind").select_option("change-mapping")
        frame.get_by_label("Person").fill("admin")
        frame.get_by_label("Person").press("Enter")
        expect(frame.get_by_role("cell", name="rows: 212")).to_be_visible()
        assert 0 < rows.count() <= before
        expect(frame.get_by_role("rowheader", name="olga")).to_have_count(0)
        with page.expect_download() as download:
            frame.get_by_role("link", name="CSV").click()
        lines = Path(download.value.path()).read_text(encoding="utf-8").splitlines()
        assert all(",admin,change-mapping," in line for line in lines[1:])
        assert len(lines) > 2


def test_what_differs_is_said_and_a_verification_is_started_without_a_right_in_airflow(
    browser: Browser, busy: World
) -> None:
    with signed_in(browser, busy, "cora") as page:
        frame = show(page, busy, "verification")
        expect(frame.get_by_text("is not in its mailbox any more").first).to_be_visible()
        expect(frame.get_by_text("What to do:")).to_be_visible()
        frame.locator("select[name=connector]").select_option("bloomberg_london")
        frame.get_by_role("button", name="Show").click()
        expect(frame.get_by_role("heading", name="Instant Bloomberg, London")).to_be_visible()
        frame.get_by_label("Copies to look up").select_option("all")
        with page.expect_request("**/verifications") as asked:
            frame.get_by_role("button", name="Verify").click()
        expect(frame.get_by_role("status").first).to_contain_text("Asked for.")
        assert json.loads(asked.value.post_data or "{}") == {"connector": "bloomberg_london", "extent": "all"}
        frame.get_by_label("First day").fill(str(YESTERDAY))
        with page.expect_download() as download:
            frame.get_by_role("button", name="Download").click()
        assert Path(download.value.path()).read_bytes().startswith(b"PK")


def test_a_key_is_rotated_from_the_page_with_words_for_the_vendor(browser: Browser, busy: World) -> None:
    with signed_in(browser, busy, "admin") as page:
        frame = show(page, busy, "connectors/bloomberg_london/keys")
        frame.get_by_label("Address in the key").fill("archive@quillbrook.example")
        frame.get_by_label("Kind").select_option("ed25519")
        frame.get_by_role("button", name="Start a rotation").click()
        expect(frame.get_by_role("heading", name="A rotation is under way")).to_be_visible()
        expect(frame.get_by_text("our next OpenPGP key for Instant Bloomberg, London")).to_be_visible()
        look(page, frame, busy, "rotation")
        frame.get_by_role("button", name="Retire ").click()
        expect(frame.get_by_text("only opens old files")).to_be_visible()
        expect(frame.get_by_text("soon or over")).to_have_count(0)
        look(page, frame, busy, "rotated")
