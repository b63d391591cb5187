from __future__ import annotations

import io
from dataclasses import replace

import pytest
from email_validator import validate_email
from hypothesis import given
from hypothesis import strategies as st

from include.commsarchive import ids
from include.commsarchive.message.addresses import address_of, is_address
from include.commsarchive.message.mail import make_mail
from include.commsarchive.message.mime import encode
from include.commsarchive.message.stage import stage
from include.commsarchive.model import Address, Mail, Person
from tests.unit.message.parsing import modern
from tests.unit.message.people import BLOBS, NINA, OMAR, RUFUS, ZOE, Source, conversation


def blob(name: str) -> io.BytesIO:
    return io.BytesIO(BLOBS[name])


def made() -> Mail:
    addresses = {ZOE.key: "zoe@archive.example", "uuid:nobody": "x@archive.example"}
    return make_mail(stage(conversation(), Source()), addresses, blob, [("Connector", "demo_ib")])


def test_everybody_has_an_address_mapped_or_corporate_or_the_sources_or_ours() -> None:
    mail = made()
    assert mail.sender == Address("NINA OAKES", "nina.oakes@quillbrook.example")
    assert mail.to == (
        Address("RUFUS PELL", "rpell2@bloomberg.net"),
        Address("ZOË MÜLLER", "zoe@archive.example"),
    )
    assert mail.cc == (Address("עומר חדד (broken address)", "login.ohaddad@instant-bloomberg.invalid"),)
    assert mail.bcc == ()


def test_headers_say_what_the_item_is_and_hold_for_every_copy() -> None:
    staged = stage(conversation(), Source())
    assert made().headers == (
        ("X-Commsarchive-Source", "instant_bloomberg"),
        ("X-Commsarchive-Native-Id", "PCHAT-0x10000AB12CD34"),
        ("X-Commsarchive-Native-Id", "1710360300"),
        ("X-Commsarchive-Item-Key", staged.key),
        ("X-Commsarchive-Revision", staged.revision),
        ("X-Commsarchive-Message-Class", "IPM.NOTE.InstantBloomberg.Conversation"),
        ("X-Commsarchive-Item-Class", "ipm.externaldata.instantbloomberg"),
        (
            "X-Commsarchive-Event-Counts",
            "; ".join([f"{kind}={count}" for kind, count in staged.counts.items()]),
        ),
        ("X-Commsarchive-Part", "2"),
        ("X-Commsarchive-Marks", "repaired: invalid characters were replaced"),
        ("X-Commsarchive-Connector", "demo_ib"),
    )


def test_ids_follow_from_the_item_and_its_room() -> None:
    mail = made()
    staged = stage(conversation(), Source())
    assert mail.message_id == ids.message_id(staged.key, staged.revision)
    assert mail.references == (ids.thread_id("instant_bloomberg", "PCHAT-0x10000AB12CD34"),)
    alone = make_mail(stage(replace(conversation(), thread=""), Source()), {}, blob)
    assert alone.references == ()


def test_more_threads_are_more_references_each_once() -> None:
    item = replace(stage(conversation(), Source()), references=("b", conversation().thread, ""))
    mail = make_mail(item, {}, blob)
    assert mail.references == tuple(ids.thread_id(item.source, one) for one in (item.thread, "b"))


def test_who_else_takes_part_is_named_in_a_header_with_the_mapped_address() -> None:
    item = stage(replace(conversation(), others=(("On behalf of", ZOE),)), Source())
    headers = make_mail(item, {ZOE.key: "zoe@archive.example"}, blob).headers
    assert ("X-Commsarchive-Participant", "On behalf of: ZOË MÜLLER <zoe@archive.example>") in headers


def test_files_travel_and_a_missing_one_is_named_in_the_bodies_alone() -> None:
    parsed = modern(b"".join(encode(made())))
    assert parsed.files == [
        ("axes today.pdf", "application/pdf", b"%PDF-1.7\n"),
        ("raster größe.png", "image/png", b"\x89PNG\r"),
    ]
    assert '"curve <b>snapshot</b>.xlsx" (90,213 bytes) [missing' in parsed.bodies["text/plain"]
    assert "curve &lt;b&gt;snapshot&lt;/b&gt;.xlsx" in parsed.bodies["text/html"]
    assert parsed.defects == []


@pytest.mark.parametrize(
    "email", ["a@b.example", "o'neill+tag@b-c.example", "A_1@x.co", "root@localhost", "x" * 64 + "@b.example"]
)
def test_usable_addresses_are_left_as_they_are(email: str) -> None:
    assert address_of(Person("k", "N", email), "s", None) == Address("N", email)


@pytest.mark.parametrize(
    "email",
    [
        *(
            "no-at",
            "a b@c.example",
            "a@b@c.example",
            "a@",
            "@b.example",
            "a@b..example",
            ".a@b.example",
            "a.@b.example",
        ),
        *(
            "ä@b.example",
            "a@bücher.example",
            "a@b.example\r\nBcc: x@y.example",
            "a\0@b.example",
            "<a@b.example>",
        ),
        *(
            "x" * 65 + "@b.example",
            "a@" + "b" * 64 + ".example",
            "a@" + "b." * 130 + "example",
            "a@b.example,c@d.example",
        ),
        *('"a b"@c.example', "=?utf-8?q?x?=@b.example", "a@[127.0.0.1]", "a@-b.example"),
    ],
)
def test_a_broken_address_moves_into_the_name(email: str) -> None:
    assert address_of(Person("uuid:7", "N", email), "a_b", None) == Address(
        f"N ({email})", "uuid.7@a-b.invalid"
    )


def test_a_broken_mapped_address_gives_way_to_the_next_usable_one() -> None:
    assert address_of(NINA, "s", "broken") == Address("NINA OAKES", "nina.oakes@quillbrook.example")
    assert address_of(replace(RUFUS, corporate_address="x y"), "s", None).email == "rpell2@bloomberg.net"


@given(key=st.text(), source=st.text())
def test_an_address_that_we_make_is_always_usable(key: str, source: str) -> None:
    made_up = address_of(Person(key, ""), source, None).email
    assert is_address(made_up)
    assert made_up.endswith(".invalid")


@given(
    keys=st.sets(st.text(max_size=8), min_size=2, max_size=6).map(
        lambda keys: {f"login:{one}" for one in keys}
    )
)
def test_addresses_that_we_make_differ_for_every_person(keys: set[str]) -> None:
    assert len({address_of(Person(key, ""), "s", None).email for key in keys}) == len(keys)


@given(st.emails(domains=st.sampled_from(("desk.example.com", "a.co", "x-y.org"))))
def test_every_address_that_passes_is_one_for_another_validator_too(email: str) -> None:
    if is_address(email):
        validate_email(email, check_deliverability=False)


def test_a_person_with_no_address_at_all_gets_one_and_keeps_the_name() -> None:
    assert address_of(replace(OMAR, address=""), "s", None) == Address("עומר חדד", "login.ohaddad@s.invalid")
