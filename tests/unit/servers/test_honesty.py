"""Where an emulator would be kinder than Exchange, and nobody notice: the tests that hold ours to it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

HERE = Path(__file__).parent
EWS, EXCHANGELIB, TROUBLE = "ews_protocol", "ews_exchangelib", "ews_trouble"
MESSAGES, LIMITS, MAILBOXES, FAULTS = "graph_messages", "graph_limits", "graph_mailboxes", "graph_faults"

TABLE = {
    "an item without 0x0E07 is a draft": (
        (EWS, "an_item_is_an_unread_draft_unless_flags_say_otherwise"),
        (MESSAGES, "a_message_created_without_flags_is_a_draft"),
    ),
    "without 0x0E06 it was received now, whatever else says a date": (
        (EXCHANGELIB, "an_item_without_flags_and_dates_is_a_draft_of_now"),
        (MESSAGES, "dates_of_the_json_are_ignored_and_those_of_properties_count"),
    ),
    "what is said of being read beats the flags": (
        (EWS, "the_read_element_beats_the_flags"),
        (MESSAGES, "flags_decide_on_draft_and_read_unless_read_is_said"),
    ),
    "Purges is there, hidden, and perhaps closed": (
        (EXCHANGELIB, "purges_can_be_filed_into_and_is_not_among_what_people_see"),
        (TROUBLE, "purges_may_be_closed_to_clients"),
        (MAILBOXES, "hidden_folders_are_listed_only_when_asked_for"),
        (MAILBOXES, "purges_take_messages_only_where_the_server_lets_them"),
    ),
    "a request has a largest size (64 MiB, 4 MB)": (
        (TROUBLE, "a_request_beyond_the_cap_is_not_read"),
        (LIMITS, "a_file_of_three_mb_does_not_fit_into_one_request"),
    ),
    "busy says how long, and 429 has its Retry-After": (
        (EXCHANGELIB, "a_busy_server_says_how_long"),
        (TROUBLE, "every_fault_shows_and_keeps_what_it_says"),
        (LIMITS, "too_many_requests_must_wait_and_those_refused_count"),
        (FAULTS, "waits_are_told_only_where_the_fault_has_one"),
    ),
    "a Message-ID may be there twice": (
        (EXCHANGELIB, "a_mail_filed_twice_is_there_twice"),
        (MESSAGES, "the_same_message_id_is_kept_twice"),
    ),
    "0xe07 is 0x0E07": (
        (EWS, "properties_are_compared_as_numbers"),
        (MESSAGES, "properties_are_shown_only_where_expanded_and_found_in_any_spelling"),
    ),
    "pages hold less than was asked for": (
        (EXCHANGELIB, "a_search_goes_on_over_pages_that_are_shorter_than_asked_for"),
        (MESSAGES, "pages_go_on_and_may_hold_fewer_than_asked_for"),
    ),
    "a search joins so many conditions and no more": (
        (EWS, "a_restriction_has_255_nodes_at_most"),
        (MESSAGES, "a_filter_may_be_too_complex"),
        (MAILBOXES, "the_directory_pages_and_refuses_long_filters"),
    ),
    "a token ends while it is used": (
        (TROUBLE, "tokens_end_by_age_and_by_fault"),
        (FAULTS, "a_token_expires_in_the_middle_of_a_batch"),
    ),
    "a mailbox moves": (
        (TROUBLE, "every_fault_shows_and_keeps_what_it_says"),
        (MAILBOXES, "a_mailbox_that_cannot_be_had_says_why"),
    ),
    "what the schema or the model does not know is refused": (
        (EWS, "what_the_schema_does_not_allow_is_refused"),
        (MESSAGES, "what_is_not_a_message_is_refused"),
    ),
    "who has no token or password is told how to get in, and no more": (
        (TROUBLE, "nobody_is_told_how_to_log_in"),
        (MAILBOXES, "tokens_are_needed_and_grow_old"),
    ),
    "answers and times have the form that clients of others insist on": (
        (EWS, "an_answer_bears_the_servers_marks"),
        (EWS, "times_are_utc_without_fractions"),
        (LIMITS, "requests_and_answers_have_ids"),
    ),
}


@pytest.mark.parametrize("what", TABLE)
def test_both_emulators_are_held_to_what_exchange_does(what: str) -> None:
    servers = set()
    for module, name in TABLE[what]:
        source = (HERE / f"test_{module}.py").read_text()
        assert re.search(rf"^def test_{name}\(", source, re.MULTILINE), f"{module}: {name}"
        servers.add(module.partition("_")[0])
    assert servers == {"ews", "graph"}
