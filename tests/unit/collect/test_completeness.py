"""When a day is complete: listings, looks and manifests."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence

import msgspec
import pytest

from include.commsarchive.collect.base import UNFINISHED, RemoteFile
from include.commsarchive.collect.completeness import (
    Complete,
    Expected,
    Pickup,
    Waiting,
    assess,
    clear_name,
    manifest_names,
)

DAY = dt.date(2024, 3, 14)
PATTERNS = ("*.ib19.{yymmdd}.xml*", "*.ib19.att.{yymmdd}*.tar.gz")
BY_PATTERN = Expected(DAY, lambda _name: False, PATTERNS)
BY_MANIFEST = Expected(DAY, lambda _name: False, PATTERNS, "daily_manifest_{yymmdd}.txt")
MANIFEST = "daily_manifest_240314.txt"
CHAT = "f848135.ib19.240314.xml"
TAR = "f848135.ib19.att.240314.tar.gz"


def files(*names: str, size: int = 5, mtime: int = 100) -> list[RemoteFile]:
    return [RemoteFile(name, f"in/{name}", size, mtime) for name in sorted(names)]


def judged(
    names: Sequence[str], manifest: str | None = None, expected: Expected = BY_MANIFEST
) -> Complete | Waiting:
    """The verdict at a second look that sees the same as the first."""
    listing = files(*names)
    return assess(listing, listing, manifest, expected)


def picked(verdict: Complete | Waiting) -> list[str]:
    assert isinstance(verdict, Complete), verdict
    return [pickup.name for pickup in verdict.pickups]


def missing(verdict: Complete | Waiting) -> tuple[str, ...]:
    assert isinstance(verdict, Waiting), verdict
    return verdict.missing


class TestByPattern:
    def test_the_first_look_never_suffices(self) -> None:
        verdict = assess(files(CHAT), None, None, BY_PATTERN)
        assert isinstance(verdict, Waiting)
        assert CHAT in verdict.why

    def test_what_two_looks_saw_alike_is_complete(self) -> None:
        assert picked(judged([CHAT, TAR], None, BY_PATTERN)) == [CHAT, TAR]

    @pytest.mark.parametrize("before", [files(CHAT, size=4), files(CHAT, mtime=99), files("other")])
    def test_a_file_that_grew_or_came_since_is_waited_for(self, before: list[RemoteFile]) -> None:
        verdict = assess(files(CHAT), before, None, BY_PATTERN)
        assert isinstance(verdict, Waiting)
        assert CHAT in verdict.why

    def test_a_file_of_another_day_may_change_meanwhile(self) -> None:
        other = "f848135.ib19.240315.xml"
        now = files(CHAT) + files(other, size=9)
        assert picked(assess(now, files(CHAT, other), None, BY_PATTERN)) == [CHAT]

    def test_no_file_at_all_is_waited_for_and_what_is_there_instead_is_told(self) -> None:
        nothing = "no file of this day is there: looked for "
        asked = f"{nothing}*.ib19.240314.xml*, *.ib19.att.240314*.tar.gz; there"
        remedy = "If they are this day's, mend `collect.files`"
        assert judged(["a", "b"], None, BY_PATTERN) == Waiting(f"{asked} are a, b. {remedy}")
        listing = [*files("a", "b", "c"), *files("z", mtime=101)]
        seen = Waiting(f"{asked} are z, a, b and 1 more. {remedy}")
        assert assess(listing, listing, None, BY_PATTERN) == seen
        assert judged([], None, BY_PATTERN) == Waiting(f"{asked} are no files at all")

    def test_what_a_source_calls_its_files_is_told_where_no_patterns_are_stated(self) -> None:
        verdict = judged(["chat-2024-03-14.csv"], None, Expected(DAY, lambda _name: False))
        assert verdict == Waiting(
            "no file of this day is there: looked for the source's own names with 20240314 or 240314; there "
            "are chat-2024-03-14.csv. If they are this day's, state `collect.files`"
        )

    def test_an_attachments_tar_that_nothing_lists_may_be_absent(self) -> None:
        assert picked(judged([CHAT], None, BY_PATTERN)) == [CHAT]

    def test_continuation_parts_are_picked_up(self) -> None:
        names = [CHAT, f"{CHAT}1", f"{CHAT}2", "f848135.ib19.att.240314.0.tar.gz"]
        assert picked(judged(names, None, BY_PATTERN)) == sorted(names)

    def test_a_signature_that_is_still_written_is_waited_for(self) -> None:
        before = files(f"{CHAT}.gpg") + files(f"{CHAT}.gpg.sig", size=0)
        verdict = assess(files(f"{CHAT}.gpg", f"{CHAT}.gpg.sig"), before, None, BY_PATTERN)
        assert isinstance(verdict, Waiting)

    def test_a_signature_without_its_file_names_the_file(self) -> None:
        assert missing(judged([CHAT, f"{TAR}.sig"], None, BY_PATTERN)) == (TAR,)


class TestByManifest:
    def test_without_the_manifest_nothing_is_complete(self) -> None:
        assert missing(judged([CHAT, TAR])) == (MANIFEST,)

    @pytest.mark.parametrize("end", ["\n", "\r\n"])
    def test_all_listed_files_present_is_complete(self, end: str) -> None:
        text = end.join([CHAT, TAR, ""])
        assert picked(judged([CHAT, TAR, MANIFEST], text)) == [CHAT, TAR]

    def test_a_listed_attachments_tar_that_is_absent_is_named(self) -> None:
        assert missing(judged([CHAT, MANIFEST], f"{CHAT}\n{TAR}\n")) == (TAR,)

    def test_every_missing_file_is_named(self) -> None:
        assert missing(judged([MANIFEST], f"{CHAT}\n{TAR}\n")) == (CHAT, TAR)

    def test_files_of_other_connectors_and_days_are_not_waited_for(self) -> None:
        text = f"{CHAT}\nf848135.msg.240314.xml\nf848135.ib19.240313.xml\nsomething else entirely\n"
        assert picked(judged([CHAT, MANIFEST], text)) == [CHAT]

    def test_a_manifest_that_lists_nothing_of_ours_makes_an_empty_day(self) -> None:
        assert judged([MANIFEST], "f848135.msg.240314.xml\n") == Complete(())

    @pytest.mark.parametrize("listed", [CHAT, f"{CHAT}.gpg", f"{CHAT}.pgp"])
    @pytest.mark.parametrize("there", [CHAT, f"{CHAT}.gpg", f"{CHAT}.asc"])
    def test_names_may_be_listed_with_or_without_the_encryption_suffix(self, listed: str, there: str) -> None:
        assert picked(judged([there, MANIFEST], listed)) == [there]

    @pytest.mark.parametrize("listed", [f"{CHAT}.sig", f"{CHAT}.gpg.sig"])
    @pytest.mark.parametrize("there", [f"{CHAT}.sig", f"{CHAT}.gpg.sig"])
    def test_a_listed_signature_is_waited_for_under_either_name(self, listed: str, there: str) -> None:
        text = f"{CHAT}.gpg\n{listed}\n"
        assert missing(judged([f"{CHAT}.gpg", MANIFEST], text)) == (listed,)
        assert picked(judged([f"{CHAT}.gpg", there, MANIFEST], text)) == [f"{CHAT}.gpg"]

    def test_half_a_manifest_is_not_believed(self) -> None:
        now = files(CHAT, MANIFEST)
        verdict = assess(now, files(CHAT) + files(MANIFEST, size=3), CHAT, BY_MANIFEST)
        assert isinstance(verdict, Waiting)
        assert MANIFEST in verdict.why
        assert picked(assess(now, now, CHAT, BY_MANIFEST)) == [CHAT]

    @pytest.mark.parametrize("text", [CHAT, f"{CHAT}\n{TAR}"], ids=["not listed", "listed"])
    def test_a_file_that_still_grows_is_waited_for_listed_or_not(self, text: str) -> None:
        before = files(CHAT, MANIFEST) + files(TAR, size=1)
        now = files(CHAT, MANIFEST, TAR)
        verdict = assess(now, before, text, BY_MANIFEST)
        assert isinstance(verdict, Waiting)
        assert TAR in verdict.why
        assert picked(assess(now, now, text, BY_MANIFEST)) == [CHAT, TAR]


class TestPickups:
    def pickup(self, *names: str) -> Pickup:
        verdict = judged(names, None, BY_PATTERN)
        assert isinstance(verdict, Complete)
        (only,) = verdict.pickups
        return only

    @pytest.mark.parametrize("suffix", [".gpg", ".pgp", ".asc"])
    def test_the_clear_name_has_no_encryption_suffix(self, suffix: str) -> None:
        pickup = self.pickup(CHAT + suffix)
        assert (pickup.name, pickup.clear_name, pickup.encrypted) == (CHAT + suffix, CHAT, True)

    def test_a_file_in_clear_is_told_apart(self) -> None:
        assert self.pickup(CHAT).encrypted is False

    @pytest.mark.parametrize("signature", [f"{CHAT}.gpg.sig", f"{CHAT}.sig"])
    def test_a_signature_rides_along_under_either_name(self, signature: str) -> None:
        found = self.pickup(f"{CHAT}.gpg", signature).signature
        assert found is not None
        assert found.name == signature

    def test_a_file_without_signature_has_none(self) -> None:
        assert self.pickup(f"{CHAT}.gpg").signature is None

    def test_of_a_file_in_clear_and_encrypted_the_encrypted_counts(self) -> None:
        assert self.pickup(CHAT, f"{CHAT}.gpg").name == f"{CHAT}.gpg"

    def test_pickups_survive_json(self) -> None:
        pickup = self.pickup(f"{CHAT}.gpg", f"{CHAT}.sig")
        assert msgspec.json.decode(msgspec.json.encode(pickup), type=Pickup) == pickup


class TestWhoseFileItIs:
    @pytest.mark.parametrize(
        ("name", "ours"),
        [
            (CHAT, True),
            (f"{CHAT}.gpg", True),
            (f"{CHAT}.gpg.sig", True),
            ("f848135.ib19.20240314.xml", True),
            ("f848135.ib19.240315.xml", False),
            ("f2403140.ib19.240315.xml", False),
            ("f848135.msg.240314.xml", False),
        ],
    )
    def test_without_patterns_the_source_and_the_day_in_the_name_decide(self, name: str, ours: bool) -> None:
        expected = Expected(DAY, lambda clear: ".ib19." in clear and clear.endswith(".xml"))
        assert expected.owns(name) is ours

    @pytest.mark.parametrize("pattern", ["x.{yymmdd}.xml", "x.{yymmdd}.xml.gpg", "x.{yyyymmdd}.xml"])
    def test_patterns_are_compared_without_encryption_suffix(self, pattern: str) -> None:
        expected = Expected(DAY, lambda _name: False, (pattern,))
        day = "20240314" if "yyyy" in pattern else "240314"
        assert expected.owns(f"x.{day}.xml.pgp")
        assert expected.owns(f"x.{day}.xml")
        assert not expected.owns(f"X.{day}.xml")

    def test_clear_names(self) -> None:
        assert [clear_name(n) for n in ("a.xml.gpg", "a.xml", "a.gpg.xml")] == ["a.xml", "a.xml", "a.gpg.xml"]


def test_a_manifest_may_have_a_mark_blanks_and_folders() -> None:
    assert manifest_names("\ufeffa.xml\r\n\r\n  b.xml \r\nArchive/c.xml") == ["a.xml", "b.xml", "c.xml"]


def test_two_files_of_one_name_are_waited_for_until_one_goes() -> None:
    first, second = RemoteFile(CHAT, "1", 5, 100), RemoteFile(CHAT, "2", 5, 101)
    assert assess([first, second], [first, second], None, BY_PATTERN) == Waiting(
        f"there twice, with different content: {CHAT}"
    )
    assert isinstance(assess([first], [first, second], None, BY_PATTERN), Complete)


def test_a_file_that_is_still_being_made_is_waited_for_however_long_it_looks_the_same() -> None:
    done, made = RemoteFile(CHAT, "1", 5, 100), RemoteFile(TAR, "2", UNFINISHED, 0)
    verdict = assess([done, made], [done, made], None, BY_PATTERN)
    assert verdict == Waiting(f"new or changed since the last look: {TAR}")
