"""What every `Mailbox` promises. Adapters inherit the suite and provide two fixtures.

``mailbox`` files into mailboxes of ``firm.example`` and has no mailbox ``gone@firm.example``;
``read`` gives the bytes of what a mailbox's folder holds, with CRLF line ends.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import replace

from include.commsarchive.mailbox.base import Mailbox
from tests.letters import encode, make_letter, make_mail

Read = Callable[[str, str], list[bytes]]
ANN, BOB, GONE = (f"{name}@firm.example" for name in ("ann", "bob", "gone"))


def content(item: str) -> bytes:
    return b"".join(encode(make_mail(item)))


class MailboxContract:
    def test_every_copy_is_filed_in_its_place_and_found_there_by_its_key(
        self, mailbox: Mailbox, read: Read
    ) -> None:
        letters = [
            make_letter("x"),
            make_letter("x", BOB),
            make_letter("y", BOB, folder=""),
            make_letter("z", folder="Archive/Chat 1.9"),
        ]
        outcomes = mailbox.append(letters)
        assert [one.delivery_key for one in outcomes] == [one.delivery_key for one in letters]
        for letter, outcome in zip(letters, outcomes, strict=True):
            assert read(letter.mailbox, letter.folder) == [content(letter.mail.subject)]
            found = mailbox.find(letter.mailbox, letter.folder, [letter.delivery_key, "0" * 32])
            assert found == {letter.delivery_key: outcome.server_id}
            assert outcome.server_id
            assert outcome.reason == ""

    def test_the_hash_is_of_the_bytes_as_encoded(self, mailbox: Mailbox) -> None:
        mail = make_mail("x", attachment=b"\r\n\r\r\n" * 1000)
        [outcome] = mailbox.append([replace(make_letter("x"), mail=mail)])
        assert outcome.content_hash == hashlib.sha256(b"".join(encode(mail))).hexdigest()

    def test_a_copy_that_is_there_is_not_filed_again(self, mailbox: Mailbox, read: Read) -> None:
        first = mailbox.append([make_letter("x")])
        assert mailbox.append([make_letter("x"), make_letter("y")])[:1] == first
        assert sorted(read(ANN, make_letter("x").folder)) == sorted([content("x"), content("y")])

    def test_mailboxes_are_one_whatever_their_case(self, mailbox: Mailbox, read: Read) -> None:
        first = mailbox.append([make_letter("x", "Ann@Firm.Example")])
        assert mailbox.append([make_letter("x", ANN)]) == first
        assert mailbox.find("ANN@firm.example", make_letter("x").folder, [first[0].delivery_key])
        assert read(ANN, make_letter("x").folder) == [content("x")]

    def test_a_letter_that_cannot_be_filed_is_refused_and_the_others_go_on(
        self, mailbox: Mailbox, read: Read
    ) -> None:
        outcomes = mailbox.append([make_letter("x"), make_letter("x", GONE), make_letter("y")])
        assert [one.reason for one in outcomes] == ["", "no-such-mailbox", ""]
        assert (outcomes[1].server_id, outcomes[1].content_hash) == ("", "")
        assert len(read(ANN, make_letter("x").folder)) == 2
        assert mailbox.find(GONE, make_letter("x").folder, [outcomes[1].delivery_key]) == {}

    def test_what_is_missing_is_named_with_its_reason(self, mailbox: Mailbox) -> None:
        assert mailbox.missing([ANN, GONE, BOB]) == {GONE: "no-such-mailbox"}

    def test_nothing_is_found_where_nothing_is(self, mailbox: Mailbox) -> None:
        assert mailbox.find(ANN, "No such folder", [make_letter("x").delivery_key]) == {}
        assert mailbox.append([]) == []
