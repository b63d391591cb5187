from __future__ import annotations

import pytest

from include.commsarchive.model import Person
from include.commsarchive.sources.bloomberg_message.threads import LONGEST, threads, topic

ANN, BOB, CAT, DAN = (
    Person(f"address:{name}@x", name, f"{name}@X.example") for name in ("ann", "bob", "cat", "dan")
)


def mail(subject: str, sender: Person, *parties: Person, named: tuple[str, ...] = ()) -> set[str]:
    return set(threads(subject, sender, parties, named))


FIRST = mail("10Y axes", ANN, BOB, CAT)


@pytest.mark.parametrize(
    "answer",
    [
        mail("Re: 10Y axes", BOB, ANN),
        mail("RE:  10y  AXES", CAT, ANN, BOB),
        mail("Fw: 10Y axes", BOB, DAN, ANN),
        mail("Re: Fwd: re[2]: 10Y axes", ANN, BOB),
        mail("Re: 10Y axes", BOB, Person("mail:ann@firm", "Ann", "ANN@x.example")),
    ],
)
def test_an_answer_or_a_forwarded_mail_shares_a_thread_with_the_first(answer: set[str]) -> None:
    assert FIRST & answer


@pytest.mark.parametrize(
    "other",
    [
        mail("10Y axes", DAN, BOB),
        mail("5Y axes", ANN, BOB),
        mail("Regarding 10Y axes", ANN, BOB),
    ],
)
def test_a_strangers_mail_or_another_topic_does_not(other: set[str]) -> None:
    assert not FIRST & other


def test_mails_without_a_topic_are_in_no_thread() -> None:
    assert mail("", ANN, BOB) == mail("Re: Fw:", ANN, BOB) == set()


def test_a_reference_to_a_mail_shares_its_thread_in_either_case() -> None:
    one = mail("", ANN, BOB, named=("65F1D2A300010F2E07AA0C31",))
    other = mail("run", CAT, DAN, named=("other", "RUNZ READONLY 65f1d2a300010f2e07aa0c31"))
    assert one & other


def test_numbers_that_are_no_msg_id_are_no_reference() -> None:
    assert mail("", ANN, BOB, named=("1234567", "A" * 25, "65F1D2A300010F2E07AA0C3G")) == set()


def test_a_mail_to_thousands_names_a_bounded_number_of_threads() -> None:
    crowd = [Person(f"address:{number}", "", f"{number}@x.example") for number in range(2000)]
    assert len(mail("run", ANN, *crowd)) == LONGEST


def test_a_topic_is_the_subject_without_its_answers() -> None:
    assert topic("  Re: FW : Fwd[3]:Re-pricing  the 10Y ") == "re-pricing the 10y"
