"""What every `Mailbox` promises. Adapters inherit the suite and provide two fixtures.

``mailbox`` files into mailboxes of ``firm.example`` and has no mailbox ``gone@firm.example``;
``read`` gives the subjects of what a mailbox's folder holds, as somebody else than the adapter sees it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from include.commsarchive.mailbox.base import Mailbox
from include.commsarchive.model import Address, Letter
from include.commsarchive.stages.read_back import differences
from tests.letters import make_letter, make_mail

Read = Callable[[str, str], list[str]]
ANN, BOB, GONE = (f"{name}@firm.example" for name in ("ann", "bob", "gone"))


def rich_letter() -> Letter:
    """Make a letter with something in every place that a destination could lose."""
    mail = replace(
        make_mail("Übergabe: noch „heute“ (日報)?", attachment=b"\r\n\r\r\n\0" * 1000),
        sender=Address("Müller, Jörg (Desk)", "joerg.mueller@firm.example"),
        to=(Address("Ann", ANN), Address("O'Neil; Bob", BOB), Address("", "outside@client.example")),
        cc=(Address("Čapek", "capek@firm.example"),),
        bcc=(Address("Quiet", "quiet@firm.example"),),
        references=("thread@commsarchive.invalid",),
        headers=(("X-Commsarchive-Source", "test"),),
        html="<html><body><p>Übergabe</p></body></html>",
        at=1_710_150_123_000,
    )
    return replace(make_letter("rich"), mail=mail)


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
            assert read(letter.mailbox, letter.folder) == [letter.mail.subject]
            found = mailbox.find(letter.mailbox, letter.folder, [letter.delivery_key, "0" * 32])
            assert found == {letter.delivery_key: outcome.server_id}
            assert outcome.server_id
            assert (outcome.reason, outcome.doubt) == ("", "")

    def test_many_keys_are_looked_up_at_once(self, mailbox: Mailbox) -> None:
        letters = [make_letter(str(number)) for number in range(120)]
        outcomes = mailbox.append(letters[::2])
        found = mailbox.find(ANN, letters[0].folder, [letter.delivery_key for letter in letters])
        assert found == {one.delivery_key: one.server_id for one in outcomes}

    def test_a_hash_of_what_was_sent_is_given(self, mailbox: Mailbox) -> None:
        first, other = mailbox.append([make_letter("x"), make_letter("y")])
        assert len(first.content_hash) == len(other.content_hash) == 64
        assert first.content_hash != other.content_hash

    def test_what_is_filed_is_kept_as_it_was_asked(self, mailbox: Mailbox) -> None:
        letter = rich_letter()
        [outcome] = mailbox.append([letter])
        kept = mailbox.inspect(ANN, letter.folder, [outcome.server_id, "not there"])
        assert list(kept) == [outcome.server_id]
        assert list(differences(letter, kept[outcome.server_id])) == []

    def test_a_copy_that_is_there_is_not_filed_again_where_the_destination_can_tell(
        self, mailbox: Mailbox, read: Read
    ) -> None:
        first = mailbox.append([make_letter("x")])
        again = mailbox.append([make_letter("x"), make_letter("y")])
        assert sorted(set(read(ANN, make_letter("x").folder))) == ["x", "y"]
        if mailbox.keyed:
            assert again[:1] == first
            assert len(read(ANN, make_letter("x").folder)) == 2

    def test_mailboxes_are_one_whatever_their_case(self, mailbox: Mailbox, read: Read) -> None:
        [first] = mailbox.append([make_letter("x", "Ann@Firm.Example")])
        found = mailbox.find("ANN@firm.example", make_letter("x").folder, [first.delivery_key])
        assert found == {first.delivery_key: first.server_id}
        assert read(ANN, make_letter("x").folder) == ["x"]

    def test_a_letter_that_cannot_be_filed_is_refused_and_the_others_go_on(
        self, mailbox: Mailbox, read: Read
    ) -> None:
        outcomes = mailbox.append([make_letter("x"), make_letter("x", GONE), make_letter("y")])
        assert [one.reason for one in outcomes] == ["", "no-such-mailbox", ""]
        assert (outcomes[1].server_id, outcomes[1].content_hash) == ("", "")
        assert sorted(read(ANN, make_letter("x").folder)) == ["x", "y"]
        assert mailbox.find(GONE, make_letter("x").folder, [outcomes[1].delivery_key]) == {}

    def test_what_is_missing_is_named_with_its_reason(self, mailbox: Mailbox) -> None:
        assert mailbox.missing([ANN, GONE, BOB]) == {GONE: "no-such-mailbox"}

    def test_nothing_is_found_where_nothing_is(self, mailbox: Mailbox) -> None:
        assert mailbox.find(ANN, "No such folder", [make_letter("x").delivery_key]) == {}
        assert mailbox.inspect(ANN, "No such folder", ["x"]) == {}
        assert mailbox.append([]) == []
