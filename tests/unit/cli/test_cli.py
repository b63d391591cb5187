"""The command line, as a person calls it: what it prints, what it leaves, how it ends."""

from __future__ import annotations

import datetime as dt
import email
import email.policy
import json
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from include.commsarchive.cli.main import main
from include.commsarchive.ledger.base import Run
from include.commsarchive.ledger.sql import connect

SAMPLES = Path(__file__).parents[3] / "include" / "samples" / "instant_bloomberg"


def convert(out: Path, day: str, *options: str) -> int:
    files = sorted(str(path) for path in (SAMPLES / day).glob("f*"))
    return main(["convert", "instant_bloomberg", *files, "--out", str(out), *options])


def printed(capsys: pytest.CaptureFixture[str]) -> Any:
    return json.loads(capsys.readouterr().out)


def test_convert_writes_a_mail_for_each_item_and_one_json_object(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert convert(tmp_path / "out", "2024-03-11") == 0
    counts = printed(capsys)
    mails = sorted((tmp_path / "out").glob("*.eml"))
    assert (counts["bundles"], counts["quarantined"], counts["reasons"]) == (1, 0, [])
    assert counts["items"] == len(mails) > 5
    read = [email.message_from_bytes(path.read_bytes(), policy=email.policy.default) for path in mails]
    assert sum(sum(1 for _ in mail.iter_attachments()) for mail in read) == counts["attachments"]


def test_convert_says_what_it_could_not_read_keeps_its_bytes_and_ends_with_3(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert convert(tmp_path, "2024-03-14") == 3
    counts = printed(capsys)
    (unit,) = counts["reasons"]
    assert (counts["quarantined"], unit["reason"]) == (1, "missing-room-id")
    assert "f855501.ib19.240314.xml" in unit["place"]
    (kept,) = (tmp_path / "quarantine").iterdir()
    assert b"Conversation" in kept.read_bytes()


def test_convert_by_message_makes_more_and_smaller_items_of_the_same_events(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    convert(tmp_path / "day", "2024-03-11")
    by_day = printed(capsys)
    convert(tmp_path / "one", "2024-03-11", "--per", "message")
    by_message = printed(capsys)
    assert by_message["items"] > 5 * by_day["items"]
    assert by_message["events"] == by_day["events"]


def test_the_same_input_gives_the_same_bytes(tmp_path: Path) -> None:
    for name in ("a", "b"):
        convert(tmp_path / name, "2024-03-12")
    first, second = ([path.read_bytes() for path in sorted((tmp_path / n).glob("*.eml"))] for n in "ab")
    assert first == second != []


def test_an_unknown_source_is_named_with_the_known_ones(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["convert", "bloomburg", str(tmp_path), "--out", str(tmp_path)]) == 4
    assert "instant_bloomberg" in capsys.readouterr().err


def test_a_missing_file_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    gone = tmp_path / "gone.xml"
    assert main(["convert", "instant_bloomberg", str(gone), "--out", str(tmp_path)]) == 4
    assert str(gone) in capsys.readouterr().err


def test_keys_are_made_private_and_never_overwritten(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    secret = tmp_path / "secret"
    secret.write_text("correct horse\n", encoding="utf-8")
    command = ["keys", "make", "ib", "--out", str(tmp_path / "keys"), "--email", "archive@bank.example"]
    command += ["--algorithm", "ed25519", "--days", "20", "--passphrase-file", str(secret)]
    assert main(command) == 0
    modes = {path.name: oct(path.stat().st_mode & 0o777) for path in (tmp_path / "keys").iterdir()}
    assert modes == {
        "ib.pgp.asc": "0o600",
        "ib.ssh": "0o600",
        "ib.pgp.pub.asc": "0o644",
        "ib.ssh.pub": "0o644",
    }
    assert "PRIVATE" not in "".join(path.read_text() for path in (tmp_path / "keys").glob("*pub*"))
    capsys.readouterr()
    assert main(command) == 4
    assert "never overwritten" in capsys.readouterr().err


def test_a_key_that_expires_soon_is_warned_of(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    secret = tmp_path / "secret"
    secret.write_text("correct horse", encoding="utf-8")
    command = ["keys", "make", "ib", "--out", str(tmp_path), "--email", "archive@bank.example"]
    main([*command, "--algorithm", "ed25519", "--days", "20", "--passphrase-file", str(secret)])
    public = str(tmp_path / "ib.pgp.pub.asc")
    capsys.readouterr()
    assert main(["keys", "show", public]) == 4
    assert "expires on" in capsys.readouterr().err
    assert main(["keys", "show", public, "--within", "10"]) == 0


def test_a_mapping_with_bad_rows_is_refused_row_by_row(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "mapping.csv"
    path.write_text(
        "External User ID,Microsoft 365 User Mailbox\n7,a@b.example\n8,nobody\n", encoding="utf-8"
    )
    assert main(["check", "mapping", str(path)]) == 4
    assert "row 3" in capsys.readouterr().out
    path.write_text("External User ID,Microsoft 365 User Mailbox\n7,a@b.example\n", encoding="utf-8")
    assert main(["check", "mapping", str(path)]) == 0


def test_a_wrong_connector_is_named_by_file_key_and_remedy(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "feed.yaml"
    path.write_text("name: feed\nsource: instant_bloomberg\nfoldr: x\n", encoding="utf-8")
    assert main(["check", "connector", str(path)]) == 4
    said = capsys.readouterr().out
    assert str(path) in said
    assert "key `foldr`: is no key of a connector; remove this key or mend its spelling" in said
    assert "key `collect`: is missing; add this key" in said


@pytest.mark.parametrize(
    ("lines", "told"),
    [
        ("colect: {connection: x}", "key `colect`: is no key of a connector; did you mean `collect`?"),
        (
            "deliver: {connection: x, foldr: y}",
            "key `deliver.foldr`: is no key of a connector; did you mean `folder`?",
        ),
        ("pgp: {conection: x}", "key `pgp.conection`: is no key of a connector; did you mean `connection`?"),
        (
            "mapping: {domains: bank.example}",
            "key `mapping.domains`: is no list; write a list, as [bank.example]",
        ),
    ],
)
def test_a_key_that_is_misspelt_or_no_list_is_told_with_the_right_one(
    tmp_path: Path, lines: str, told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "feed.yaml"
    path.write_text(f"name: feed\nsource: instant_bloomberg\n{lines}\n", encoding="utf-8")
    assert main(["check", "connector", str(path)]) == 4
    assert told in capsys.readouterr().out


def test_a_source_that_needs_a_profile_asks_for_the_option(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["convert", "own_files", str(tmp_path / "a.csv"), "--out", str(tmp_path)]) == 4
    assert "needs a profile. Name its file with --profile" in capsys.readouterr().err


@pytest.fixture
def ledger(tmp_path: Path) -> str:
    """A ledger with two closed runs."""
    url = f"sqlite:///{tmp_path / 'ledger.db'}"
    with connect(url) as opened:
        for number in (1, 2):
            day = dt.date(2024, 3, number)
            run = opened.open_run(Run(f"ib/{number}", "ib", day, "manual", dt.datetime.now(dt.UTC)))
            root = opened.totals(run.run_id).delivery_root
            opened.close_run(run.run_id, {"found": number, "kind": "manual", "delivery_root": root})
    return url


def test_history_is_a_table_for_people_and_json_for_programs(
    ledger: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["history", "--ledger", ledger, "--since", "2024-03-02"]) == 0
    assert capsys.readouterr().out.splitlines()[2].startswith("2024-03-02  ib")
    main(["history", "--ledger", ledger, "--json"])
    assert [record["found"] for record in printed(capsys)] == [1, 2]


def test_verify_ends_with_6_when_a_row_was_changed(ledger: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["verify", "--ledger", ledger]) == 0
    assert "2 import records: intact" in capsys.readouterr().out
    engine = sa.create_engine(ledger)
    with engine.begin() as connection:
        change = "UPDATE import_record SET body = replace(body, :old, :new)"
        connection.execute(sa.text(change), {"old": '"found":1', "new": '"found":9'})
    engine.dispose()
    assert main(["verify", "--ledger", ledger]) == 6
